"""The throttle of signing in: failures counted per name, per address and in all.

Counts live in the database, for with Redis away a throttle must not open. A name is counted
whether or not somebody has it, so that a locked answer tells nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import settings
from config.database import Base, session, upsert
from config.errors import DomainError
from matrix.staff.members import normalize_sign_in_name

# one address may stand for a whole office; all of them together for a whole city
_ADDRESS_FACTOR, _TOTAL_FACTOR = 6, 200
_TOTAL_KEY = "all"


class SignInLocked(DomainError):
    """Too many failures; the same words for every name."""

    status = 429
    text = "尝试次数过多，请 {minutes} 分钟后再试。"


class FailureCount(Base):
    """How many failures there were under a key; `since` is the last one's instant."""

    __tablename__ = "staff_failure_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)


def check(name: str, address: str, *, now: datetime) -> None:
    """Raises SignInLocked when the name, the address or the whole city failed too often."""
    limits = _limits(name, address)
    rows = session.scalars(
        select(FailureCount).where(
            FailureCount.key.in_(limits), FailureCount.last_at > now - _window()
        )
    )
    if any(row.count >= limits[row.key] for row in rows):
        raise SignInLocked(minutes=settings.get().sign_in_lock_minutes)


def record_failure(name: str, address: str, *, now: datetime) -> None:
    """Count a failure under all three keys. A count that lay still for long begins anew."""
    for key in sorted(_limits(name, address)):
        is_expired = FailureCount.last_at <= now - _window()
        session.execute(
            upsert(FailureCount)
            .values(key=key, count=1, last_at=now)
            .on_conflict_do_update(
                index_elements=[FailureCount.key],
                set_={"count": case((is_expired, 1), else_=FailureCount.count + 1), "last_at": now},
            )
        )


def clear(name: str) -> None:
    """Forget the failures of a name: its owner signed in, or an administrator unlocked it."""
    session.execute(delete(FailureCount).where(FailureCount.key == _name_key(name)))


def is_locked(name: str, *, now: datetime) -> bool:
    """Whether a name is locked at this moment."""
    return bool(locked_names([name], now=now))


def locked_names(names: Iterable[str], *, now: datetime) -> set[str]:
    """Those of some names that are locked at this moment. One query."""
    keys = {_name_key(name): name for name in names}
    rows = select(FailureCount.key).where(
        FailureCount.key.in_(keys),
        FailureCount.last_at > now - _window(),
        FailureCount.count >= settings.get().sign_in_attempts,
    )
    return {keys[key] for key in session.scalars(rows)}


def delete_older_than(*, before: datetime) -> None:
    """Remove counts that lie still since an instant."""
    session.execute(delete(FailureCount).where(FailureCount.last_at < before))


def _limits(name: str, address: str) -> dict[str, int]:
    attempts = settings.get().sign_in_attempts
    return {
        _name_key(name): attempts,
        f"address:{address}": attempts * _ADDRESS_FACTOR,
        _TOTAL_KEY: attempts * _TOTAL_FACTOR,
    }


def _name_key(name: str) -> str:
    return f"name:{normalize_sign_in_name(name)[:64]}"


def _window() -> timedelta:
    return timedelta(minutes=settings.get().sign_in_lock_minutes)
