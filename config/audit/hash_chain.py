"""Hash chain over the audit log: a later change of an entry can be detected.

    rows 1‥40 ──> Seal(root) <── previous ── Seal(root) <── previous ── Seal(root) ──> the log
                                  rows 41‥97                rows 98‥

A seal holds a hash over its rows and the root of the seal before it. Changing, adding or deleting
a row breaks that seal and every later one. The owner of the database could compute all of them
again, so each root is also written to the log, which should be kept on another machine.

Only rows that are ten minutes old are sealed: ids are given out before their transactions commit,
and a row with a lower id that appears later would be missing from its seal. A row dated in the
future is no reason to wait: it is sealed as soon as a row behind it is old enough, so nobody can
stop the sealing by such a date. The reasons for seals
over many rows instead of a hash in each stand in docs/decisions/0051.
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
from config.audit import AuditEntry, anchor
from config.database import Base, BigKey, dialect, session, upsert

# how many rows a verification must read to check one seal
ROWS_PER_SEAL = 1000
MIN_ROW_AGE = timedelta(minutes=10)
# a row that waits longer means that the job does not run any more
OVERDUE_AFTER = timedelta(hours=1)
# clocks of several machines differ by less; what is dated later is dated wrongly
CLOCK_TOLERANCE = timedelta(minutes=5)
GENESIS_HASH = "0" * 64

# one job verifies a segment in a few seconds; the next segment is a job of its own
_SEALS_PER_SEGMENT = 500
_ROWS_PER_SEGMENT = 20_000
_log = logs.get_logger(__name__)

# The start of the oldest transaction that has written. pg_stat_activity shows a role its own
# transactions, which are all that write here.
# (https://www.postgresql.org/docs/current/monitoring-stats.html)
_OLDEST_WRITER = text(
    "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
)


class Seal(Base):
    """The hash over the entries with ids `from_id` to `to_id` and the root of the seal before.

    `from_id` and `previous_hash` are unique, so two processes cannot fork the chain.
    """

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
    """A computed seal that is not stored yet."""

    from_id: int
    to_id: int
    count: int
    root_hash: str
    previous_hash: str


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """The result of verifying consecutive seals.

    `mismatches` maps the id of a broken seal to a Chinese sentence for staff. `next_after` is the
    seal id to pass to the next verify_segment, None at the end of the chain.
    """

    mismatches: Mapping[int, str]
    rows: int
    seals: int
    next_after: int | None


def find_latest() -> Seal | None:
    """The last seal, or None."""
    return session.scalars(select(Seal).order_by(Seal.id.desc()).limit(1)).one_or_none()


def prepare(*, now: datetime) -> PreparedSeal | None:
    """Compute the next seal; None when no row is old enough. Writes nothing."""
    last = find_latest()
    from_id = last.to_id + 1 if last else 1
    bound = _sealable_before(now)
    unsealed = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.id >= from_id)
        .order_by(AuditEntry.id)
        .limit(ROWS_PER_SEAL)
    ).all()
    rows = _settled(unsealed, bound, now)
    if not rows:
        return None
    previous = last.root_hash if last else GENESIS_HASH
    return PreparedSeal(from_id, rows[-1].id, len(rows), _hash_rows(previous, rows), previous)


def _settled(
    unsealed: Sequence[AuditEntry], bound: datetime, now: datetime
) -> Sequence[AuditEntry]:
    """The rows up to the first that is too young, and not all old ones: a seal cannot go back."""
    future = now + CLOCK_TOLERANCE
    rows = list(takewhile(lambda entry: entry.at < bound or entry.at > future, unsealed))
    # Whether a row from the future is settled, its own date does not tell; a row behind it does.
    if rows and rows[-1].at > future and not _has_old_row_after(rows[-1].id, bound):
        while rows and rows[-1].at > future:
            rows.pop()
    return rows


def _has_old_row_after(entry_id: int, bound: datetime) -> bool:
    found = select(AuditEntry.id).where(AuditEntry.id > entry_id, AuditEntry.at < bound)
    return session.scalar(found.limit(1)) is not None


def find_future_row(*, now: datetime) -> AuditEntry | None:
    """The first row that is not sealed yet and dated in the future, or None."""
    last = find_latest()
    rows = select(AuditEntry).where(
        AuditEntry.id > (last.to_id if last else 0), AuditEntry.at > now + CLOCK_TOLERANCE
    )
    return session.scalars(rows.order_by(AuditEntry.id).limit(1)).one_or_none()


def append(prepared: PreparedSeal, *, now: datetime) -> bool:
    """Store a seal and log its root; False when another process sealed these rows first."""
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
        # `from_id` and `previous_hash` are unique: of two sealers that
        # computed the same seal, one stores it
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
    """Compute the seals after the one of this id again and compare; 0 begins with the first."""
    seals = _segment_after(after_id)
    if not seals:
        return SegmentReport({}, rows=0, seals=0, next_after=None)
    before = session.get(Seal, after_id) if after_id else None
    previous, expected_from_id = (
        (before.root_hash, before.to_id + 1) if before else (GENESIS_HASH, 1)
    )
    # All rows between the first and the last id are read, not only `count` of them, so that an
    # added row is found as well.
    mismatches, rows = {}, _entries_between(seals[0].from_id, seals[-1].to_id)
    for seal, own_rows in _group_by_seal(rows, seals):
        if seal.from_id != expected_from_id or seal.previous_hash != previous:
            mismatches[seal.id] = f"第 {seal.id} 号封条与前一号不衔接"
        elif len(own_rows) != seal.count or _hash_rows(previous, own_rows) != seal.root_hash:
            mismatches[seal.id] = f"第 {seal.id} 号封条与记录 {seal.from_id}–{seal.to_id} 不符"
        previous, expected_from_id = seal.root_hash, seal.to_id + 1
    # compared by id instead of by an empty next segment, which would cost one more job
    last = session.scalar(select(func.max(Seal.id)))
    return SegmentReport(
        mismatches,
        rows=sum(seal.count for seal in seals),
        seals=len(seals),
        next_after=None if last == seals[-1].id else seals[-1].id,
    )


def overdue_since(*, now: datetime) -> datetime | None:
    """The time of the oldest entry that should be sealed by now and is not, or None."""
    last = find_latest()
    # the oldest by its date and not by its number: the first one may be dated in the future
    oldest = session.scalar(
        select(func.min(AuditEntry.at)).where(AuditEntry.id > (last.to_id if last else 0))
    )
    return oldest if oldest is not None and oldest < now - OVERDUE_AFTER else None


def find_covering(entry_id: int) -> Seal | None:
    """The seal that covers an entry; None while it is not sealed yet."""
    found = select(Seal).where(Seal.to_id >= entry_id).order_by(Seal.to_id).limit(1)
    return session.scalars(found).one_or_none()


def contains_root(root_hash: str) -> bool:
    """Whether a root hash from the log (hex, any case) is still in the chain."""
    found = select(Seal.id).where(Seal.root_hash == root_hash.strip().lower())
    return session.scalar(found) is not None


def contains_anchor() -> bool:
    """Whether the root that this machine has kept is still in the chain; True without one."""
    kept = anchor.read()
    return kept is None or contains_root(kept.root)


def _sealable_before(now: datetime) -> datetime:
    bound = now - MIN_ROW_AGE
    if dialect() != "postgresql":
        return bound  # SQLite has one writer at a time, so ids are committed in order
    oldest: datetime | None = session.scalar(_OLDEST_WRITER)
    return bound if oldest is None else min(bound, oldest - MIN_ROW_AGE)


def _segment_after(after: int) -> Sequence[Seal]:
    """The seals after one of them, as many as a job verifies in a few seconds, at least one."""
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
    """Each seal with the rows up to its end, gaps included, so that an added row counts as well."""
    unsealed = next(rows, None)
    for seal in seals:
        own_rows = []
        while unsealed is not None and unsealed.id <= seal.to_id:
            own_rows.append(unsealed)
            unsealed = next(rows, None)
        yield seal, own_rows


def _hash_rows(previous: str, rows: Iterable[AuditEntry]) -> str:
    # Each row is hashed before it goes into the root, so that moving bytes from one row to the next
    # changes the root.
    root = hashlib.sha256(previous.encode())
    for row in rows:
        root.update(hashlib.sha256(_canonical_json(row)).digest())
    return root.hexdigest()


def _canonical_json(row: AuditEntry) -> bytes:
    """A row as UTF-8 JSON with sorted keys: the same bytes on both engines and in every version."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return json.dumps(
        values | {"at": row.at.isoformat()}, ensure_ascii=False, sort_keys=True
    ).encode()


_COLUMNS = tuple(column.key for column in AuditEntry.__table__.columns)
