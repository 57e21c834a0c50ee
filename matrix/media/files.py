"""Files: our own pictures, sounds and films, by the names that rules use.

A file belongs to a department, or without one to the whole city. `keep` takes what the city's own
files say; what staff send comes through `library`.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, revisions
from config.database import Base, session
from config.errors import Invalid, NotFound
from matrix.media import pictures
from matrix.wechat import gateway
from matrix.wechat.gateway import MediaKind as Kind

REVISION = "media"

LIMITS = {
    Kind.IMAGE: 10 * 2**20,
    Kind.VOICE: 2 * 2**20,
    Kind.VIDEO: 10 * 2**20,
    Kind.THUMB: 64 * 2**10,
}
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF8",),
    "audio/amr": (b"#!AMR",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xfa", b"\xff\xf2", b"\xff\xe3"),
    "video/mp4": (b"ftyp",),
}
_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "audio/amr": "amr",
    "audio/mpeg": "mp3",
    "video/mp4": "mp4",
}


class File(Base):
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


def mime_of(body: bytes) -> str | None:
    """What the first bytes say a file is; None for kinds WeChat does not take."""
    for mime, beginnings in _BEGINNINGS.items():
        place = body[4:] if mime == "video/mp4" else body
        if place.startswith(beginnings):
            return mime
    return None


def fits(kind: Kind, mime: str | None) -> bool:
    """Whether WeChat takes this sort of file as this kind."""
    wanted = {Kind.VOICE: "audio/", Kind.VIDEO: "video/"}.get(kind, "image/")
    return mime is not None and mime.startswith(wanted)


def keep(
    name: str,
    kind: Kind,
    body: bytes,
    *,
    digest: str,
    department_id: int | None = None,
    now: datetime,
) -> File:
    """Keep a file under a name; the same bytes again change nothing.

    `digest` is the hex SHA-256 of `body`. Raises Invalid for what WeChat would refuse.
    """
    mime = mime_of(body)
    if mime is None or not fits(kind, mime):
        raise Invalid(field="file", problem=f"“{name}”不是可用的文件格式")
    if len(body) > LIMITS[kind]:
        raise Invalid(field="file", problem=f"“{name}”超过 {LIMITS[kind] // 1024} KB")
    file = by_name(name)
    owner = department_id if file is None or department_id is not None else file.department_id
    if file is not None and (file.digest, file.kind, file.department_id) == (digest, kind, owner):
        return file
    if file is None:
        file = File(name=name, author="", created_at=now, version=0)
        session.add(file)
    file.kind, file.mime, file.department_id = kind, mime, owner
    put(file, body, digest=digest, now=now)
    audit.record(
        "media.keep",
        kind="media",
        object_id=file.id,
        label=name,
        department_id=owner,
        after={"sha256": digest},
    )
    return file


def put(file: File, body: bytes, *, digest: str, now: datetime) -> None:
    """Give a file its bytes; every process learns of it."""
    file.body, file.size, file.digest = body, len(body), digest
    file.preview = pictures.small(body) if file.mime.startswith("image/") else None
    file.updated_at = now
    file.version += 1
    session.flush()  # the audit row needs the id
    revisions.bump(REVISION)


def by_name(name: str) -> File | None:
    """The file of this name, or None."""
    return session.scalars(select(File).where(File.name == name)).one_or_none()


def content_of(file_id: int) -> tuple[Kind, gateway.File, str]:
    """A file's kind, its content as the gateway takes it, and its digest. Raises NotFound."""
    file = session.get(File, file_id)
    if file is None:
        raise NotFound(kind="media", id=file_id)
    return file.kind, gateway.File(file.body, file.mime, _ENDINGS[file.mime]), file.digest
