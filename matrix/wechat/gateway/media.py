"""Media: files at WeChat, each belonging to one account.

Temporary ones live three days; permanent pictures stay until somebody deletes them. A media id
of another account is refused (40007), so every account uploads its own.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import require_field, to_datetime
from matrix.wechat.http_client import Download, JsonObject

TEMPORARY_LIFETIME = timedelta(days=3)

_UPLOAD = "/cgi-bin/media/upload"
_GET = "/cgi-bin/media/get"
_ADD = "/cgi-bin/material/add_material"


class MediaKind(StrEnum):
    """What a temporary file is; each kind has its own formats and sizes."""

    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    THUMB = "thumb"


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file: its bytes, its MIME type, and the ending its name gets, without the dot.

    Names are made here, since WeChat stumbles over Chinese ones.
    """

    content: bytes
    content_type: str
    ending: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]{2,5}", self.ending):
            raise ValueError("an ending is two to five small letters or digits")


@dataclass(frozen=True, slots=True)
class TemporaryMedia:
    """A file at WeChat until `expires_at`."""

    media_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PermanentImage:
    """A picture in the account's library; `url` works inside WeChat's articles."""

    media_id: str
    url: str


@dataclass(frozen=True, slots=True)
class VideoLink:
    """Where a film can be fetched for a while."""

    url: str


def upload_media(
    account: Credentials, kind: MediaKind, file: MediaFile, *, now: datetime
) -> TemporaryMedia:
    """Put a file at WeChat for three days. Raises Refused for a wrong format or size."""
    answer: JsonObject = WeChatClient(account).media.upload(kind.value, _named(file))
    # for thumbnails WeChat gives the id another name (wechat-platform.md 7.5)
    name = "thumb_media_id" if "thumb_media_id" in answer else "media_id"
    # by WeChat's clock where it says when: ours may be ahead, and the id lapses by theirs
    created = to_datetime(answer.get("created_at")) or now
    return TemporaryMedia(require_field(_UPLOAD, answer, name, str), created + TEMPORARY_LIFETIME)


def download_media(account: Credentials, media_id: str) -> Download | VideoLink:
    """A temporary file's bytes, or where a film can be fetched."""
    # a video is documented as an address and often answered with bytes
    # (wechat-platform.md 17): both count
    found: JsonObject | Download = WeChatClient(account).media.download(media_id)
    if isinstance(found, Download):
        return found
    return VideoLink(require_field(_GET, found, "video_url", str))


def upload_permanent_image(account: Credentials, file: MediaFile) -> PermanentImage:
    """Put a picture into the account's library."""
    answer: JsonObject = WeChatClient(account).material.add("image", _named(file))
    return PermanentImage(require_field(_ADD, answer, "media_id", str), str(answer.get("url", "")))


def _named(file: MediaFile) -> tuple[str, bytes, str]:
    """The file as `requests` takes it: name, content and type."""
    # an ASCII name with the right ending, as WeChat asks for (wechat-platform.md 7.5)
    return f"file.{file.ending}", file.content, file.content_type
