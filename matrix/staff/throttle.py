"""Throttle: failed sign-ins counted per name, per address and in total.

The counts are in the database and not in Redis, because the throttle must not open when Redis is
down. A name is counted whether or not it exists, so that being locked reveals nothing (OWASP ASVS
5.0, 6.3).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import settings
from config.database import Base, session, upsert
from config.errors import DomainError
from matrix.staff.members import normalize_sign_in_name

# multiples of the limit per name: a whole office may share one address, and the total stops an
# attack that uses many names and many addresses
_ADDRESS_FACTOR, _TOTAL_FACTOR = 6, 200
_TOTAL_KEY = "all"


class SignInLocked(DomainError):
    """Too many failures; the text is the same for every name."""

    status = 429
    text = "尝试次数过多，请 {minutes} 分钟后再试。"


class FailureCount(Base):
    """Number of failures under one key; `last_at` is when the last one happened."""

    __tablename__ = "staff_failure_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)


def check(name: str, address: str, *, now: datetime) -> None:
    """Raises SignInLocked when the name, the address or everybody together failed too often."""
    limits = _limits(name, address)
    rows = session.scalars(
        select(FailureCount).where(
            FailureCount.key.in_(limits), FailureCount.last_at > now - _window()
        )
    )
    # one text for all three reasons: it must not tell whether the name exists
    if any(row.count >= limits[row.key] for row in rows):
        raise SignInLocked(minutes=settings.get().sign_in_lock_minutes)


def record_failure(name: str, address: str, *, now: datetime) -> None:
    """Count a failure under all three keys; a count older than the lock time starts anew."""
    # in one order, so that two failures at the same moment cannot deadlock
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
    """Reset a name's count: its owner signed in, or an administrator unlocked it."""
    session.execute(delete(FailureCount).where(FailureCount.key == _name_key(name)))


def is_locked(name: str, *, now: datetime) -> bool:
    """Whether a name is locked at this moment."""
    return bool(locked_names([name], now=now))


def locked_names(names: Iterable[str], *, now: datetime) -> set[str]:
    """Those of the names that are locked at this moment. One query."""
    keys = {_name_key(name): name for name in names}
    rows = select(FailureCount.key).where(
        FailureCount.key.in_(keys),
        FailureCount.last_at > now - _window(),
        FailureCount.count >= settings.get().sign_in_attempts,
    )
    return {keys[key] for key in session.scalars(rows)}


def delete_older_than(*, before: datetime) -> None:
    """Delete counts whose last failure is older than an instant."""
    session.execute(delete(FailureCount).where(FailureCount.last_at < before))


def _limits(name: str, address: str) -> dict[str, int]:
    attempts = settings.get().sign_in_attempts
    return {
        _name_key(name): attempts,
        f"address:{address}": attempts * _ADDRESS_FACTOR,
        _TOTAL_KEY: attempts * _TOTAL_FACTOR,
    }


def _name_key(name: str) -> str:
    # cut, because the name comes from outside and may have any length
    return f"name:{normalize_sign_in_name(name)[:64]}"


def _window() -> timedelta:
    return timedelta(minutes=settings.get().sign_in_lock_minutes)
