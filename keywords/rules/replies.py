"""Replies: what a rule says, as values that know nothing of WeChat.

    text      content
    image     media
    voice     media
    video     media, title, description
    music     title, description, url, hq_url, thumb
    news      title, description, url, picture
    transfer  hand-over to a person; agent: one of them, or nobody in particular

`media` and `thumb` are names of our own: every account has its own copy under its own media id,
so a rule for the whole city never carries the id of one account. The stored JSON is the same
shape as in the YAML of `load`.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlsplit

from config.errors import Invalid

MOST_REPLIES = 5
LONGEST_TEXT = 5000
LONGEST_NAME = 200
LONGEST_URL = 1024


class Choice(StrEnum):
    """Which of a rule's replies are sent: all, one by chance, or the first that is available."""

    ALL = "all"
    RANDOM = "random"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    type: ClassVar[str] = "text"
    content: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by media name."""

    type: ClassVar[str] = "image"
    media: str


@dataclass(frozen=True, slots=True)
class Voice:
    """A recording by media name."""

    type: ClassVar[str] = "voice"
    media: str


@dataclass(frozen=True, slots=True)
class Video:
    """A film by media name."""

    type: ClassVar[str] = "video"
    media: str
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Music:
    """A piece of music by address; `thumb` is a media name."""

    type: ClassVar[str] = "music"
    thumb: str
    title: str = ""
    description: str = ""
    url: str = ""
    hq_url: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """A card that opens a page."""

    type: ClassVar[str] = "news"
    title: str
    url: str
    description: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the talk over to a person; `agent` is the account of one, or empty."""

    type: ClassVar[str] = "transfer"
    agent: str = ""


Reply = Text | Image | Voice | Video | Music | News | Transfer
_KINDS: dict[str, type[Reply]] = {
    kind.type: kind for kind in (Text, Image, Voice, Video, Music, News, Transfer)
}
_NEEDED: dict[str, tuple[str, ...]] = {
    "text": ("content",),
    "image": ("media",),
    "voice": ("media",),
    "video": ("media",),
    "music": ("thumb",),
    "news": ("title", "url"),
    "transfer": (),
}
_ADDRESSES = frozenset({"url", "hq_url", "picture"})
_LABELS = {
    "content": "文字内容",
    "media": "素材名称",
    "thumb": "封面素材名称",
    "title": "标题",
    "description": "描述",
    "url": "链接",
    "hq_url": "高音质链接",
    "picture": "图片链接",
    "agent": "客服账号",
}


def parse(shape: object, *, field: str = "reply") -> Reply:
    """Read one reply from its stored JSON shape. Raises Invalid naming field and problem."""
    if not isinstance(shape, Mapping):
        raise Invalid(field=field, problem="回复应是一组“名称：内容”。")
    kind = _KINDS.get(str(shape.get("type")))
    if kind is None:
        raise Invalid(field=f"{field}.type", problem=f"回复类型只能是 {'、'.join(_KINDS)}。")
    values = {str(name): value for name, value in shape.items() if name != "type"}
    known = kind.__dataclass_fields__
    for name, value in values.items():
        _check(name, value, kind.type, known, f"{field}.{name}")
    for name in _NEEDED[kind.type]:
        if not str(values.get(name, "")).strip():
            raise Invalid(field=f"{field}.{name}", problem=f"{_LABELS[name]}不能为空。")
    return kind(**values)


def parse_all(shapes: object, *, field: str = "replies") -> tuple[Reply, ...]:
    """Read a rule's replies: at least one, at most five. Raises Invalid."""
    if not isinstance(shapes, list) or not shapes:
        raise Invalid(field=field, problem="至少要有一条回复。")
    if len(shapes) > MOST_REPLIES:
        raise Invalid(field=field, problem=f"一条规则最多 {MOST_REPLIES} 条回复。")
    return tuple(parse(shape, field=f"{field}[{at}]") for at, shape in enumerate(shapes, 1))


def dump(reply: Reply) -> dict[str, Any]:
    """The stored JSON shape of a reply; empty parts are left out."""
    return {"type": reply.type} | {name: value for name, value in asdict(reply).items() if value}


def media_names(listed: Iterable[Reply]) -> frozenset[str]:
    """All media names these replies need on an account."""
    names = {getattr(reply, "media", "") or getattr(reply, "thumb", "") for reply in listed}
    return frozenset(names - {""})


def choose(
    listed: tuple[Reply, ...],
    choice: Choice,
    *,
    available: Callable[[str], bool],
    chance: random.Random,
) -> tuple[Reply, ...]:
    """The replies to send now, in order.

    `available` tells whether the account has a media name; replies without their media are
    skipped. Empty when nothing can be sent.
    """
    ready = tuple(reply for reply in listed if all(map(available, media_names((reply,)))))
    if choice is Choice.ALL or not ready:
        return ready
    return (chance.choice(ready),) if choice is Choice.RANDOM else ready[:1]


def _check(name: str, value: object, kind: str, known: Mapping[str, Any], field: str) -> None:
    if name not in known:
        raise Invalid(field=field, problem=f"{kind} 类型的回复没有这一项。")
    if not isinstance(value, str):
        raise Invalid(field=field, problem=f"{_LABELS[name]}应是文字。")
    if name in _ADDRESSES:
        if value and not _is_address(value):
            raise Invalid(
                field=field, problem=f"{_LABELS[name]}应是 http 或 https 开头的完整网址。"
            )
        return
    longest = LONGEST_TEXT if name == "content" else LONGEST_NAME
    if len(value) > longest:
        raise Invalid(field=field, problem=f"{_LABELS[name]}最长 {longest} 个字。")


def _is_address(value: str) -> bool:
    if len(value) > LONGEST_URL or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
