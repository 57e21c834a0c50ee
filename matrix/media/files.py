"""Files: our own pictures, sounds and films, by the names that rules use.

A file belongs to a department, or without one to the whole city. `keep` takes what the city's own
files say; what staff send comes through `library`.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, cache_versions
from config.database import Base, session
from config.errors import Invalid, NotFound
from matrix.media import images
from matrix.wechat import gateway
from matrix.wechat.gateway import MediaKind as Kind

CACHE_KEY = "media"

MAX_BYTES = {
    Kind.IMAGE: 10 * 2**20,
    Kind.VOICE: 2 * 2**20,
    Kind.VIDEO: 10 * 2**20,
    Kind.THUMB: 64 * 2**10,
}
_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF8",),
    "audio/amr": (b"#!AMR",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xfa", b"\xff\xf2", b"\xff\xe3"),
    "video/mp4": (b"ftyp",),
}
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "audio/amr": "amr",
    "audio/mpeg": "mp3",
    "video/mp4": "mp4",
}


class MediaFile(Base):
    """One file of ours; `name` is how rules speak of it."""

    __tablename__ = "media_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[Kind]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    mime: Mapped[str]
    size: Mapped[int]
    body: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    preview: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    digest: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]


def detect_mime(body: bytes) -> str | None:
    """What the first bytes say a file is; None for kinds WeChat does not take."""
    for mime, signatures in _SIGNATURES.items():
        head = body[4:] if mime == "video/mp4" else body
        if head.startswith(signatures):
            return mime
    return None


def is_accepted(kind: Kind, mime: str | None) -> bool:
    """Whether WeChat takes this sort of file as this kind."""
    prefix = {Kind.VOICE: "audio/", Kind.VIDEO: "video/"}.get(kind, "image/")
    return mime is not None and mime.startswith(prefix)


def save(
    name: str,
    kind: Kind,
    body: bytes,
    *,
    digest: str,
    department_id: int | None = None,
    now: datetime,
) -> MediaFile:
    """Keep a file under a name; the same bytes again change nothing.

    `digest` is the hex SHA-256 of `body`. Raises Invalid for what WeChat would refuse.
    """
    mime = detect_mime(body)
    if mime is None or not is_accepted(kind, mime):
        raise Invalid(field="file", problem=f"“{name}”不是可用的文件格式")
    if len(body) > MAX_BYTES[kind]:
        raise Invalid(field="file", problem=f"“{name}”超过 {MAX_BYTES[kind] // 1024} KB")
    file = find_by_name(name)
    owner_id = department_id if file is None or department_id is not None else file.department_id
    if file is not None and (file.digest, file.kind, file.department_id) == (
        digest,
        kind,
        owner_id,
    ):
        return file
    if file is None:
        file = MediaFile(name=name, author="", created_at=now, version=0)
        session.add(file)
    file.kind, file.mime, file.department_id = kind, mime, owner_id
    set_content(file, body, digest=digest, now=now)
    audit.record(
        "media.save",
        kind="media",
        object_id=file.id,
        label=name,
        department_id=owner_id,
        after={"sha256": digest},
    )
    return file


def set_content(file: MediaFile, body: bytes, *, digest: str, now: datetime) -> None:
    """Give a file its bytes; every process learns of it."""
    file.body, file.size, file.digest = body, len(body), digest
    file.preview = images.thumbnail(body) if file.mime.startswith("image/") else None
    file.updated_at = now
    file.version += 1
    session.flush()  # the audit row needs the id
    cache_versions.invalidate(CACHE_KEY)


def find_by_name(name: str) -> MediaFile | None:
    """The file of this name, or None."""
    return session.scalars(select(MediaFile).where(MediaFile.name == name)).one_or_none()


def get_content(file_id: int) -> tuple[Kind, gateway.MediaFile, str]:
    """A file's kind, its content as the gateway takes it, and its digest. Raises NotFound."""
    file = session.get(MediaFile, file_id)
    if file is None:
        raise NotFound(kind="media", id=file_id)
    return file.kind, gateway.MediaFile(file.body, file.mime, _EXTENSIONS[file.mime]), file.digest
