"""Scan counts: how often each code was scanned on each local day, counted from the inbox by a job.

The callback does not count anything. The job's inbox cursor moves in the transaction that counts,
so a job that runs twice or is killed neither counts twice nor leaves anything out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, session, upsert
from config.permissions import Permission, Principal
from matrix.accounts import Account
from matrix.inbox import InboxMessage, cursors
from matrix.qrcodes.codes import QrCodeJob, SceneQrCode, access_qrcode

_FOLLOWED, _SCANNED = "followed", "scanned"

# rows of the inbox in one transaction; few of them are scans
_READ_BATCH = 20_000


class QrCodeScans(Base):
    """Scans of one code on one local day: by new followers, and by those who followed before."""

    __tablename__ = "qrcode_scans"

    code_id: Mapped[int] = mapped_column(ForeignKey("qrcodes.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(Date, primary_key=True)
    followed: Mapped[int]
    scanned: Mapped[int]


@dataclass(frozen=True)
class QrCodeListItem:
    """A code with its account's name and its scans so far."""

    qrcode: SceneQrCode
    account: str
    followed: int
    scanned: int


def list_for_staff(
    principal: Principal,
    *,
    ids: Collection[int] | None = None,
    account_id: int | None = None,
    words: str = "",
    retired: bool | None = False,
    before: int | None = None,
    limit: int = 50,
) -> list[QrCodeListItem]:
    """Codes the principal may see, newest first; `before` is the last id of the page before.

    `words` are part of a name, or a whole scene. `retired` None gives retired ones as well.
    """
    followed, scanned = func.sum(QrCodeScans.followed), func.sum(QrCodeScans.scanned)
    ids_query = select(SceneQrCode.id).where(
        principal.scope(Permission.ACCOUNTS_READ).sql_filter(account=SceneQrCode.account_id),
    )
    if retired is not None:
        ids_query = ids_query.where(SceneQrCode.retired_at.is_not(None) == retired)
    if ids is not None:
        ids_query = ids_query.where(SceneQrCode.id.in_(ids))
    if account_id is not None:
        ids_query = ids_query.where(SceneQrCode.account_id == account_id)
    if words:
        ids_query = ids_query.where(
            SceneQrCode.name.contains(words, autoescape=True) | (SceneQrCode.scene == words)
        )
    if before is not None:
        ids_query = ids_query.where(SceneQrCode.id < before)
    # the page is chosen first and summed afterwards; otherwise every code would be summed
    chosen = ids_query.order_by(SceneQrCode.id.desc()).limit(limit).subquery()
    rows = session.execute(
        select(SceneQrCode, Account.name, func.coalesce(followed, 0), func.coalesce(scanned, 0))
        .join(Account, Account.id == SceneQrCode.account_id)
        .outerjoin(QrCodeScans, QrCodeScans.code_id == SceneQrCode.id)
        .where(SceneQrCode.id.in_(select(chosen.c.id)))
        .group_by(SceneQrCode.id, Account.name)
        .order_by(SceneQrCode.id.desc())
    )
    return [QrCodeListItem(*row) for row in rows]


def scans_for_staff(principal: Principal, code_id: int, *, since: date) -> list[QrCodeScans]:
    """A code's scans by local day since a day, oldest first; days without any are missing."""
    access_qrcode(principal, code_id, Permission.ACCOUNTS_READ)
    return list(
        session.scalars(
            select(QrCodeScans)
            .where(QrCodeScans.code_id == code_id, QrCodeScans.local_day >= since)
            .order_by(QrCodeScans.local_day)
        )
    )


def count_scans(*, now: datetime) -> None:
    """Count the scans of the next range of the inbox; enqueues itself while more is waiting."""
    id_range = cursors.next_range(QrCodeJob.COUNT_SCANS, now=now, at_most=_READ_BATCH)
    # first in the transaction: a run that was overtaken counts nothing
    if id_range is None or not cursors.advance(id_range):
        return
    _add_range(id_range.after_id, id_range.last_id)
    if cursors.next_range(QrCodeJob.COUNT_SCANS, now=now, at_most=1) is not None:
        # one range per job: a long transaction would make writers of the inbox wait
        jobs.enqueue(QrCodeJob.COUNT_SCANS, key=QrCodeJob.COUNT_SCANS)


def _add_range(after_id: int, last_id: int) -> None:
    rows: Sequence[tuple[int, date, str, int]] = session.execute(
        select(SceneQrCode.id, InboxMessage.local_day, InboxMessage.kind, func.count())
        .join(
            SceneQrCode,
            (SceneQrCode.account_id == InboxMessage.account_id)
            & (SceneQrCode.scene == InboxMessage.text),
        )
        .where(
            InboxMessage.id > after_id,
            InboxMessage.id <= last_id,
            InboxMessage.kind.in_((_FOLLOWED, _SCANNED)),
        )
        .group_by(SceneQrCode.id, InboxMessage.local_day, InboxMessage.kind)
    ).all()
    # only codes that were scanned in this range, so a statement for each is cheap
    for code_id, day, kind, number in rows:
        new = {_FOLLOWED: 0, _SCANNED: 0} | {kind: number}
        session.execute(
            upsert(QrCodeScans)
            .values(code_id=code_id, local_day=day, **new)
            .on_conflict_do_update(
                index_elements=[QrCodeScans.code_id, QrCodeScans.local_day],
                set_={
                    "followed": QrCodeScans.followed + new[_FOLLOWED],
                    "scanned": QrCodeScans.scanned + new[_SCANNED],
                },
            )
        )
