"""Fields of ordinary messages (development guide, "receive ordinary messages")."""

from collections.abc import Callable

from matrix.wechat.messages import kinds
from matrix.wechat.messages.kinds import Inbound
from matrix.wechat.messages.reading import (
    Common,
    Tree,
    degrees,
    identifier,
    maybe,
    maybe_integer,
    text,
)


class WithId(Common):
    """What every message says besides."""

    message_id: str
    article_id: str | None
    article_position: int | None


def with_id(tree: Tree, common: Common) -> WithId:
    """The common fields of a message. Raises Malformed when it has no id."""
    return {
        **common,
        "message_id": identifier(tree, "MsgId"),
        "article_id": maybe(tree, "MsgDataId"),
        "article_position": maybe_integer(tree, "Idx"),
    }


def _text(tree: Tree, common: WithId) -> Inbound:
    return kinds.Text(content=text(tree, "Content"), option=maybe(tree, "bizmsgmenuid"), **common)


def _image(tree: Tree, common: WithId) -> Inbound:
    return kinds.Image(url=text(tree, "PicUrl"), media_id=text(tree, "MediaId"), **common)


def _voice(tree: Tree, common: WithId) -> Inbound:
    return kinds.Voice(
        media_id=text(tree, "MediaId"),
        format=maybe(tree, "Format"),
        media_id_16k=maybe(tree, "MediaId16K"),
        recognised=maybe(tree, "Recognition"),
        **common,
    )


def _video(tree: Tree, common: WithId) -> Inbound:
    return kinds.Video(
        media_id=text(tree, "MediaId"), thumb_media_id=maybe(tree, "ThumbMediaId"), **common
    )


def _short_video(tree: Tree, common: WithId) -> Inbound:
    return kinds.ShortVideo(
        media_id=text(tree, "MediaId"), thumb_media_id=maybe(tree, "ThumbMediaId"), **common
    )


def _location(tree: Tree, common: WithId) -> Inbound:
    return kinds.Location(
        latitude=degrees(tree, "Location_X", 90),
        longitude=degrees(tree, "Location_Y", 180),
        scale=maybe_integer(tree, "Scale"),
        label=maybe(tree, "Label") or "",
        **common,
    )


def _link(tree: Tree, common: WithId) -> Inbound:
    return kinds.Link(
        title=text(tree, "Title"),
        description=maybe(tree, "Description") or "",
        url=text(tree, "Url"),
        **common,
    )


MESSAGES: dict[str, Callable[[Tree, WithId], Inbound]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "shortvideo": _short_video,
    "location": _location,
    "link": _link,
}
