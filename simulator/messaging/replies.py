"""Passive replies to pushes, validated as strictly as on the platform.

`parse_reply` turns the body of an answer into a reply, or None for `success` or an empty body.
Anything else is a BadReply, and the phone shows WeChat's failure text. (WeChat: 被动回复用户消息.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from simulator.accounts.accounts import Account
from simulator.core.json_object import JsonObject
from simulator.messaging import envelope
from simulator.messaging.pushes import Push

# called with a media id and the allowed kinds; raises when there is no such file
MediaCheck = Callable[[str, tuple[str, ...]], None]


class BadReply(Exception):
    """The platform would not accept this answer; the message says why."""


@dataclass
class Reply:
    """A valid answer: its kind, what the bubble shows, and the plain XML."""

    kind: str
    body: JsonObject
    xml: str


def parse_reply(
    answer: bytes, account: Account, push: Push, *, check: MediaCheck, text_bytes: int
) -> Reply | None:
    """The reply in the body of an answer, or None when the account does not reply."""
    # servers often end answers with a line break
    text = _decode(answer).strip()
    if text in ("", "success"):
        return None
    root = _parse_xml(text)
    # "success" and the empty body are never encrypted, whatever the mode
    if root.find("Encrypt") is not None:
        if account.mode == "plain":
            raise BadReply("明文模式下收到了加密的回复")
        text = _decrypt(root, account)
        root = _parse_xml(text)
    # compatible mode accepts both forms
    elif account.mode == "safe":
        raise BadReply("安全模式下回复没有加密")
    _check_addresses(root, account, push)
    kind = _value(root, "MsgType")
    reader = _READERS.get(kind)
    if reader is None:
        raise BadReply(f"不支持的回复类型 {kind!r}")
    body = reader(root, check)
    if kind == "text" and len(body["text"].encode()) > text_bytes:
        raise BadReply(f"文本回复超过 {text_bytes} 字节")
    # only messages can be transferred to agents; events have no message id
    if kind == "transfer_customer_service" and push.message_id == 0:
        raise BadReply("事件不能转人工客服")
    if kind == "news" and push.message_id:
        # since October 2018 a news reply shows one item only
        body["articles"] = body["articles"][:1]
    return Reply(kind, body, text)


def _decode(answer: bytes) -> str:
    try:
        return answer.decode()
    except UnicodeDecodeError as error:
        raise BadReply("回复不是 UTF-8") from error


def _parse_xml(text: str) -> ElementTree.Element:
    # entities could expand to gigabytes (billion laughs) or read files
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadReply("回复里有 DTD")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadReply(f"回复不是有效的 XML：{error}") from error
    if root.tag != "xml":
        raise BadReply(f"根元素是 <{root.tag}>，应为 <xml>")
    return root


def _decrypt(root: ElementTree.Element, account: Account) -> str:
    sealed = _value(root, "Encrypt")
    parts = (account.token, _value(root, "TimeStamp"), _value(root, "Nonce"), sealed)
    if not envelope.verify_signature(_value(root, "MsgSignature"), *parts):
        raise BadReply("MsgSignature 不对")
    try:
        return envelope.decrypt(sealed, aes_key=account.aes_key, appid=account.appid)
    except envelope.BadEnvelope as error:
        raise BadReply(str(error)) from error


def _check_addresses(root: ElementTree.Element, account: Account, push: Push) -> None:
    if _value(root, "ToUserName") != push.openid:
        raise BadReply("ToUserName 不是发来消息的 openid")
    if _value(root, "FromUserName") != account.original_id:
        raise BadReply("FromUserName 不是公众号的原始 ID")
    if not _value(root, "CreateTime").isdigit():
        raise BadReply("CreateTime 不是整数")


def _value(parent: ElementTree.Element, path: str, default: str | None = None) -> str:
    found = parent.findtext(path)
    if found is None:
        if default is None:
            raise BadReply(f"回复缺少 {path}")
        return default
    # the spaces of a text belong to the reply; those of ids and numbers come from pretty-printed
    # XML
    return found.strip() if path != "Content" else found


def _text(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    content = _value(root, "Content")
    if not content:
        raise BadReply("文本回复的 Content 为空")
    return {"text": content}


def _image(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    media = _value(root, "Image/MediaId")
    check(media, ("image",))
    return {"media_id": media}


def _voice(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    media = _value(root, "Voice/MediaId")
    check(media, ("voice",))
    return {"media_id": media}


def _video(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    media = _value(root, "Video/MediaId")
    check(media, ("video",))
    return {
        "media_id": media,
        "title": _value(root, "Video/Title", ""),
        "description": _value(root, "Video/Description", ""),
    }


def _music(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    thumb = _value(root, "Music/ThumbMediaId")
    check(thumb, ("thumb", "image"))
    return {
        "title": _value(root, "Music/Title", ""),
        "description": _value(root, "Music/Description", ""),
        # the sample XML and SDKs spell it so; the table of the documentation says MusicURL
        "url": _value(root, "Music/MusicUrl", ""),
        "hq_url": _value(root, "Music/HQMusicUrl", ""),
        "thumb_media_id": thumb,
    }


def _news(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    # up to eight are valid in replies to events; `parse_reply` cuts those to messages
    items = root.findall("Articles/item")
    if not 1 <= len(items) <= 8 or _value(root, "ArticleCount") != str(len(items)):
        raise BadReply("图文回复的 ArticleCount 与条数不符，或不在 1 到 8 之间")
    return {
        "articles": [
            {
                "title": _value(one, "Title"),
                "description": _value(one, "Description", ""),
                "picurl": _value(one, "PicUrl", ""),
                "url": _value(one, "Url", ""),
            }
            for one in items
        ]
    }


def _transfer(root: ElementTree.Element, check: MediaCheck) -> JsonObject:
    return {"account": _value(root, "TransInfo/KfAccount", "")}


_READERS: dict[str, Callable[[ElementTree.Element, MediaCheck], JsonObject]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "music": _music,
    "news": _news,
    "transfer_customer_service": _transfer,
}
