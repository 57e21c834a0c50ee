"""Gathering: from the inbox, which only grows, to one row for each talk.

    inbox rows after the last settled id ──> newest of each follower ──> talks
                                        └──> first id of each day   ──> inbox_days

The callback writes an inbox row and nothing more; whoever lists talks must not walk a million of
them. So a job walks what is new every few seconds. It may walk a row twice: a talk only moves
forward. A row may also become visible after one with a greater id, when its transaction took
longer, so ids count as settled only some seconds after their message came.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, and_, case, delete, func, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, BigKey, reading, session, transaction, upsert
from config.masking import mask
from matrix.followers import Follower
from matrix.inbox import Inbound, Outcome

GATHER = "talks.gather"

# what makes a talk; menu clicks and the like are shown inside it, and make none
MESSAGES = ("text", "image", "voice", "video", "short_video", "location", "link")
# what the hub could not answer itself, or must not answer alone
UNANSWERED = (Outcome.SUGGESTION, Outcome.FALLBACK, Outcome.EMERGENCY)

_SETTLED = timedelta(seconds=10)
_READ_AT_ONCE = 5000
_WRITTEN_AT_ONCE = 500
_MOST_BATCHES = 40
_LONGEST_WORDS = 80
_IS_WAITING = text("waiting_since IS NOT NULL")
_WAS_EMERGENCY = text("emergency_id IS NOT NULL")


class Talk(Base):
    """Everything between one account and one follower, as the list shows it.

    `last_id` is the inbox id of the last message, `words` its text, masked. `waiting_since` is
    empty once the hub or a person has answered; `handled_id` is the last message a person has
    dealt with, 0 for none. Ids of the inbox are no foreign keys: messages go before talks do.
    """

    __tablename__ = "talks"
    __table_args__ = (
        Index("ix_talks_account_id_last_id", "account_id", "last_id"),
        Index(
            "ix_talks_waiting",
            "account_id",
            "last_id",
            sqlite_where=_IS_WAITING,
            postgresql_where=_IS_WAITING,
        ),
        Index(
            "ix_talks_emergency_id",
            "emergency_id",
            sqlite_where=_WAS_EMERGENCY,
            postgresql_where=_WAS_EMERGENCY,
        ),
    )

    follower_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("followers.id"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    last_id: Mapped[int] = mapped_column(BigKey, index=True)
    last_at: Mapped[datetime]
    kind: Mapped[str]
    words: Mapped[str]
    outcome: Mapped[Outcome]
    waiting_since: Mapped[datetime | None]
    emergency_id: Mapped[int | None] = mapped_column(BigKey)
    handled_id: Mapped[int] = mapped_column(BigKey)
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[str]


class Day(Base):
    """The first inbox id of a local day: a range of days is a range of ids."""

    __tablename__ = "inbox_days"

    local_day: Mapped[date] = mapped_column(primary_key=True)
    first_id: Mapped[int] = mapped_column(BigKey)


class Progress(Base):
    """How far the inbox was walked. One row."""

    __tablename__ = "talks_progress"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    settled_id: Mapped[int] = mapped_column(BigKey)


@dataclass(frozen=True)
class _Batch:
    """What some rows of the inbox make."""

    talks: list[dict[str, Any]]
    days: dict[date, int]
    last_id: int
    settled_id: int
    is_last: bool


def is_behind() -> bool:
    """Whether there are messages to gather. Cheap; asked every few seconds."""
    return newest_id() > _settled()


def ask_to_gather() -> None:
    """Have the newest messages gathered, once however often it is asked for."""
    jobs.enqueue(GATHER, key=GATHER)


def gather(*, now: datetime) -> None:
    """Bring talks and days up to date. Opens its own transactions, short ones.

    What is left after two hundred thousand messages is for another job.
    """
    with reading():
        start = _settled()
    for _ in range(_MOST_BATCHES):
        with reading():
            batch = _read(start, now)
        _write(batch)
        if batch.is_last:
            return
        start = batch.last_id
    with transaction():
        jobs.enqueue(GATHER)  # without a key, which this job still holds


def _settled() -> int:
    return session.scalar(select(Progress.settled_id)) or 0


def _read(start: int, now: datetime) -> _Batch:
    rows = session.execute(
        select(
            Inbound.id,
            Inbound.account_id,
            Inbound.kind,
            Inbound.text,
            Inbound.received_at,
            Inbound.local_day,
            Inbound.outcome,
            Follower.id.label("follower_id"),
        )
        .outerjoin(
            Follower,
            and_(Follower.account_id == Inbound.account_id, Follower.openid == Inbound.openid),
        )
        .where(Inbound.id > start)
        .order_by(Inbound.id)
        .limit(_READ_AT_ONCE)
    ).all()
    days: dict[date, int] = {}
    settled = start
    for row in rows:
        days.setdefault(row.local_day, row.id)
    for row in rows:
        if row.received_at > now - _SETTLED:
            break
        settled = row.id
    spoken = [row for row in rows if row.kind in MESSAGES and row.follower_id is not None]
    return _Batch(
        talks=list(_newest(spoken).values()),
        days=days,
        last_id=rows[-1].id if rows else start,
        settled_id=settled,
        is_last=len(rows) < _READ_AT_ONCE,
    )


def _newest(rows: Iterable[Any]) -> dict[int, dict[str, Any]]:
    """The talk of each follower as its last message leaves it."""
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        before = found.get(row.follower_id, {})
        waits = row.outcome in UNANSWERED
        is_emergency = row.outcome is Outcome.EMERGENCY
        found[row.follower_id] = {
            "follower_id": row.follower_id,
            "account_id": row.account_id,
            "last_id": row.id,
            "last_at": row.received_at,
            "kind": row.kind,
            "words": _shortened(row.text),
            "outcome": row.outcome,
            "waiting_since": (before.get("waiting_since") or row.received_at) if waits else None,
            "emergency_id": row.id if is_emergency else before.get("emergency_id"),
            "handled_id": 0,
            "handled_at": None,
            "handled_by": "",
        }
    return found


def _shortened(words: str) -> str:
    # masked before it is cut, for half a number is not recognised as one
    line = " ".join(mask(words).split())
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def _write(batch: _Batch) -> None:
    for start in range(0, len(batch.talks), _WRITTEN_AT_ONCE):
        with transaction():
            session.execute(_moving(), batch.talks[start : start + _WRITTEN_AT_ONCE])
    with transaction():
        for day, first in batch.days.items():
            statement = upsert(Day).values(local_day=day, first_id=first)
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=[Day.local_day],
                    set_={"first_id": statement.excluded.first_id},
                    where=Day.first_id > statement.excluded.first_id,
                )
            )
        progress = upsert(Progress).values(id=1, settled_id=batch.settled_id)
        session.execute(
            progress.on_conflict_do_update(
                index_elements=[Progress.id],
                set_={"settled_id": batch.settled_id},
                where=Progress.settled_id < batch.settled_id,
            )
        )


def _moving() -> Any:
    """An upsert that moves a talk forward and never back."""
    statement = upsert(Talk)
    new = statement.excluded
    values = {name: new[name] for name in ("last_id", "last_at", "kind", "words", "outcome")}
    # a person may have answered before we came
    waiting = case(
        (or_(new.waiting_since.is_(None), new.last_id <= Talk.handled_id), None),
        else_=func.coalesce(Talk.waiting_since, new.waiting_since),
    )
    return statement.on_conflict_do_update(
        index_elements=[Talk.follower_id],
        set_=values
        | {
            "waiting_since": waiting,
            "emergency_id": func.coalesce(new.emergency_id, Talk.emergency_id),
        },
        where=Talk.last_id < new.last_id,
    )


def newest_id() -> int:
    """The id of the newest row of the inbox, 0 for none."""
    return session.scalar(select(func.max(Inbound.id))) or 0


def first_id_of(day: date) -> int | None:
    """The first inbox id of a day or a later one; None when nothing came since."""
    return session.scalar(
        select(Day.first_id).where(Day.local_day >= day).order_by(Day.local_day).limit(1)
    )


def forget(*, before: datetime) -> int:
    """Remove talks whose last message is older than an instant. Returns how many."""
    removed = delete(Talk).where(Talk.last_at < before).returning(Talk.follower_id)
    return len(session.scalars(removed).all())
