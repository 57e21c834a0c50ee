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
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from config.errors import Invalid
from config.validation import (
    FIELD_ERROR,
    NOT_BLANK,
    field_error,
    format_loc,
    format_message,
    list_errors,
)
from config.validation.references import RefersTo

MAX_REPLIES = 5
MAX_TEXT_LENGTH = 5000
MAX_NAME_LENGTH = 200
MAX_URL_LENGTH = 1024
LABELS: Mapping[str, str] = {
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


class Choice(StrEnum):
    """Which of a rule's replies are sent: all, one by chance, or the first that is available."""

    ALL = "all"
    RANDOM = "random"
    FIRST = "first"


def _check_address(value: str) -> str:
    # an empty address is one that was left out; where it is needed, min_length refuses it first
    if value and not _is_address(value):
        raise field_error("应是 http 或 https 开头的完整网址。")
    return value


def _is_address(value: str) -> bool:
    # a space has no place in a URL (RFC 3986) and would end the link
    if len(value) > MAX_URL_LENGTH or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


_Content = Annotated[
    str, StringConstraints(strict=True, max_length=MAX_TEXT_LENGTH, pattern=NOT_BLANK)
]
_Name = Annotated[
    str, StringConstraints(strict=True, max_length=MAX_NAME_LENGTH, pattern=NOT_BLANK)
]
_MediaName = Annotated[_Name, RefersTo("media")]
_Note = Annotated[str, StringConstraints(strict=True, max_length=MAX_NAME_LENGTH)]
_Link = Annotated[str, StringConstraints(strict=True, min_length=1), AfterValidator(_check_address)]
_MaybeLink = Annotated[str, StringConstraints(strict=True), AfterValidator(_check_address)]


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    content: _Content
    # a field and not a class attribute, because pydantic tells the seven types apart by it
    type: Literal["text"] = field(default="text", kw_only=True)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by media name."""

    media: _MediaName
    type: Literal["image"] = field(default="image", kw_only=True)


@dataclass(frozen=True, slots=True)
class Voice:
    """A recording by media name."""

    media: _MediaName
    type: Literal["voice"] = field(default="voice", kw_only=True)


@dataclass(frozen=True, slots=True)
class Video:
    """A film by media name."""

    media: _MediaName
    title: _Note = ""
    description: _Note = ""
    type: Literal["video"] = field(default="video", kw_only=True)


@dataclass(frozen=True, slots=True)
class Music:
    """A piece of music by address; `thumb` is a media name."""

    thumb: _MediaName
    title: _Note = ""
    description: _Note = ""
    url: _MaybeLink = ""
    hq_url: _MaybeLink = ""
    type: Literal["music"] = field(default="music", kw_only=True)


@dataclass(frozen=True, slots=True)
class News:
    """A card that opens a page."""

    title: _Name
    url: _Link
    description: _Note = ""
    picture: _MaybeLink = ""
    type: Literal["news"] = field(default="news", kw_only=True)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the talk over to a person; `agent` is the account of one, or empty."""

    agent: _Note = ""
    type: Literal["transfer"] = field(default="transfer", kw_only=True)


Reply = Text | Image | Voice | Video | Music | News | Transfer
# the same for pydantic, which then reports the errors of that one type and not of all seven
AnyReply = Annotated[Reply, Field(discriminator="type")]
KINDS: Mapping[str, type[Reply]] = {
    "text": Text,
    "image": Image,
    "voice": Voice,
    "video": Video,
    "music": Music,
    "news": News,
    "transfer": Transfer,
}
_UNKNOWN_TYPE = f"回复类型只能是 {'、'.join(KINDS)}。"
# the messages of replies by pydantic's error type; see config.validation.format_message
MESSAGES: Mapping[str, str] = {
    "missing": "{label}不能为空。",
    "string_too_short": "{label}不能为空。",
    "string_pattern_mismatch": "{label}不能为空。",
    "string_type": "{label}应是文字。",
    "string_too_long": "{label}最长 {max_length} 个字。",
    "unexpected_keyword_argument": "{parent} 类型的回复没有这一项。",
    "union_tag_invalid": _UNKNOWN_TYPE,
    "union_tag_not_found": _UNKNOWN_TYPE,
    "model_attributes_type": "回复应是一组“名称：内容”。",
    FIELD_ERROR: "{label}{problem}",
}
_ADAPTER: TypeAdapter[Reply] = TypeAdapter(
    AnyReply, config=ConfigDict(extra="forbid", revalidate_instances="always")
)


def parse(shape: object, *, field: str = "reply") -> Reply:
    """Read one reply from its shape in files. Raises Invalid naming field and problem."""
    try:
        return _ADAPTER.validate_python(shape)
    except ValidationError as error:
        first = list_errors(error)[0]
        loc = (field, *source_loc(first["loc"], first["type"]))
        problem = format_message(first, MESSAGES, LABELS)
        raise Invalid(field=format_loc(loc), problem=problem) from error


def source_loc(loc: Iterable[str | int], error_type: str) -> tuple[str | int, ...]:
    """Where an error of pydantic is within a reply.

    Pydantic puts the reply's type into the path, which is no level of the file.
    """
    return ("type",) if error_type.startswith("union_tag_") else tuple(loc)[1:]


def dump(reply: Reply) -> dict[str, str]:
    """The shape of a reply in files, versions and the table; empty parts are left out."""
    parts = ((name, getattr(reply, name)) for name in reply.__dataclass_fields__)
    return {"type": reply.type} | {name: value for name, value in parts if value}


def from_stored(shape: Mapping[str, str]) -> Reply:
    """The reply of a stored shape, which `dump` wrote; not validated again."""
    kind: Callable[..., Reply] = KINDS[shape["type"]]
    return kind(**shape)


def media_names(listed: Iterable[Reply]) -> frozenset[str]:
    """All media names these replies need on an account."""
    # types without media have neither attribute
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
    # a rule of the city may name a picture that this account has not uploaded yet
    ready = tuple(reply for reply in listed if all(map(available, media_names((reply,)))))
    if choice is Choice.ALL or not ready:
        return ready
    return (chance.choice(ready),) if choice is Choice.RANDOM else ready[:1]
