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
from config.alerts import Alert
from config.audit import AuditEntry
from config.database import Base, BigKey, dialect, session, upsert

SEAL = "audit.seal"
VERIFY = "audit.verify"
VERIFY_SEGMENT = "audit.verify_segment"
CHAIN_BROKEN = "audit.chain_broken"
SEALING_OVERDUE = "audit.sealing_overdue"

ROWS_PER_SEAL = 1000
MIN_ROW_AGE = timedelta(minutes=10)
# sealing stands still when a row waits longer than this
OVERDUE_AFTER = timedelta(hours=1)
GENESIS_HASH = "0" * 64

_SEALS_PER_SEGMENT = 500
_ROWS_PER_SEGMENT = 20_000
_log = logs.get_logger(__name__)

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
class PreparedSeal:
    """A seal that is not set yet."""

    from_id: int
    to_id: int
    count: int
    root_hash: str
    previous_hash: str


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """What a stretch of seals says: its faults, and the seal to go on from, None at the end.

    A fault is a Chinese sentence for staff, by the number of the seal that does not hold.
    """

    mismatches: Mapping[int, str]
    rows: int
    seals: int
    next_after: int | None


def find_latest() -> Seal | None:
    """The last seal."""
    return session.scalars(select(Seal).order_by(Seal.id.desc()).limit(1)).one_or_none()


def prepare(*, now: datetime) -> PreparedSeal | None:
    """The next seal over rows that are settled; None when there is none to seal."""
    last = find_latest()
    from_id = last.to_id + 1 if last else 1
    bound = _sealable_before(now)
    unsealed = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.id >= from_id)
        .order_by(AuditEntry.id)
        .limit(ROWS_PER_SEAL)
    ).all()
    rows = list(takewhile(lambda entry: entry.at < bound, unsealed))
    if not rows:
        return None
    previous = last.root_hash if last else GENESIS_HASH
    return PreparedSeal(from_id, rows[-1].id, len(rows), _hash_rows(previous, rows), previous)


def append(prepared: PreparedSeal, *, now: datetime) -> bool:
    """Set a seal; False when somebody else sealed these rows first."""
    sealed = session.scalar(
        upsert(Seal)
        .values(
            from_id=prepared.from_id,
            to_id=prepared.to_id,
            count=prepared.count,
            root_hash=prepared.root_hash,
            previous_hash=prepared.previous_hash,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(Seal.id)
    )
    if sealed is None:
        return False
    _log.info(
        "audit.sealed",
        seal=sealed,
        to_id=prepared.to_id,
        count=prepared.count,
        root=prepared.root_hash,
    )
    return True


def verify_segment(after_id: int = 0) -> SegmentReport:
    """Compute a stretch of seals anew, behind the seal of this id (0: from the beginning)."""
    seals = _segment_after(after_id)
    if not seals:
        return SegmentReport({}, rows=0, seals=0, next_after=None)
    before = session.get(Seal, after_id) if after_id else None
    previous, expected_from_id = (
        (before.root_hash, before.to_id + 1) if before else (GENESIS_HASH, 1)
    )
    mismatches, rows = {}, _entries_between(seals[0].from_id, seals[-1].to_id)
    for seal, own_rows in _group_by_seal(rows, seals):
        if seal.from_id != expected_from_id or seal.previous_hash != previous:
            mismatches[seal.id] = f"第 {seal.id} 号封条与前一号不衔接"
        elif len(own_rows) != seal.count or _hash_rows(previous, own_rows) != seal.root_hash:
            mismatches[seal.id] = f"第 {seal.id} 号封条与记录 {seal.from_id}–{seal.to_id} 不符"
        previous, expected_from_id = seal.root_hash, seal.to_id + 1
    last = session.scalar(select(func.max(Seal.id)))
    return SegmentReport(
        mismatches,
        rows=sum(seal.count for seal in seals),
        seals=len(seals),
        next_after=None if last == seals[-1].id else seals[-1].id,
    )


def overdue_since(*, now: datetime) -> datetime | None:
    """The instant of the oldest row that should be sealed by now and is not."""
    last = find_latest()
    oldest = session.scalar(
        select(AuditEntry.at)
        .where(AuditEntry.id > (last.to_id if last else 0))
        .order_by(AuditEntry.id)
        .limit(1)
    )
    return oldest if oldest is not None and oldest < now - OVERDUE_AFTER else None


def find_covering(entry_id: int) -> Seal | None:
    """The seal over a row; None while it waits for one."""
    found = select(Seal).where(Seal.to_id >= entry_id).order_by(Seal.to_id).limit(1)
    return session.scalars(found).one_or_none()


def open_alert_messages() -> Sequence[str]:
    """What the open alarms about the seals say, the oldest first."""
    messages = select(Alert.message).where(
        Alert.kind.in_((CHAIN_BROKEN, SEALING_OVERDUE)), Alert.resolved_at.is_(None)
    )
    return session.scalars(messages.order_by(Alert.id).limit(20)).all()


def contains_root(root_hash: str) -> bool:
    """Whether a root that the log names is still in the chain."""
    found = select(Seal.id).where(Seal.root_hash == root_hash.strip().lower())
    return session.scalar(found) is not None


def _sealable_before(now: datetime) -> datetime:
    bound = now - MIN_ROW_AGE
    if dialect() != "postgresql":
        return bound  # SQLite has one writer at a time
    oldest: datetime | None = session.scalar(_OLDEST_WRITER)
    return bound if oldest is None else min(bound, oldest - MIN_ROW_AGE)


def _segment_after(after: int) -> Sequence[Seal]:
    """The seals behind one of them, not more than a job checks in a few seconds."""
    found = session.scalars(
        select(Seal).where(Seal.id > after).order_by(Seal.id).limit(_SEALS_PER_SEGMENT)
    ).all()
    rows, count = 0, 0
    for seal in found:
        rows += seal.count
        if count and rows > _ROWS_PER_SEGMENT:
            break
        count += 1
    return found[:count]


def _entries_between(first: int, last: int) -> Iterator[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.id.between(first, last)).order_by(AuditEntry.id)
    return iter(session.scalars(query.execution_options(yield_per=1000)))


def _group_by_seal(
    rows: Iterator[AuditEntry], seals: Iterable[Seal]
) -> Iterator[tuple[Seal, list[AuditEntry]]]:
    """Each seal with the rows that lie before its end and behind the end of the one before."""
    unsealed = next(rows, None)
    for seal in seals:
        own_rows = []
        while unsealed is not None and unsealed.id <= seal.to_id:
            own_rows.append(unsealed)
            unsealed = next(rows, None)
        yield seal, own_rows


def _hash_rows(previous: str, rows: Iterable[AuditEntry]) -> str:
    root = hashlib.sha256(previous.encode())
    for row in rows:
        root.update(hashlib.sha256(_canonical_json(row)).digest())
    return root.hexdigest()


def _canonical_json(row: AuditEntry) -> bytes:
    """A row as the same bytes on every engine."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return json.dumps(
        values | {"at": row.at.isoformat()}, ensure_ascii=False, sort_keys=True
    ).encode()


_COLUMNS = tuple(column.key for column in AuditEntry.__table__.columns)
