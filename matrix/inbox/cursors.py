"""Cursors: reading the inbox once more, in batches, by work the callback does not wait for.

A cursor remembers the id up to which one reader has come. Ids are given out before a push is
committed, so a row may become visible after one with a greater id. A reader must therefore stay
behind the newest rows by a delay. There are two ways to move on:

- once: `next_batch` or `next_range`, then `advance` in the transaction that stores the result.
  `advance` is a compare-and-set: a run that dies, or that another run has overtaken, has stored
  nothing. For counts. The delay (`SETTLE_DELAY`) must be longer than any transaction can live.
- at least once: the reader also looks at rows above its position, and `move_to` only notes how far
  rows are settled. Rows may be read again. For results that may be computed twice, such as the
  newest message of a conversation; they are only seconds behind the inbox, and a shorter delay does
  no more harm than a row found late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, BigKey, compare_and_set, session, upsert
from matrix.inbox import InboxMessage, Outcome

# no statement and no idle transaction lives longer (timeouts in config.database), so a transaction
# that was given an earlier id has ended by then
SETTLE_DELAY = timedelta(seconds=90)


class Cursor(Base):
    """How far one reader of the inbox has come: the id of the last row it is done with."""

    __tablename__ = "inbox_cursors"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigKey)


@dataclass(frozen=True, slots=True)
class Push:
    """What a reader sees of one inbox row."""

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
    """The next rows of a reader; `after_id` is its position."""

    name: str
    after_id: int
    pushes: Sequence[Push]

    @property
    def last_id(self) -> int:
        """The id of the last row; the batch must not be empty."""
        return self.pushes[-1].id


@dataclass(frozen=True, slots=True)
class IdRange:
    """The next rows of a reader by their ids: above `after_id`, up to and including `last_id`."""

    name: str
    after_id: int
    last_id: int


def next_batch(name: str, *, now: datetime, at_most: int) -> Batch:
    """The next rows that are settled, oldest first, at most `at_most`."""
    after_id = position(name)
    columns = [getattr(InboxMessage, column) for column in Push.__dataclass_fields__]
    rows = session.execute(
        select(*columns).where(InboxMessage.id > after_id).order_by(InboxMessage.id).limit(at_most)
    )
    until = now - SETTLE_DELAY
    # stop at the first young row, even if an older one follows: ids must not be skipped
    pushes = takewhile(lambda push: push.received_at <= until, (Push(*row) for row in rows))
    return Batch(name, after_id, list(pushes))


def next_range(name: str, *, now: datetime, at_most: int) -> IdRange | None:
    """The range of the next settled rows, at most `at_most` rows; None when there is none."""
    after_id = position(name)
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


def position(name: str) -> int:
    """The id up to which a reader has come; 0 for a new one."""
    return session.scalar(select(Cursor.position).where(Cursor.name == name)) or 0


def move_to(name: str, inbox_id: int) -> None:
    """Note that all rows up to an id are done with; a cursor never moves back.

    For readers that may read a row twice. Runs that overlap leave the greater position.
    """
    statement = upsert(Cursor).values(name=name, position=inbox_id)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Cursor.name],
            set_={"position": inbox_id},
            where=Cursor.position < inbox_id,
        )
    )


def advance(batch: Batch | IdRange) -> bool:
    """Move a cursor to the end of what was read; False when another run has moved it meanwhile."""
    last_id = batch.last_id
    # position 0 means that the cursor has no row yet: whoever inserts it has won
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
