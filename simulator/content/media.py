"""Media files of an account: images, voices, videos and thumbs.

Temporary files exist for three days, permanent ones until they are deleted. A media id is valid at
its own account only; elsewhere it is unknown (40007). (WeChat: 素材管理.)
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import asdict, dataclass

from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.limits import Limits
from simulator.core.storage import Storage

KILO, MEGA = 1024, 1024 * 1024
# kind -> (maximal bytes, extensions of temporary files, extensions of permanent files)
# WeChat: 新增临时素材, 新增永久素材; an older page says 2 MB for images
RULES: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "image": (10 * MEGA, ("jpg", "jpeg", "png", "gif"), ("jpg", "jpeg", "png", "gif", "bmp")),
    "voice": (2 * MEGA, ("amr", "mp3", "speex"), ("amr", "mp3", "wma", "wav")),
    "video": (10 * MEGA, ("mp4",), ("mp4",)),
    "thumb": (64 * KILO, ("jpg", "jpeg"), ("jpg", "jpeg")),
}
CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "amr": "audio/amr",
    "speex": "audio/speex",
    "mp3": "audio/mpeg",
    "wma": "audio/x-ms-wma",
    "wav": "audio/wav",
    "mp4": "video/mp4",
}


@dataclass
class Medium:
    """One stored file. expires_at 0: permanent. `picture` is its name in public links."""

    id: str
    appid: str
    kind: str
    filename: str
    data: bytes
    created_at: float
    expires_at: float = 0.0
    title: str = ""
    introduction: str = ""
    # as on the platform, public links do not contain the media id
    picture: str = ""

    @property
    def mime(self) -> str:
        """The content type, by the extension of the file."""
        return CONTENT_TYPES.get(
            self.filename.rpartition(".")[2].lower(), "application/octet-stream"
        )


class MediaStore:
    """All files of all accounts by id."""

    def __init__(self, clock: Clock, limits: Limits, storage: Storage) -> None:
        self._clock = clock
        self._limits = limits
        self._storage = storage
        self._by_id: dict[str, Medium] = {}
        self._by_picture: dict[str, Medium] = {}
        for body in storage.load_all("medium"):
            self._store(Medium(**{**body, "data": base64.b64decode(body["data"])}))

    def add_temporary(self, appid: str, kind: str, filename: str, data: bytes) -> Medium:
        """Store a temporary file; raises 40004, 40005, 40006 or 44001."""
        _check(kind, filename, data, permanent=False)
        return self._add(appid, kind, filename, data, self._limits.media_seconds)

    def add_permanent(
        self, appid: str, kind: str, filename: str, data: bytes, **metadata: str
    ) -> Medium:
        """Store a permanent file; `metadata` are title and introduction of a video."""
        _check(kind, filename, data, permanent=True)
        return self._add(appid, kind, filename, data, 0, **metadata)

    def add_article_picture(self, appid: str, filename: str, data: bytes) -> Medium:
        """Store a picture for article bodies, which has a link and no media id (uploadimg)."""
        # pictures in article bodies are limited to 1 MB, and do not count towards the library
        if len(data) > MEGA:
            raise ApiError(40009, "invalid image size")
        return self.add_permanent(appid, "image", filename, data, title="uploadimg")

    def get(self, appid: str, media_id: object) -> Medium:
        """The account's own file that has not expired; 40007 otherwise, 41006 without an id."""
        if not media_id:
            raise ApiError(41006, "media_id missing")
        medium = self._by_id.get(media_id) if isinstance(media_id, str) else None
        if medium is None or medium.appid != appid or self._expired(medium):
            raise ApiError(40007, "invalid media_id")
        return medium

    def get_of_kind(self, appid: str, media_id: object, kinds: tuple[str, ...]) -> Medium:
        """Like `get`, and the file must be of one of the kinds."""
        medium = self.get(appid, media_id)
        if medium.kind not in kinds:
            raise ApiError(40007, "invalid media_id")
        return medium

    def find_by_picture(self, name: str) -> Medium | None:
        """The file of a public link, or None."""
        return self._by_picture.get(name)

    def find(self, media_id: str) -> Medium | None:
        """A file for the phone, whichever account owns it and even when it has expired."""
        return self._by_id.get(media_id)

    def list_permanent(self, appid: str, kind: str | None = None) -> list[Medium]:
        """The account's permanent files, newest first."""
        found = [
            one
            for one in self._by_id.values()
            if one.appid == appid
            and not one.expires_at
            # article pictures are not in the library, so batchget_material does not list them
            and one.title != "uploadimg"
            and kind in (None, one.kind)
        ]
        return sorted(found, key=lambda one: -one.created_at)

    def delete(self, appid: str, media_id: object) -> None:
        """Remove a permanent file; 40007 when it is not in the account's library."""
        medium = self.get(appid, media_id)
        if medium.expires_at:
            raise ApiError(40007, "invalid media_id")
        del self._by_id[medium.id]
        self._by_picture.pop(medium.picture, None)
        self._storage.delete("medium", medium.id)

    def _expired(self, medium: Medium) -> bool:
        return bool(medium.expires_at) and medium.expires_at <= self._clock.now()

    def _add(
        self, appid: str, kind: str, filename: str, data: bytes, seconds: float, **metadata: str
    ) -> Medium:
        now = self._clock.now()
        medium = Medium(
            # of different lengths for temporary and permanent files, so that columns must hold both
            secrets.token_urlsafe(48 if seconds else 32),
            appid,
            kind,
            filename,
            data,
            now,
            now + seconds if seconds else 0.0,
            picture=secrets.token_urlsafe(24),
            **metadata,
        )
        self._store(medium)
        body = {**asdict(medium), "data": base64.b64encode(data).decode()}
        self._storage.put("medium", medium.id, body)
        return medium

    def _store(self, medium: Medium) -> None:
        self._by_id[medium.id] = medium
        self._by_picture[medium.picture] = medium


def _check(kind: str, filename: str, data: bytes, *, permanent: bool) -> None:
    rule = RULES.get(kind)
    if rule is None:
        raise ApiError(40004, "invalid media type")
    max_bytes, temporary_endings, permanent_endings = rule
    endings = permanent_endings if permanent else temporary_endings
    # by the extension, as the platform does; receivers that trust it must look at the bytes
    # themselves
    if filename.rpartition(".")[2].lower() not in endings:
        raise ApiError(40005, "invalid file type")
    if not data:
        raise ApiError(44001, "empty media data")
    if len(data) > max_bytes:
        raise ApiError(45001, "media size out of limit")
