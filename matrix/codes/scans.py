"""Scans: how often each code was scanned on each local day, counted from the inbox.

    inbox ── job, from the mark on ──> Scans (code, day) += n, and the mark moves

Counting is never done in the callback. The mark (matrix/walks) moves in the transaction that
counts, so a job that runs twice or is killed counts nothing twice and leaves nothing out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, session, upsert
from config.tenancy import Member, Right
from matrix import walks
from matrix.accounts import Account
from matrix.codes.scenes import Code, access_code
from matrix.inbox import Inbound

COUNT = "codes.count"

_FOLLOWED, _SCANNED = "followed", "scanned"

_READ_AT_ONCE = 20_000


class Scans(Base):
    """One code on one local day: scans that made a follower, and scans by followers."""

    __tablename__ = "code_scans"

    code_id: Mapped[int] = mapped_column(ForeignKey("codes.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(Date, primary_key=True)
    followed: Mapped[int]
    scanned: Mapped[int]


@dataclass(frozen=True)
class Listed:
    """A code with its account's name and its scans so far."""

    code: Code
    account: str
    followed: int
    scanned: int


def codes_for_staff(
    member: Member,
    *,
    ids: Collection[int] | None = None,
    account_id: int | None = None,
    words: str = "",
    retired: bool | None = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Listed]:
    """Codes the member may see below id `before`, newest first.

    `words` are part of a name, or a whole scene. `retired` None means those put aside as well.
    """
    followed, scanned = func.sum(Scans.followed), func.sum(Scans.scanned)
    shown = select(Code.id).where(
        member.area(Right.ACCOUNTS_READ).covers(account=Code.account_id),
    )
    if retired is not None:
        shown = shown.where(Code.retired_at.is_not(None) == retired)
    if ids is not None:
        shown = shown.where(Code.id.in_(ids))
    if account_id is not None:
        shown = shown.where(Code.account_id == account_id)
    if words:
        shown = shown.where(Code.name.contains(words, autoescape=True) | (Code.scene == words))
    if before is not None:
        shown = shown.where(Code.id < before)
    chosen = shown.order_by(Code.id.desc()).limit(limit).subquery()
    rows = session.execute(
        select(Code, Account.name, func.coalesce(followed, 0), func.coalesce(scanned, 0))
        .join(Account, Account.id == Code.account_id)
        .outerjoin(Scans, Scans.code_id == Code.id)
        .where(Code.id.in_(select(chosen.c.id)))
        .group_by(Code.id, Account.name)
        .order_by(Code.id.desc())
    )
    return [Listed(*row) for row in rows]


def scans_for_staff(member: Member, code_id: int, *, since: date) -> list[Scans]:
    """A code's scans by local day, the oldest first; days without any are left out."""
    access_code(member, code_id, Right.ACCOUNTS_READ)
    return list(
        session.scalars(
            select(Scans)
            .where(Scans.code_id == code_id, Scans.local_day >= since)
            .order_by(Scans.local_day)
        )
    )


def count(*, now: datetime) -> None:
    """Count the scans of the next stretch of what is surely settled; asks for the one after."""
    stretch = walks.span(COUNT, now=now, at_most=_READ_AT_ONCE)
    if stretch is None or not walks.passed(stretch):
        return
    _add(stretch.since, stretch.upto)
    if walks.span(COUNT, now=now, at_most=1) is not None:
        # short transactions: nobody who writes waits for a long inbox
        jobs.enqueue(COUNT, key=COUNT)


def _add(after: int, upto: int) -> None:
    found: Sequence[tuple[int, date, str, int]] = session.execute(
        select(Code.id, Inbound.local_day, Inbound.kind, func.count())
        .join(Code, (Code.account_id == Inbound.account_id) & (Code.scene == Inbound.text))
        .where(Inbound.id > after, Inbound.id <= upto, Inbound.kind.in_((_FOLLOWED, _SCANNED)))
        .group_by(Code.id, Inbound.local_day, Inbound.kind)
    ).all()
    for code_id, day, kind, number in found:
        new = {_FOLLOWED: 0, _SCANNED: 0} | {kind: number}
        session.execute(
            upsert(Scans)
            .values(code_id=code_id, local_day=day, **new)
            .on_conflict_do_update(
                index_elements=[Scans.code_id, Scans.local_day],
                set_={
                    "followed": Scans.followed + new[_FOLLOWED],
                    "scanned": Scans.scanned + new[_SCANNED],
                },
            )
        )
