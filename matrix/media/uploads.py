"""Uploads: the name of each file at each account.

    File 1 ──< n Upload (account, media id, three days)

A media id belongs to one account and lapses. `due` tells which uploads must be made or made
again; a job makes them in good time, for a citizen who waits cannot wait for an upload.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs, revisions
from config.database import Base, session, upsert
from matrix.media.files import REVISION, File
from matrix.wechat.gateway import TemporaryMedia

UPLOAD = "media.upload"

EARLY = timedelta(hours=12)


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
