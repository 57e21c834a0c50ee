"""What citizens send: text, pictures, voice, video, places, links; and what all pushes share.

    Inbound ─┬─ Message ── Text Image Voice Video ShortVideo Location Link
             ├─ Event   ── see `events`
             └─ Unknown ── a kind nobody told us about, kept as it came

Every push names the account it is for (`to`, a gh_ id), the follower (`openid`), when it was
sent, and its kind. `dedupe_key` is the same for WeChat's retries of one push and differs
between pushes of one account (rules: development guide, "message de-duplication").
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from matrix.wechat.messages.xml import XmlTree

_KEY_LENGTH = 128  # what a column for keys may hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One push to one account.

    `awaits_reply` says whether somebody looks at the chat and a reply would be shown.
    """

    awaits_reply: ClassVar[bool] = False

    kind: str
    to: str
    openid: str
    sent_at: datetime
    message_id: str | None = None

    @property
    def dedupe_key(self) -> str:
        """At most 128 characters; unique within the account."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Inbound):
    """Something a citizen wrote or sent; it always has an id.

    A chat that was opened from an article carries the article's id and position (from 1).
    """

    awaits_reply: ClassVar[bool] = True

    article_id: str | None = None
    article_position: int | None = None

    @property
    def dedupe_key(self) -> str:
        """By message id; the sender is part of it because ids are promised per account only."""
        return limit_key(f"m:{self.openid}:{self.message_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Message):
    """Words. `option` is the id of the menu-message option the citizen tapped, if one."""

    kind: str = "text"
    content: str
    option_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Message):
    """A picture: an expiring address at Tencent, and a media id for three days."""

    kind: str = "image"
    url: str
    media_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice(Message):
    """Spoken words; `recognised` is their text where the platform still writes it down."""

    kind: str = "voice"
    media_id: str
    format: str | None = None
    media_id_16k: str | None = None
    transcript: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(Message):
    """A film and the picture that stands for it."""

    kind: str = "video"
    media_id: str
    thumb_media_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortVideo(Message):
    """A film taken inside the chat."""

    kind: str = "short_video"
    media_id: str
    thumb_media_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(Message):
    """A place, in degrees; `scale` is the zoom of the map, `label` its name."""

    kind: str = "location"
    latitude: float
    longitude: float
    scale: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Message):
    """A page the citizen shared into the chat."""

    kind: str = "link"
    title: str
    description: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Inbound):
    """Something that happened, told by the platform. Events have no message id."""

    @property
    def dedupe_subject(self) -> str:
        """What tells two events of one kind, sender and second apart."""
        return ""

    @property
    def dedupe_key(self) -> str:
        """By sender, second, kind and subject."""
        return limit_key(
            f"e:{self.openid}:{self.sent_at.timestamp():.0f}:{self.kind}:{self.dedupe_subject}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Inbound):
    """A push of a kind we do not know: `kind` as it calls itself, `raw` as it came."""

    raw: XmlTree

    @property
    def dedupe_key(self) -> str:
        """By its id where it has one, else by all it says."""
        if self.message_id:
            return limit_key(f"m:{self.openid}:{self.message_id}")
        content = json.dumps(self.raw, sort_keys=True).encode()
        return f"u:{hashlib.sha256(content).hexdigest()}"


def limit_key(key: str) -> str:
    """The key itself, or its beginning and a digest where it is too long for a column."""
    if len(key) <= _KEY_LENGTH:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: _KEY_LENGTH - len(digest) - 1]}:{digest}"
