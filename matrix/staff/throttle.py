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
from matrix.staff.people import fold

# one address may stand for a whole office; all of them together for a whole city
_ADDRESS_TIMES, _ALL_TIMES = 6, 200
_ALL = "all"


class SignInLocked(DomainError):
    """Too many failures; the same words for every name."""

    status = 429
    text = "尝试次数过多，请 {minutes} 分钟后再试。"


class Throttle(Base):
    """How many failures there were under a key; `since` is the last one's instant."""

    __tablename__ = "staff_throttles"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime] = mapped_column(index=True)


def check(name: str, address: str, *, now: datetime) -> None:
    """Raises SignInLocked when the name, the address or the whole city failed too often."""
    limits = _limits(name, address)
    rows = session.scalars(
        select(Throttle).where(Throttle.key.in_(limits), Throttle.since > now - _window())
    )
    if any(row.count >= limits[row.key] for row in rows):
        raise SignInLocked(minutes=settings.get().sign_in_lock_minutes)


def failed(name: str, address: str, *, now: datetime) -> None:
    """Count a failure under all three keys. A count that lay still for long begins anew."""
    for key in sorted(_limits(name, address)):
        lapsed = Throttle.since <= now - _window()
        session.execute(
            upsert(Throttle)
            .values(key=key, count=1, since=now)
            .on_conflict_do_update(
                index_elements=[Throttle.key],
                set_={"count": case((lapsed, 1), else_=Throttle.count + 1), "since": now},
            )
        )


def clear(name: str) -> None:
    """Forget the failures of a name: its owner signed in, or an administrator unlocked it."""
    session.execute(delete(Throttle).where(Throttle.key == _name_key(name)))


def is_locked(name: str, *, now: datetime) -> bool:
    """Whether a name is locked at this moment."""
    return bool(locked([name], now=now))


def locked(names: Iterable[str], *, now: datetime) -> set[str]:
    """Those of some names that are locked at this moment. One query."""
    keys = {_name_key(name): name for name in names}
    rows = select(Throttle.key).where(
        Throttle.key.in_(keys),
        Throttle.since > now - _window(),
        Throttle.count >= settings.get().sign_in_attempts,
    )
    return {keys[key] for key in session.scalars(rows)}


def forget(*, before: datetime) -> None:
    """Remove counts that lie still since an instant."""
    session.execute(delete(Throttle).where(Throttle.since < before))


def _limits(name: str, address: str) -> dict[str, int]:
    attempts = settings.get().sign_in_attempts
    return {
        _name_key(name): attempts,
        f"address:{address}": attempts * _ADDRESS_TIMES,
        _ALL: attempts * _ALL_TIMES,
    }


def _name_key(name: str) -> str:
    return f"name:{fold(name)[:64]}"


def _window() -> timedelta:
    return timedelta(minutes=settings.get().sign_in_lock_minutes)
