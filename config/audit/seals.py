"""Seals: what was audited stays as it was, and a change of it shows.

    rows 1‥40 ──> Seal(root) <── previous ── Seal(root) <── previous ── Seal(root) ──> the log
                                  rows 41‥97                rows 98‥

A seal holds a hash of its rows and of the seal before it, so nobody can change, add or remove a
row without breaking every later seal. Who owns the database can compute them all anew; the roots
are therefore written to the log too, which lives elsewhere.

Rows are sealed once they are settled: a transaction that began earlier could still bring a row
with a lower number, so nothing is sealed that is younger than the longest transaction.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import logs
from config.alarms import Alarm
from config.audit import Entry
from config.database import Base, BigKey, dialect, session, upsert

SEAL = "audit.seal"
VERIFY = "audit.verify"
VERIFY_ON = "audit.verify_on"
BROKEN = "audit.broken"
UNSEALED = "audit.unsealed"

ROWS = 1000
SETTLED_AFTER = timedelta(minutes=10)
# sealing stands still when a row waits longer than this
LATE_AFTER = timedelta(hours=1)
START = "0" * 64

_SEALS_AT_ONCE = 500
_ROWS_AT_ONCE = 20_000
_log = logs.get(__name__)

# the oldest transaction that has written something; PostgreSQL tells those of our own user
_OLDEST_WRITER = text(
    "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
)


class Seal(Base):
    """The hash of the rows from one number to another, on top of the seal before."""

    __tablename__ = "audit_seals"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    from_id: Mapped[int] = mapped_column(BigKey, unique=True)
    to_id: Mapped[int] = mapped_column(BigKey, unique=True)
    count: Mapped[int]
    root_hash: Mapped[str]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Draft:
    """A seal that is not set yet."""

    from_id: int
    to_id: int
    count: int
    root_hash: str
    previous_hash: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a stretch of seals says: its faults, and the seal to go on from, None at the end.

    A fault is a Chinese sentence for staff, by the number of the seal that does not hold.
    """

    faults: Mapping[int, str]
    rows: int
    seals: int
    next: int | None


def newest() -> Seal | None:
    """The last seal."""
    return session.scalars(select(Seal).order_by(Seal.id.desc()).limit(1)).one_or_none()


def draft(*, now: datetime) -> Draft | None:
    """The next seal over rows that are settled; None when there is none to seal."""
    last = newest()
    from_id = last.to_id + 1 if last else 1
    bound = _settled_before(now)
    waiting = session.scalars(
        select(Entry).where(Entry.id >= from_id).order_by(Entry.id).limit(ROWS)
    ).all()
    rows = list(takewhile(lambda entry: entry.at < bound, waiting))
    if not rows:
        return None
    previous = last.root_hash if last else START
    return Draft(from_id, rows[-1].id, len(rows), _root(previous, rows), previous)


def put(made: Draft, *, now: datetime) -> bool:
    """Set a seal; False when somebody else sealed these rows first."""
    sealed = session.scalar(
        upsert(Seal)
        .values(
            from_id=made.from_id,
            to_id=made.to_id,
            count=made.count,
            root_hash=made.root_hash,
            previous_hash=made.previous_hash,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(Seal.id)
    )
    if sealed is None:
        return False
    _log.info("audit.sealed", seal=sealed, to_id=made.to_id, count=made.count, root=made.root_hash)
    return True


def check(after: int = 0) -> Checked:
    """Compute a stretch of seals anew, behind the seal of this id (0: from the beginning)."""
    seals = _stretch(after)
    if not seals:
        return Checked({}, rows=0, seals=0, next=None)
    before = session.get(Seal, after) if after else None
    previous, begin = (before.root_hash, before.to_id + 1) if before else (START, 1)
    faults, rows = {}, _rows(seals[0].from_id, seals[-1].to_id)
    for seal, own in _shared_out(rows, seals):
        if seal.from_id != begin or seal.previous_hash != previous:
            faults[seal.id] = f"第 {seal.id} 号封条与前一号不衔接"
        elif len(own) != seal.count or _root(previous, own) != seal.root_hash:
            faults[seal.id] = f"第 {seal.id} 号封条与记录 {seal.from_id}–{seal.to_id} 不符"
        previous, begin = seal.root_hash, seal.to_id + 1
    last = session.scalar(select(func.max(Seal.id)))
    return Checked(
        faults,
        rows=sum(seal.count for seal in seals),
        seals=len(seals),
        next=None if last == seals[-1].id else seals[-1].id,
    )


def late_since(*, now: datetime) -> datetime | None:
    """The instant of the oldest row that should be sealed by now and is not."""
    last = newest()
    oldest = session.scalar(
        select(Entry.at).where(Entry.id > (last.to_id if last else 0)).order_by(Entry.id).limit(1)
    )
    return oldest if oldest is not None and oldest < now - LATE_AFTER else None


def over(entry_id: int) -> Seal | None:
    """The seal over a row; None while it waits for one."""
    found = select(Seal).where(Seal.to_id >= entry_id).order_by(Seal.to_id).limit(1)
    return session.scalars(found).one_or_none()


def troubles() -> Sequence[str]:
    """What the open alarms about the seals say, the oldest first."""
    raised = select(Alarm.message).where(
        Alarm.kind.in_((BROKEN, UNSEALED)), Alarm.closed_at.is_(None)
    )
    return session.scalars(raised.order_by(Alarm.id).limit(20)).all()


def holds_root(root_hash: str) -> bool:
    """Whether a root that the log names is still in the chain."""
    found = select(Seal.id).where(Seal.root_hash == root_hash.strip().lower())
    return session.scalar(found) is not None


def _settled_before(now: datetime) -> datetime:
    bound = now - SETTLED_AFTER
    if dialect() != "postgresql":
        return bound  # SQLite has one writer at a time
    oldest: datetime | None = session.scalar(_OLDEST_WRITER)
    return bound if oldest is None else min(bound, oldest - SETTLED_AFTER)


def _stretch(after: int) -> Sequence[Seal]:
    """The seals behind one of them, not more than a job checks in a few seconds."""
    found = session.scalars(
        select(Seal).where(Seal.id > after).order_by(Seal.id).limit(_SEALS_AT_ONCE)
    ).all()
    rows, taken = 0, 0
    for seal in found:
        rows += seal.count
        if taken and rows > _ROWS_AT_ONCE:
            break
        taken += 1
    return found[:taken]


def _rows(first: int, last: int) -> Iterator[Entry]:
    within = select(Entry).where(Entry.id.between(first, last)).order_by(Entry.id)
    return iter(session.scalars(within.execution_options(yield_per=1000)))


def _shared_out(rows: Iterator[Entry], seals: Iterable[Seal]) -> Iterator[tuple[Seal, list[Entry]]]:
    """Each seal with the rows that lie before its end and behind the end of the one before."""
    waiting = next(rows, None)
    for seal in seals:
        own = []
        while waiting is not None and waiting.id <= seal.to_id:
            own.append(waiting)
            waiting = next(rows, None)
        yield seal, own


def _root(previous: str, rows: Iterable[Entry]) -> str:
    root = hashlib.sha256(previous.encode())
    for row in rows:
        root.update(hashlib.sha256(_plain(row)).digest())
    return root.hexdigest()


def _plain(row: Entry) -> bytes:
    """A row as the same bytes on every engine."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return json.dumps(
        values | {"at": row.at.isoformat()}, ensure_ascii=False, sort_keys=True
    ).encode()


_COLUMNS = tuple(column.key for column in Entry.__table__.columns)
