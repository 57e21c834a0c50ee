"""Readers of citizens' messages: from WeChat's fields to the classes of `inbound`
(wechat-platform.md 2.2).

A field that is missing or odd costs no more than itself: a message without it is still answered.
"""

import re
from collections.abc import Callable

from matrix.wechat.messages import inbound
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.xml import (
    CommonFields,
    XmlTree,
    find_degrees,
    find_identifier,
    find_integer,
    find_text,
)

# what WeChat writes in the place of stickers, cards and other content that it does not pass on;
# seen in two kinds of brackets and in English (field case A6)
_UNSUPPORTED = re.compile(
    r"[\[【]\s*(?:收到不支持的消息[类類]型[，,]?\s*[暂暫][无無]法[显顯]示|unsupported message)"
    r"[.。]?\s*[\]】]",
    re.IGNORECASE,
)


class MessageFields(CommonFields):
    """The fields every message has besides the common ones."""

    message_id: str | None


def message_fields(tree: XmlTree, common: CommonFields) -> MessageFields:
    """The common fields of a message; its id is None when it has none that can be read."""
    return {**common, "message_id": find_identifier(tree, "MsgId")}


def read_unknown(tree: XmlTree, common: MessageFields) -> Inbound:
    """A message of a kind we do not know, with all that came."""
    return inbound.UnsupportedMessage(raw=tree, **common)


def _text(tree: XmlTree, common: MessageFields) -> Inbound:
    content = find_text(tree, "Content")
    if _UNSUPPORTED.fullmatch(content.strip()):
        return inbound.UnsupportedMessage(**common)
    option_id = find_text(tree, "bizmsgmenuid") or None
    return inbound.Text(content=content, option_id=option_id, **common)


def _image(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Image(
        url=find_text(tree, "PicUrl"), media_id=find_text(tree, "MediaId"), **common
    )


def _voice(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Voice(
        # the same recording at 16 kHz, which newer pushes have beside the other
        media_id=find_text(tree, "MediaId") or find_text(tree, "MediaId16K"),
        format=find_text(tree, "Format") or None,
        # speech recognition was announced to end: the field is empty or missing
        # (wechat-platform.md 17)
        transcript=find_text(tree, "Recognition").strip() or None,
        **common,
    )


def _video(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Video(
        media_id=find_text(tree, "MediaId"),
        thumb_media_id=find_text(tree, "ThumbMediaId") or None,
        **common,
    )


def _short_video(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.ShortVideo(
        media_id=find_text(tree, "MediaId"),
        thumb_media_id=find_text(tree, "ThumbMediaId") or None,
        **common,
    )


def _location(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Location(
        latitude=find_degrees(tree, "Location_X", 90),
        longitude=find_degrees(tree, "Location_Y", 180),
        scale=find_integer(tree, "Scale"),
        label=find_text(tree, "Label"),
        **common,
    )


def _link(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Link(
        title=find_text(tree, "Title"),
        description=find_text(tree, "Description"),
        url=find_text(tree, "Url"),
        **common,
    )


def _file(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.File(
        title=find_text(tree, "Title"),
        description=find_text(tree, "Description"),
        size=find_integer(tree, "FileTotalLen"),
        **common,
    )


def _mini_program_card(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.MiniProgramCard(
        title=find_text(tree, "Title"),
        appid=find_text(tree, "AppId"),
        page_path=find_text(tree, "PagePath"),
        **common,
    )


MESSAGES: dict[str, Callable[[XmlTree, MessageFields], Inbound]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "shortvideo": _short_video,
    "location": _location,
    "link": _link,
    "file": _file,
    "miniprogrampage": _mini_program_card,
}
