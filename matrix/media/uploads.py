"""Uploads: the media id of each file at each account.

WeChat's temporary media ids belong to one account and live three days (wechat-platform.md 7.5).
`list_due_uploads` says which uploads are missing or about to expire; a job makes them ahead of
time, because a citizen's message has to be answered within five seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from config import cache_versions, jobs
from config.database import Base, session, upsert
from config.jobs import JobName
from matrix.media.files import CACHE_KEY, MediaFile
from matrix.wechat.gateway import TemporaryMedia

# an upload that fails all night must still be repeated in time by day
RENEW_BEFORE = timedelta(hours=12)


class MediaJob(JobName):
    """Jobs about media files."""

    UPLOAD = "media.upload", "上传素材"
    REFRESH = "media.refresh", "检查素材是否到期"


class MediaUpload(Base):
    """A file's media id at one account; `digest` says which content was uploaded."""

    __tablename__ = "media_uploads"
    __table_args__ = (UniqueConstraint("account_id", "file_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("media_files.id"))
    digest: Mapped[str]
    media_id: Mapped[str]
    expires_at: Mapped[datetime]


@dataclass(frozen=True)
class DueUpload:
    """An upload that has to be made."""

    account_id: int
    file_id: int


def list_due_uploads(needed: Iterable[tuple[int, str]], *, now: datetime) -> list[DueUpload]:
    """Which of the needed (account id, file name) pairs lack an upload of the current content."""
    pairs = set(needed)
    files = {name: (key, digest) for key, name, digest in _files({name for _, name in pairs})}
    # compared with the digest: a replaced file needs a new upload although its old media id is
    # valid
    current = {
        (account_id, file_id, digest)
        for account_id, file_id, digest in session.execute(
            select(MediaUpload.account_id, MediaUpload.file_id, MediaUpload.digest).where(
                MediaUpload.expires_at > now + RENEW_BEFORE
            )
        )
    }
    return [
        DueUpload(account_id, files[name][0])
        for account_id, name in sorted(pairs)
        if name in files and (account_id, *files[name]) not in current
    ]


def _files(names: set[str]) -> list[tuple[int, str, str]]:
    rows = session.execute(
        select(MediaFile.id, MediaFile.name, MediaFile.digest).where(MediaFile.name.in_(names))
    )
    return list(rows)


def request_upload(upload: DueUpload) -> None:
    """Enqueue an upload; while one is waiting, asking again changes nothing."""
    key = f"{MediaJob.UPLOAD}:{upload.account_id}:{upload.file_id}"
    jobs.enqueue(MediaJob.UPLOAD, key=key, account_id=upload.account_id, file_id=upload.file_id)


def record_upload(account_id: int, file_id: int, uploaded: TemporaryMedia, *, digest: str) -> None:
    """Store the media id that an account got for a file; `digest` is that of the uploaded bytes."""
    values = {"media_id": uploaded.media_id, "digest": digest, "expires_at": uploaded.expires_at}
    session.execute(
        upsert(MediaUpload)
        .values(account_id=account_id, file_id=file_id, **values)
        .on_conflict_do_update(
            index_elements=[MediaUpload.account_id, MediaUpload.file_id], set_=values
        )
    )
    # the snapshots hold the media ids that replies use
    cache_versions.invalidate(CACHE_KEY)


def media_ids(*, now: datetime) -> dict[tuple[int, str], str]:
    """Media ids that are valid now, by (account id, file name), for the snapshot."""
    rows = session.execute(
        select(MediaUpload.account_id, MediaFile.name, MediaUpload.media_id).where(
            MediaUpload.file_id == MediaFile.id, MediaUpload.expires_at > now
        )
    )
    return {(account_id, name): media_id for account_id, name, media_id in rows}
