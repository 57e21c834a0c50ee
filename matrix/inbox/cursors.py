"""Walks: the inbox read once more, push by push, by work that the callback does not wait for.

    ahead(name) ──> the next pushes ──> counted ──┐ one transaction
    span(name)  ──> their ids       ──>           │
                                       passed() ──┘

A walk remembers the id up to which it has come. `passed` moves that mark only from where the
walk began, in the transaction of what was counted: a run that dies, or that another one overtook,
has counted nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, BigKey, compare_and_set, session, upsert
from matrix.inbox import InboxMessage, Outcome

# Ids are given out before a push is committed. Whoever waits this long misses none: no statement
# and no idle transaction lives longer.
SETTLE_DELAY = timedelta(seconds=90)


class Cursor(Base):
    """How far one reader of the inbox has come."""

    __tablename__ = "inbox_cursors"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigKey)


@dataclass(frozen=True, slots=True)
class Push:
    """What a walk sees of one push."""

    id: int
    account_id: int
    kind: str
    text: str
    received_at: datetime
    local_day: date
    outcome: Outcome
    rule_slug: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """The next pushes of a walk; `since` is where it stood."""

    name: str
    after_id: int
    pushes: Sequence[Push]

    @property
    def last_id(self) -> int:
        """The id of the last one; there must be one."""
        return self.pushes[-1].id


@dataclass(frozen=True, slots=True)
class IdRange:
    """The next pushes of a walk by their ids: above `since`, up to `upto`."""

    name: str
    after_id: int
    last_id: int


def next_batch(name: str, *, now: datetime, at_most: int) -> Batch:
    """The next pushes that are settled, oldest first."""
    after_id = _position(name)
    columns = [getattr(InboxMessage, column) for column in Push.__dataclass_fields__]
    rows = session.execute(
        select(*columns).where(InboxMessage.id > after_id).order_by(InboxMessage.id).limit(at_most)
    )
    until = now - SETTLE_DELAY
    pushes = takewhile(lambda push: push.received_at <= until, (Push(*row) for row in rows))
    return Batch(name, after_id, list(pushes))


def next_range(name: str, *, now: datetime, at_most: int) -> IdRange | None:
    """The ids of the next pushes that are settled; None without one."""
    after_id = _position(name)
    stretch = (
        select(InboxMessage.id, InboxMessage.received_at)
        .where(InboxMessage.id > after_id)
        .order_by(InboxMessage.id)
        .limit(at_most)
        .subquery()
    )
    first_unsettled = session.scalar(
        select(func.min(stretch.c.id)).where(stretch.c.received_at > now - SETTLE_DELAY)
    )
    last = select(func.max(stretch.c.id))
    if first_unsettled is not None:
        last = last.where(stretch.c.id < first_unsettled)
    last_id: int | None = session.scalar(last)
    return None if last_id is None else IdRange(name, after_id, last_id)


def _position(name: str) -> int:
    return session.scalar(select(Cursor.position).where(Cursor.name == name)) or 0


def advance(batch: Batch | IdRange) -> bool:
    """Move the mark behind a stretch; False when another run was here first."""
    last_id = batch.last_id
    if batch.after_id:
        moved = compare_and_set(
            Cursor, batch.name, when={"position": batch.after_id}, to={"position": last_id}
        )
        return moved is not None
    created = session.scalar(
        upsert(Cursor)
        .values(name=batch.name, position=last_id)
        .on_conflict_do_nothing()
        .returning(Cursor.name)
    )
    return created is not None
