"""Surveys: figures about each account that are too dear for a page, counted every few minutes.

    inbox, sendings of the last two days ──look──> one row for each account ──> the health board

Ids grow with time, so the beginning of a span is found by halving, and no table needs an index
on its time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Integer, case, distinct, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from config.database import Base, session, upsert
from matrix import followers
from matrix.accounts import Account
from matrix.followers import Follower
from matrix.inbox import Inbound, Outcome
from matrix.sendings import Sending, State

SURVEY = "accounts.survey"

_LOST = (State.REFUSED, State.UNCONFIRMED)


class Survey(Base):
    """The newest figures of one account.

    `unanswered`: citizens whom only the fallback answered and who may still be written to, the
    first of them since `unanswered_since`. The others count messages outside of replies.
    """

    __tablename__ = "account_surveys"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    at: Mapped[datetime]
    unanswered: Mapped[int]
    unanswered_since: Mapped[datetime | None]
    sent_hour: Mapped[int]
    lost_hour: Mapped[int]
    sent_day: Mapped[int]
    lost_day: Mapped[int]


@dataclass(frozen=True)
class Figures:
    """What one look found about one account; the fields are those of `Survey`."""

    unanswered: int = 0
    unanswered_since: datetime | None = None
    sent_hour: int = 0
    lost_hour: int = 0
    sent_day: int = 0
    lost_day: int = 0


def look(*, now: datetime) -> dict[int, Figures]:
    """Count anew. Reads only; accounts about which there is nothing to say have zeros."""
    found: dict[int, dict[str, Any]] = {key: {} for key in session.scalars(select(Account.id))}
    for row in session.execute(_unanswered(now)).mappings():
        found[row["account_id"]] |= row
    for row in session.execute(_sent(now)).mappings():
        found[row["account_id"]] |= row
    return {
        key: Figures(**{name: value for name, value in values.items() if name != "account_id"})
        for key, values in found.items()
    }


def _unanswered(now: datetime) -> Any:
    """Citizens who got the fallback within the window, and nothing from a person since."""
    since = now - followers.MESSAGE_WINDOW
    answered = exists().where(
        Follower.account_id == Inbound.account_id,
        Follower.openid == Inbound.openid,
        Sending.follower_id == Follower.id,
        Sending.created_at >= Inbound.received_at,
        Sending.inbox_id.is_(None),  # the others are parts of a reply
    )
    return (
        select(
            Inbound.account_id,
            func.count(distinct(Inbound.openid)).label("unanswered"),
            func.min(Inbound.received_at).label("unanswered_since"),
        )
        .where(
            Inbound.id >= first_id(Inbound.id, Inbound.received_at, since),
            Inbound.received_at >= since,
            Inbound.outcome == Outcome.FALLBACK,
            ~answered,
        )
        .group_by(Inbound.account_id)
    )


def _sent(now: datetime) -> Any:
    hour, day = now - timedelta(hours=1), now - timedelta(days=1)
    lately = Sending.created_at >= hour
    lost = Sending.state.in_(_LOST)

    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0), type_=Integer)

    return (
        select(
            Sending.account_id,
            count(lately).label("sent_hour"),
            count(lately & lost).label("lost_hour"),
            func.count().label("sent_day"),
            count(lost).label("lost_day"),
        )
        .where(
            Sending.id >= first_id(Sending.id, Sending.created_at, day),
            Sending.created_at >= day,
        )
        .group_by(Sending.account_id)
    )


def first_id(
    key: InstrumentedAttribute[int], at: InstrumentedAttribute[datetime], since: datetime
) -> int:
    """The smallest id that may be as young as an instant; about twenty look-ups by key."""
    low = session.scalar(select(func.min(key))) or 0
    high = (session.scalar(select(func.max(key))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        next_row = select(key, at).where(key >= middle).order_by(key).limit(1)
        found = session.execute(next_row).one_or_none()
        if found is not None and found[1] < since:
            low = found[0] + 1
        else:
            high = middle
    return low


def store(found: dict[int, Figures], *, now: datetime) -> None:
    """Write down what a look found."""
    for account_id, figures in found.items():
        values = {"at": now, **vars(figures)}
        session.execute(
            upsert(Survey)
            .values(account_id=account_id, **values)
            .on_conflict_do_update(index_elements=["account_id"], set_=values)
        )


def of_accounts(account_ids: Iterable[int]) -> dict[int, Survey]:
    """The newest figures by account."""
    rows = session.scalars(select(Survey).where(Survey.account_id.in_(set(account_ids))))
    return {row.account_id: row for row in rows}
