"""Replies: what an account answered to a push, checked as strictly as the platform does.

`read` turns the answer's body into None (nothing wanted: `success` or empty) or a bubble. Anything
else is a `BadReply`, and the citizen sees the failure text. (WeChat: 被动回复用户消息.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from simulator.accounts.accounts import Account
from simulator.messaging import envelope
from simulator.messaging.pushes import Push

# media id, kinds it may be -> raises or returns nothing
MediaCheck = Callable[[str, tuple[str, ...]], None]


class BadReply(Exception):
    """The platform would not show this answer; the text says why."""


@dataclass
class Reply:
    """A valid answer: its kind, what the bubble shows, and the plain XML."""

    kind: str
    body: dict[str, Any]
    xml: str


def parse_reply(
    answer: bytes, account: Account, push: Push, *, check: MediaCheck, text_bytes: int
) -> Reply | None:
    """The reply inside an answer body, or None when the account wants to say nothing."""
    text = _decode(answer).strip()
    if text in ("", "success"):
        return None
    root = _parse_xml(text)
    if root.find("Encrypt") is not None:
        if account.mode == "plain":
            raise BadReply("明文模式下收到了加密的回复")
        text = _decrypt(root, account)
        root = _parse_xml(text)
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
    if kind == "transfer_customer_service" and push.message_id == 0:
        raise BadReply("事件不能转人工客服")
    if kind == "news" and push.message_id:
        body["articles"] = body["articles"][:1]  # since 2018 a message gets one item only
    return Reply(kind, body, text)


def _decode(answer: bytes) -> str:
    try:
        return answer.decode()
    except UnicodeDecodeError as error:
        raise BadReply("回复不是 UTF-8") from error


def _parse_xml(text: str) -> ElementTree.Element:
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
    return found.strip() if path != "Content" else found


def _text(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
    content = _value(root, "Content")
    if not content:
        raise BadReply("文本回复的 Content 为空")
    return {"text": content}


def _image(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
    media = _value(root, "Image/MediaId")
    check(media, ("image",))
    return {"media_id": media}


def _voice(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
    media = _value(root, "Voice/MediaId")
    check(media, ("voice",))
    return {"media_id": media}


def _video(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
    media = _value(root, "Video/MediaId")
    check(media, ("video",))
    return {
        "media_id": media,
        "title": _value(root, "Video/Title", ""),
        "description": _value(root, "Video/Description", ""),
    }


def _music(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
    thumb = _value(root, "Music/ThumbMediaId")
    check(thumb, ("thumb", "image"))
    return {
        "title": _value(root, "Music/Title", ""),
        "description": _value(root, "Music/Description", ""),
        "url": _value(root, "Music/MusicUrl", ""),
        "hq_url": _value(root, "Music/HQMusicUrl", ""),
        "thumb_media_id": thumb,
    }


def _news(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
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


def _transfer(root: ElementTree.Element, check: MediaCheck) -> dict[str, Any]:
    return {"account": _value(root, "TransInfo/KfAccount", "")}


_READERS: dict[str, Callable[[ElementTree.Element, MediaCheck], dict[str, Any]]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "music": _music,
    "news": _news,
    "transfer_customer_service": _transfer,
}
