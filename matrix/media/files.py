"""Files: our own pictures, voice files and videos, by the names that rules use.

A file belongs to a department, or to the whole city when it has none. `save` is the way of files
that are loaded with rules and demo content; what staff upload goes through `management`, which
makes it harmless first.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, cache_versions
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, session
from config.database.optimistic_locking import Versioned
from config.errors import Invalid, NotFound
from matrix.media import images
from matrix.wechat import gateway
from matrix.wechat.gateway import MediaKind as Kind

CACHE_KEY = "media"

# WeChat's limits for temporary media (wechat-platform.md 7.5)
MAX_BYTES = {
    Kind.IMAGE: 10 * 2**20,
    Kind.VOICE: 2 * 2**20,
    Kind.VIDEO: 10 * 2**20,
    Kind.THUMB: 64 * 2**10,
}
# the type is read from the content: names and declared types come from outside and may lie
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


class MediaAction(AuditAction, kind=ObjectKind("media", "素材")):
    """What is recorded about files; SAVE is that of loaded content."""

    CREATE = "media.create", "添加素材"
    REPLACE = "media.replace", "替换素材"
    DELETE = "media.delete", "删除素材"
    SAVE = "media.save", "保存素材"


class MediaFile(Versioned, Base):
    """One file; `name` is how rules refer to it."""

    __tablename__ = "media_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[Kind]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    mime: Mapped[str]
    size: Mapped[int]
    # deferred: lists must not load megabytes
    body: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    preview: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    digest: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


def detect_mime(body: bytes) -> str | None:
    """The MIME type that the first bytes tell; None for formats WeChat does not take."""
    for mime, signatures in _SIGNATURES.items():
        # an MP4 begins with the length of its first box, then its name
        head = body[4:] if mime == "video/mp4" else body
        if head.startswith(signatures):
            return mime
    return None


def is_accepted(kind: Kind, mime: str | None) -> bool:
    """Whether WeChat takes a file of this MIME type as this kind."""
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
    """Store a file under a name; the same bytes again change nothing.

    `digest` is the hexadecimal SHA-256 of `body`. Raises Invalid for what WeChat would refuse.
    """
    mime = detect_mime(body)
    if mime is None or not is_accepted(kind, mime):
        raise Invalid(field="file", problem=f"“{name}”不是可用的文件格式")
    if len(body) > MAX_BYTES[kind]:
        raise Invalid(field="file", problem=f"“{name}”超过 {MAX_BYTES[kind] // 1024} KB")
    file = find_by_name(name)
    # a file loaded without an owner keeps the one it has
    owner_id = department_id if file is None or department_id is not None else file.department_id
    if file is not None and (file.digest, file.kind, file.department_id) == (
        digest,
        kind,
        owner_id,
    ):
        return file
    if file is None:
        file = MediaFile(name=name, author="", created_at=now)
        session.add(file)
    file.kind, file.mime, file.department_id = kind, mime, owner_id
    set_content(file, body, digest=digest, now=now)
    audit.record(
        MediaAction.SAVE,
        owner=file,
        object_id=file.id,
        label=name,
        after={"sha256": digest},
    )
    return file


def set_content(file: MediaFile, body: bytes, *, digest: str, now: datetime) -> None:
    """Give a file its bytes and thumbnail, and make every process reload the media ids."""
    file.body, file.size, file.digest = body, len(body), digest
    file.preview = images.thumbnail(body) if file.mime.startswith("image/") else None
    file.updated_at = now
    session.flush()  # the audit row needs the id
    cache_versions.invalidate(CACHE_KEY)


def find_by_name(name: str) -> MediaFile | None:
    """The file with this name; None when there is none."""
    return session.scalars(select(MediaFile).where(MediaFile.name == name)).one_or_none()


def get_content(file_id: int) -> tuple[Kind, gateway.MediaFile, str]:
    """A file's kind, its content as the gateway takes it, and its digest. Raises NotFound."""
    file = session.get(MediaFile, file_id)
    if file is None:
        raise NotFound(kind="media", id=file_id)
    return file.kind, gateway.MediaFile(file.body, file.mime, _EXTENSIONS[file.mime]), file.digest
