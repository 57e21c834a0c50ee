"""Media: our own pictures, sounds and films, and their names at each account.

    File 1 ──< n Upload (account, media id, three days)

A media id belongs to one account and lapses, so rules name a File, and the answer takes the
account's own id for it. `due` tells which uploads must be made or made again; a job makes them
in good time, for a citizen who waits cannot wait for an upload.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, jobs, revisions
from config.database import Base, session, upsert
from config.errors import Invalid, NotFound
from matrix.wechat import gateway
from matrix.wechat.gateway import MediaKind as Kind
from matrix.wechat.gateway import TemporaryMedia

REVISION = "media"
UPLOAD = "media.upload"

EARLY = timedelta(hours=12)


_LIMITS = {
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
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3"),
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
    mime: Mapped[str]
    body: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    digest: Mapped[str]
    created_at: Mapped[datetime]


class Upload(Base):
    """The file's name at one account."""

    __tablename__ = "media_uploads"
    __table_args__ = (UniqueConstraint("account_id", "file_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("media_files.id"))
    digest: Mapped[str]
    media_id: Mapped[str]
    expires_at: Mapped[datetime]


@dataclass(frozen=True)
class Due:
    """An upload that must be made."""

    account_id: int
    file_id: int


def mime_of(body: bytes) -> str | None:
    """What the first bytes say a file is; None for kinds WeChat does not take."""
    for mime, beginnings in _BEGINNINGS.items():
        place = body[4:] if mime == "video/mp4" else body
        if place.startswith(beginnings):
            return mime
    return None


def keep(name: str, kind: Kind, body: bytes, *, digest: str, now: datetime) -> File:
    """Keep a file under a name; the same bytes again change nothing.

    `digest` is the hex SHA-256 of `body`. Raises Invalid for what WeChat would refuse.
    """
    mime = mime_of(body)
    wanted = {Kind.VOICE: "audio/", Kind.VIDEO: "video/"}.get(kind, "image/")
    if mime is None or not mime.startswith(wanted):
        raise Invalid(field="file", problem=f"“{name}”不是可用的文件格式")
    if len(body) > _LIMITS[kind]:
        raise Invalid(field="file", problem=f"“{name}”超过 {_LIMITS[kind] // 1024} KB")
    file = session.scalars(select(File).where(File.name == name)).one_or_none()
    if file is not None and file.digest == digest and file.kind is kind:
        return file
    if file is None:
        file = File(name=name, created_at=now)
        session.add(file)
    file.kind, file.mime, file.body, file.digest = kind, mime, body, digest
    session.flush()  # the audit row needs the id
    audit.record(
        "media.keep", kind="media", object_id=file.id, label=name, after={"sha256": digest}
    )
    revisions.bump(REVISION)
    return file


def content_of(file_id: int) -> tuple[Kind, gateway.File, str]:
    """A file's kind, its content as the gateway takes it, and its digest. Raises NotFound."""
    file = session.get(File, file_id)
    if file is None:
        raise NotFound(kind="media", id=file_id)
    return file.kind, gateway.File(file.body, file.mime, _ENDINGS[file.mime]), file.digest


def due(wanted: Iterable[tuple[int, str]], *, now: datetime) -> list[Due]:
    """Which of the wanted (account id, file name) pairs lack an upload that lasts a while."""
    pairs = set(wanted)
    files = {name: (key, digest) for key, name, digest in _files({name for _, name in pairs})}
    fresh = {
        (account_id, file_id, digest)
        for account_id, file_id, digest in session.execute(
            select(Upload.account_id, Upload.file_id, Upload.digest).where(
                Upload.expires_at > now + EARLY
            )
        )
    }
    return [
        Due(account_id, files[name][0])
        for account_id, name in sorted(pairs)
        if name in files and (account_id, *files[name]) not in fresh
    ]


def _files(names: set[str]) -> list[tuple[int, str, str]]:
    rows = session.execute(select(File.id, File.name, File.digest).where(File.name.in_(names)))
    return list(rows)


def ask(upload: Due) -> None:
    """Have an upload made, once however often it is asked for."""
    key = f"{UPLOAD}:{upload.account_id}:{upload.file_id}"
    jobs.enqueue(UPLOAD, key=key, account_id=upload.account_id, file_id=upload.file_id)


def uploaded(account_id: int, file_id: int, made: TemporaryMedia, *, digest: str) -> None:
    """Write down the account's id for a file."""
    values = {"media_id": made.media_id, "digest": digest, "expires_at": made.expires_at}
    session.execute(
        upsert(Upload)
        .values(account_id=account_id, file_id=file_id, **values)
        .on_conflict_do_update(index_elements=[Upload.account_id, Upload.file_id], set_=values)
    )
    revisions.bump(REVISION)


def shelf(*, now: datetime) -> dict[tuple[int, str], str]:
    """The media ids that work now, by (account id, file name)."""
    rows = session.execute(
        select(Upload.account_id, File.name, Upload.media_id).where(
            Upload.file_id == File.id, Upload.expires_at > now
        )
    )
    return {(account_id, name): media_id for account_id, name, media_id in rows}
