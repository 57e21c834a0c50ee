"""Throttle: guesses at names, passwords and codes, without a lever by which strangers lock others.

    (name, device)     a device on which this person has signed in before: counted by itself only
    (name, address)    everybody else: five attempts, then a delay that doubles up to the longest
    address            many names from one address
    name, total        never lock; they shorten what unknown devices may do, and raise an alert

An attempt is counted before it is checked, by one statement that refuses when the count is used up,
so that parallel guesses cannot all pass; a right one gives its count back. Counts lapse by time. A
name is counted whether or not it exists, so that waiting reveals nothing (OWASP ASVS 5.0, 6.3).
They are in the database and not in Redis: the throttle must not open when Redis is down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, and_, case, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import alerts, settings
from config.alerts import AlertKind
from config.database import Base, session, upsert
from config.errors import DomainError
from matrix.staff import members
from matrix.staff.members import normalize_sign_in_name
from matrix.staff.sign_in import sessions
from matrix.staff.sign_in.sessions import ClientInfo

# multiples of the attempts: a whole office may share one address, an attack may use many
_ADDRESS_FACTOR, _NAME_FACTOR, _TOTAL_FACTOR = 6, 4, 200
_TOTAL_KEY = "all"
# a count lapses this many times the longest delay after its last attempt
_LAPSE_FACTOR = 4


class StaffAlert(AlertKind):
    """Alerts about the access of staff."""

    GUESSING = "staff.guessing", "有人在猜测登录密码"


class SignInLocked(DomainError):
    """Too many attempts from here; the text is the same for every name."""

    status = 429
    text = "尝试次数过多，请 {minutes} 分钟后再试。"


class FailureCount(Base):
    """Number of attempts under one key that were not right; `last_at` is that of the last one."""

    __tablename__ = "staff_failure_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class _Limit:
    """A key with the attempts after which it delays; None counts only."""

    key: str
    attempts: int | None


def admit_sign_in(name: str, origin: ClientInfo, *, now: datetime) -> None:
    """Count an attempt to sign in. Raises SignInLocked, and has counted nothing then.

    The caller commits before the password is compared: that takes long, and the rows are locked.
    """
    for limit in _sign_in_limits(name, origin, now):
        count = _count(limit, now)
        if limit.attempts is None and count == _alert_limit(limit.key):
            _raise_alert(limit.key, name, now)


def record_success(name: str, origin: ClientInfo, *, now: datetime) -> None:
    """Give back what `admit_sign_in` counted."""
    _give_back([limit.key for limit in _sign_in_limits(name, origin, now)])


def admit_code(staff_id: int, name: str, origin: ClientInfo, *, now: datetime) -> None:
    """Count an attempt at a second factor. Raises SignInLocked."""
    for limit in _code_limits(staff_id, name, origin):
        _count(limit, now)


def record_right_code(staff_id: int, name: str, origin: ClientInfo) -> None:
    """Give back what `admit_code` counted."""
    _give_back([limit.key for limit in _code_limits(staff_id, name, origin)])


def admit_session(session_id: int, *, now: datetime) -> None:
    """Count an attempt of somebody signed in to prove who they are. Raises SignInLocked.

    By session alone: nobody else can use it up.
    """
    _count(_Limit(f"session:{session_id}", settings.get().sign_in_attempts), now)


def record_session_success(session_id: int) -> None:
    """Give back what `admit_session` counted."""
    _give_back([f"session:{session_id}"])


def name_digest(name: str) -> str:
    """What a device remembers of a sign-in name: enough to know it again."""
    return sha256(normalize_sign_in_name(name).encode()).hexdigest()[:16]


def clear(name: str) -> None:
    """Forget all attempts at a name, from wherever."""
    key = _name_key(name)
    session.execute(
        delete(FailureCount).where(
            or_(
                FailureCount.key == key,
                FailureCount.key.startswith(f"try:{key}|", autoescape=True),
            )
        )
    )


def is_guessed(name: str, *, now: datetime) -> bool:
    """Whether so many attempts at a name failed that unknown devices are slowed."""
    return bool(guessed_names([name], now=now))


def guessed_names(names: Iterable[str], *, now: datetime) -> set[str]:
    """Those of the names at which so many attempts failed that it shows. One query."""
    keys = {_name_key(name): name for name in names}
    rows = select(FailureCount.key).where(
        FailureCount.key.in_(keys),
        FailureCount.last_at > now - _lapse(),
        FailureCount.count >= settings.get().sign_in_attempts,
    )
    return {keys[key] for key in session.scalars(rows)}


def delete_older_than(*, before: datetime) -> None:
    """Delete counts whose last attempt is older than an instant."""
    session.execute(delete(FailureCount).where(FailureCount.last_at < before))


# ---- which counts an attempt meets ----


def _sign_in_limits(name: str, origin: ClientInfo, now: datetime) -> list[_Limit]:
    """The counts of an attempt, in an order that keeps two of them from a deadlock."""
    key, attempts = _name_key(name), settings.get().sign_in_attempts
    if _is_known(name, origin):
        return [_Limit(f"try:{key}|device:{origin.device}", attempts)]
    from_here, by_address = attempts, attempts * _ADDRESS_FACTOR
    if _is_over(key, now) or (_is_over(_TOTAL_KEY, now) and not sessions.is_used_address(origin)):
        # one attempt and then the delays: slower, but never shut
        from_here, by_address = 1, attempts
    return [
        _Limit(f"try:{key}|address:{origin.address}", from_here),
        _Limit(f"address:{origin.address}", by_address),
        _Limit(key, None),
        _Limit(_TOTAL_KEY, None),
    ]


def _code_limits(staff_id: int, name: str, origin: ClientInfo) -> list[_Limit]:
    attempts = settings.get().sign_in_attempts
    if _is_known(name, origin):
        return [_Limit(f"code:{staff_id}|device:{origin.device}", attempts)]
    # whoever comes here knows the password, so this count is no lever of strangers: without it,
    # many addresses together would have a chance at six digits
    return [
        _Limit(f"code:{staff_id}|address:{origin.address}", attempts),
        _Limit(f"code:{staff_id}", attempts * _NAME_FACTOR),
    ]


def _is_known(name: str, origin: ClientInfo) -> bool:
    return bool(origin.device) and name_digest(name) in origin.known_names


def _alert_limit(key: str) -> int:
    factor = _TOTAL_FACTOR if key == _TOTAL_KEY else _NAME_FACTOR
    return settings.get().sign_in_attempts * factor


def _is_over(key: str, now: datetime) -> bool:
    found = session.get(FailureCount, key, populate_existing=True)
    return found is not None and found.last_at > now - _lapse() and found.count >= _alert_limit(key)


def _raise_alert(key: str, name: str, now: datetime) -> None:
    person = members.find_by_sign_in_name(name)
    if key == _TOTAL_KEY:
        text = "登录失败的次数异常地多，可能有人在批量猜测密码。陌生地址的登录已放慢。"
        alerts.raise_alert(StaffAlert.GUESSING, _TOTAL_KEY, text, now=now, urgent=True)
    # of a name that nobody has, nobody needs to know
    elif person is not None:
        text = (
            f"有人反复猜测{person.name}的登录密码。陌生设备的登录已放慢，本人常用的设备不受影响。"
        )
        alerts.raise_alert(
            StaffAlert.GUESSING, person.id, text, now=now, department_id=person.department_id
        )


def _name_key(name: str) -> str:
    # cut, because the name comes from outside and may have any length
    return f"name:{normalize_sign_in_name(name)[:64]}"


# ---- counting ----


def _count(limit: _Limit, now: datetime) -> int:
    """Count an attempt, by the statement that also checks it. Raises SignInLocked."""
    has_lapsed = FailureCount.last_at <= now - _lapse()
    statement = (
        upsert(FailureCount)
        .values(key=limit.key, count=1, last_at=now)
        .on_conflict_do_update(
            index_elements=[FailureCount.key],
            set_={"count": case((has_lapsed, 1), else_=FailureCount.count + 1), "last_at": now},
            where=None if limit.attempts is None else or_(has_lapsed, _is_due(limit.attempts, now)),
        )
        .returning(FailureCount.count)
    )
    count = session.scalar(statement)
    if count is None:
        raise SignInLocked(minutes=_minutes_left(limit, now))
    return count


def _is_due(attempts: int, now: datetime) -> ColumnElement[bool]:
    """Whether attempts are left, or the delay since the last one is over."""
    delays = _delays()
    steps = [
        and_(FailureCount.count <= attempts + number, FailureCount.last_at <= now - delay)
        for number, delay in enumerate(delays)
    ]
    return or_(FailureCount.count < attempts, *steps, FailureCount.last_at <= now - delays[-1])


def _minutes_left(limit: _Limit, now: datetime) -> int:
    found = session.get(FailureCount, limit.key, populate_existing=True)
    if found is None or limit.attempts is None:
        return 1
    delays = _delays()
    delay = delays[min(max(found.count - limit.attempts, 0), len(delays) - 1)]
    return max(1, -int((now - found.last_at - delay).total_seconds() // 60))


def _give_back(keys: list[str]) -> None:
    """Take an attempt off the shared counts, and forget those of the device or address itself."""
    own, *shared = keys
    session.execute(delete(FailureCount).where(FailureCount.key == own))
    for key in shared:
        session.execute(
            update(FailureCount)
            .where(FailureCount.key == key, FailureCount.count > 0)
            .values(count=FailureCount.count - 1)
            .execution_options(synchronize_session=False)
        )


def _delays() -> list[timedelta]:
    """A minute, and twice as long each time, up to the longest."""
    longest, minutes = settings.get().sign_in_lock_minutes, 1
    delays = []
    while minutes < longest:
        delays.append(timedelta(minutes=minutes))
        minutes *= 2
    return [*delays, timedelta(minutes=longest)]


def _lapse() -> timedelta:
    return timedelta(minutes=settings.get().sign_in_lock_minutes * _LAPSE_FACTOR)
