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

from config.database import Base, BigKey, change, session, upsert
from matrix.inbox import Inbound, Outcome

# Ids are given out before a push is committed. Whoever waits this long misses none: no statement
# and no idle transaction lives longer.
SETTLED = timedelta(seconds=90)


class Walk(Base):
    """How far one reader of the inbox has come."""

    __tablename__ = "inbox_walks"

    name: Mapped[str] = mapped_column(primary_key=True)
    inbox_id: Mapped[int] = mapped_column(BigKey)


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
    rule_code: str | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next pushes of a walk; `since` is where it stood."""

    name: str
    since: int
    pushes: Sequence[Push]

    @property
    def upto(self) -> int:
        """The id of the last one; there must be one."""
        return self.pushes[-1].id


@dataclass(frozen=True, slots=True)
class Span:
    """The next pushes of a walk by their ids: above `since`, up to `upto`."""

    name: str
    since: int
    upto: int


def ahead(name: str, *, now: datetime, at_most: int) -> Stretch:
    """The next pushes that are settled, oldest first."""
    since = _since(name)
    columns = [getattr(Inbound, column) for column in Push.__dataclass_fields__]
    rows = session.execute(
        select(*columns).where(Inbound.id > since).order_by(Inbound.id).limit(at_most)
    )
    until = now - SETTLED
    pushes = takewhile(lambda push: push.received_at <= until, (Push(*row) for row in rows))
    return Stretch(name, since, list(pushes))


def span(name: str, *, now: datetime, at_most: int) -> Span | None:
    """The ids of the next pushes that are settled; None without one."""
    since = _since(name)
    stretch = (
        select(Inbound.id, Inbound.received_at)
        .where(Inbound.id > since)
        .order_by(Inbound.id)
        .limit(at_most)
        .subquery()
    )
    young = session.scalar(
        select(func.min(stretch.c.id)).where(stretch.c.received_at > now - SETTLED)
    )
    last = select(func.max(stretch.c.id))
    if young is not None:
        last = last.where(stretch.c.id < young)
    upto: int | None = session.scalar(last)
    return None if upto is None else Span(name, since, upto)


def _since(name: str) -> int:
    return session.scalar(select(Walk.inbox_id).where(Walk.name == name)) or 0


def passed(stretch: Stretch | Span) -> bool:
    """Move the mark behind a stretch; False when another run was here first."""
    end = stretch.upto
    if stretch.since:
        moved = change(Walk, stretch.name, when={"inbox_id": stretch.since}, to={"inbox_id": end})
        return moved is not None
    begun = session.scalar(
        upsert(Walk)
        .values(name=stretch.name, inbox_id=end)
        .on_conflict_do_nothing()
        .returning(Walk.name)
    )
    return begun is not None
