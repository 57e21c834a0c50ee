"""Inbound: what citizens send (text, picture, voice, video, place, link, file), and the common
base classes.

    Inbound --+-- Message    Text Image Voice Video ShortVideo Location Link File MiniProgramCard
              |              UnsupportedMessage, which WeChat itself cannot show
              +-- Event      see `events` and `job_events`
              +-- Unknown    an event we do not know, kept as it came

A message is read as far as it goes: a field that is missing or unreadable is empty or None, because
somebody is waiting for an answer to it.

Every push names the account it is for (`to`, a gh_ id), the follower (`openid`), when it was sent,
and its kind. `dedupe_key` is equal for the retries of one push and different for all other pushes
of the account (wechat-platform.md 1.5: by MsgId, for events by FromUserName and CreateTime).
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from matrix.wechat.messages.xml import XmlTree

_KEY_LENGTH = 128  # characters; the key is part of an index that every push writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One push to one account. `awaits_reply` says whether a passive reply would be shown."""

    # False unless a class says otherwise: WeChat takes a reply to VIEW or LOCATION, but the
    # citizen is on another page or did not ask (wechat-platform.md 1.6)
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
    """Something a citizen sent; it has a message id unless WeChat left it out."""

    awaits_reply: ClassVar[bool] = True

    @property
    def dedupe_key(self) -> str:
        """The message id, with the sender: uniqueness is promised per account only.

        Without an id the time and the content, which the retries of a push have in common.
        """
        if self.message_id:
            return limit_key(f"m:{self.openid}:{self.message_id}")
        content = hashlib.sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()
        return f"c:{content}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Message):
    """A text. `option_id` is the id of the menu-message option the citizen tapped, if any."""

    kind: str = "text"
    content: str
    option_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Message):
    """A picture: a URL at Tencent that expires, and a media id for three days."""

    kind: str = "image"
    url: str
    media_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice(Message):
    """A voice message; `transcript` is its text where WeChat still provides it."""

    kind: str = "voice"
    media_id: str
    format: str | None = None
    transcript: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(Message):
    """A video, and the picture that stands for it."""

    kind: str = "video"
    media_id: str
    thumb_media_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortVideo(Message):
    """A video recorded inside the chat."""

    kind: str = "short_video"
    media_id: str
    thumb_media_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(Message):
    """A place, in degrees (None where WeChat gives none that can be read); `scale` is the map's
    zoom, `label` its name.
    """

    kind: str = "location"
    latitude: float | None
    longitude: float | None
    scale: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Message):
    """A page the citizen shared."""

    kind: str = "link"
    title: str
    description: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Message):
    """A file from the chat; WeChat pushes its name and size in bytes, and no way to download it."""

    kind: str = "file"
    title: str
    description: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniProgramCard(Message):
    """A page of a mini program that the citizen shared."""

    kind: str = "mini_program_card"
    title: str
    appid: str = ""
    page_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedMessage(Message):
    """A sticker, card or other content that WeChat replaces by a sentence about itself.

    Of a kind of message we do not know, `raw` is what came; None for WeChat's own sentence.
    """

    kind: str = "unsupported"
    raw: XmlTree | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Inbound):
    """Something that happened, reported by WeChat. Events have no message id."""

    @property
    def dedupe_subject(self) -> str:
        """What tells apart two events of the same kind, sender and second."""
        return ""

    @property
    def dedupe_key(self) -> str:
        """Sender, second, kind and subject."""
        return limit_key(
            f"e:{self.openid}:{self.sent_at.timestamp():.0f}:{self.kind}:{self.dedupe_subject}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Inbound):
    """A push of a kind we do not know: `kind` as WeChat calls it, `raw` as it came."""

    raw: XmlTree

    @property
    def dedupe_key(self) -> str:
        """By its message id if it has one, otherwise by its whole content."""
        if self.message_id:
            return limit_key(f"m:{self.openid}:{self.message_id}")
        # the retries of a push have the same content, and no other push has it
        content = json.dumps(self.raw, sort_keys=True).encode()
        return f"u:{hashlib.sha256(content).hexdigest()}"


def limit_key(key: str) -> str:
    """The key, or its beginning and a digest when it is longer than 128 characters."""
    if len(key) <= _KEY_LENGTH:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: _KEY_LENGTH - len(digest) - 1]}:{digest}"
