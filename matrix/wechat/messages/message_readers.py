"""Readers of citizens' messages: from WeChat's fields to the classes of `inbound`
(wechat-platform.md 2.2).
"""

from collections.abc import Callable

from matrix.wechat.messages import inbound
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.xml import (
    CommonFields,
    XmlTree,
    degrees,
    identifier,
    optional,
    optional_integer,
    text,
)


class MessageFields(CommonFields):
    """The fields every message has besides the common ones."""

    message_id: str


def message_fields(tree: XmlTree, common: CommonFields) -> MessageFields:
    """The common fields of a message. Raises MalformedPush when it has no id."""
    return {**common, "message_id": identifier(tree, "MsgId")}


def _text(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Text(
        content=text(tree, "Content"), option_id=optional(tree, "bizmsgmenuid"), **common
    )


def _image(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Image(url=text(tree, "PicUrl"), media_id=text(tree, "MediaId"), **common)


def _voice(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Voice(
        media_id=text(tree, "MediaId"),
        format=optional(tree, "Format"),
        # only where speech recognition is still on (wechat-platform.md 2.2)
        transcript=optional(tree, "Recognition"),
        **common,
    )


def _video(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Video(
        media_id=text(tree, "MediaId"), thumb_media_id=optional(tree, "ThumbMediaId"), **common
    )


def _short_video(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.ShortVideo(
        media_id=text(tree, "MediaId"), thumb_media_id=optional(tree, "ThumbMediaId"), **common
    )


def _location(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Location(
        latitude=degrees(tree, "Location_X", 90),
        longitude=degrees(tree, "Location_Y", 180),
        scale=optional_integer(tree, "Scale"),
        label=optional(tree, "Label") or "",
        **common,
    )


def _link(tree: XmlTree, common: MessageFields) -> Inbound:
    return inbound.Link(
        title=text(tree, "Title"),
        description=optional(tree, "Description") or "",
        url=text(tree, "Url"),
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
}
