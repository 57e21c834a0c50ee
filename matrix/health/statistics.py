"""Statistics: numbers about each account that are too expensive to count for every page.

A job counts them every few minutes from the inbox and the outbound messages of the last two days,
and health reads the stored row. Ids grow with time, so the first id of a time span is found by
bisection (`first_id`); the two large tables need no index on their time columns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Integer, case, distinct, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from config.database import Base, session, upsert
from config.jobs import JobName
from matrix import followers
from matrix.accounts import Account
from matrix.followers import Follower
from matrix.inbox import InboxMessage, Outcome
from matrix.outbound import OutboundMessage, OutboundState

_FAILED_STATES = (OutboundState.REFUSED, OutboundState.UNCONFIRMED)


class HealthJob(JobName):
    """Jobs about the health of the accounts."""

    COMPUTE = "health.compute", "统计账号运行情况"


class AccountStats(Base):
    """The newest numbers of one account.

    `unanswered` counts citizens who got only the fallback reply and can still be written to;
    `unanswered_since` is when the first of them wrote. The others count outbound messages.
    """

    __tablename__ = "account_stats"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    computed_at: Mapped[datetime]
    unanswered: Mapped[int]
    unanswered_since: Mapped[datetime | None]
    sent_hour: Mapped[int]
    failed_hour: Mapped[int]
    sent_day: Mapped[int]
    failed_day: Mapped[int]


@dataclass(frozen=True)
class AccountStatsValues:
    """The numbers of one account as `compute` finds them; the fields of AccountStats."""

    unanswered: int = 0
    unanswered_since: datetime | None = None
    sent_hour: int = 0
    failed_hour: int = 0
    sent_day: int = 0
    failed_day: int = 0


def compute(*, now: datetime) -> dict[int, AccountStatsValues]:
    """Count the numbers of every account, by account id. Reads only."""
    # every account, so that the figures of one that fell quiet go back to zero
    found: dict[int, dict[str, Any]] = {key: {} for key in session.scalars(select(Account.id))}
    for row in session.execute(_unanswered_query(now)).mappings():
        found[row["account_id"]] |= row
    for row in session.execute(_sent_query(now)).mappings():
        found[row["account_id"]] |= row
    return {
        key: AccountStatsValues(
            **{name: value for name, value in values.items() if name != "account_id"}
        )
        for key, values in found.items()
    }


def _unanswered_query(now: datetime) -> Any:
    """Citizens who got the fallback within the 48-hour window, and no agent's message since."""
    since = now - followers.MESSAGE_WINDOW
    answered = exists().where(
        Follower.account_id == InboxMessage.account_id,
        Follower.openid == InboxMessage.openid,
        OutboundMessage.follower_id == Follower.id,
        OutboundMessage.created_at >= InboxMessage.received_at,
        OutboundMessage.inbox_id.is_(None),  # others are the later parts of the hub's own reply
    )
    return (
        select(
            InboxMessage.account_id,
            # persons and not messages: somebody who asks three times waits for one answer
            func.count(distinct(InboxMessage.openid)).label("unanswered"),
            func.min(InboxMessage.received_at).label("unanswered_since"),
        )
        .where(
            InboxMessage.id >= first_id(InboxMessage.id, InboxMessage.received_at, since),
            # the id only narrows the scan: rows are committed slightly out of order
            InboxMessage.received_at >= since,
            InboxMessage.outcome == Outcome.FALLBACK,
            ~answered,
        )
        .group_by(InboxMessage.account_id)
    )


def _sent_query(now: datetime) -> Any:
    hour, day = now - timedelta(hours=1), now - timedelta(days=1)
    last_hour = OutboundMessage.created_at >= hour
    failed = OutboundMessage.state.in_(_FAILED_STATES)

    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0), type_=Integer)

    return (
        select(
            OutboundMessage.account_id,
            count(last_hour).label("sent_hour"),
            count(last_hour & failed).label("failed_hour"),
            func.count().label("sent_day"),
            count(failed).label("failed_day"),
        )
        .where(
            OutboundMessage.id >= first_id(OutboundMessage.id, OutboundMessage.created_at, day),
            OutboundMessage.created_at >= day,
        )
        .group_by(OutboundMessage.account_id)
    )


def first_id(
    key: InstrumentedAttribute[int], at: InstrumentedAttribute[datetime], since: datetime
) -> int:
    """The smallest id whose row may be as young as `since`, by bisection over the ids.

    About twenty look-ups by primary key. Rows are committed slightly out of order, so callers still
    compare the time itself.
    """
    # from the smallest id and not from 1: old rows are deleted
    low = session.scalar(select(func.min(key))) or 0
    high = (session.scalar(select(func.max(key))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        next_row = select(key, at).where(key >= middle).order_by(key).limit(1)
        found = session.execute(next_row).one_or_none()
        # ids may have gaps: look at the first row at or above the middle
        if found is not None and found[1] < since:
            low = found[0] + 1
        else:
            high = middle
    return low


def save(stats: dict[int, AccountStatsValues], *, now: datetime) -> None:
    """Store what `compute` found."""
    for account_id, figures in stats.items():
        values = {"computed_at": now, **vars(figures)}
        session.execute(
            upsert(AccountStats)
            .values(account_id=account_id, **values)
            .on_conflict_do_update(index_elements=["account_id"], set_=values)
        )


def by_account(account_ids: Iterable[int]) -> dict[int, AccountStats]:
    """Stored numbers by account id."""
    rows = session.scalars(
        select(AccountStats).where(AccountStats.account_id.in_(set(account_ids)))
    )
    return {row.account_id: row for row in rows}
