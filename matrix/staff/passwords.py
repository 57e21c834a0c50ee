"""Passwords: argon2id, long and not guessable, none of the last few, renewed in time.

No rule about kinds of characters: length, a list of what is guessed first, and the names of the
office decide (NIST SP 800-63B 5.1.1.2, ASVS 5.0 chapter 6.2). A hash made with weaker parameters
is made anew when its owner next signs in.
"""

from datetime import datetime, timedelta
from functools import cache

import zxcvbn
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import settings
from config.database import Base, session
from config.errors import Invalid
from matrix.staff import people
from matrix.staff.people import Staff

LONGEST = 128
REMINDED = timedelta(days=7)
# zxcvbn's scale from 0 to 4: below 3 a list and some rules find it in hours
_LEAST_SCORE = 3
_READ_BY_METER = 72
_OFFICE = ("huayin", "huayinfabu", "huashan", "weinan", "shaanxi", "zhengwu", "华阴", "华阴发布")


class Former(Base):
    """A password a person had before."""

    __tablename__ = "staff_passwords"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    hash: Mapped[str]
    at: Mapped[datetime]


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash to check against when there is no such person, so that it takes as long."""
    return _hasher().hash("nobody's password")


def is_right(person: Staff | None, password: str) -> bool:
    """Whether this is the person's password. Takes the same work when there is no person."""
    known = person.password_hash if person is not None else None
    fits = _fits(known or _nobodys(), password)
    return fits and known is not None


def _fits(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False


def renew_hash(person: Staff, password: str) -> None:
    """Hash a password that was right anew, when the parameters have been raised since."""
    if person.password_hash and _hasher().check_needs_rehash(person.password_hash):
        person.password_hash = _hasher().hash(password)


def put(person: Staff, password: str, *, now: datetime) -> None:
    """Give a person a new password. Raises Invalid; the field is `password`."""
    check(person, password)
    for old in (person.password_hash, *_last(person.id)):
        if old is not None and _fits(old, password):
            problem = f"不能与最近 {settings.get().password_history} 次用过的密码相同"
            raise Invalid(field="password", problem=problem)
    if person.password_hash is not None:
        session.add(Former(staff_id=person.id, hash=person.password_hash, at=now))
    person.password_hash, person.password_at = _hasher().hash(password), now
    session.flush()
    people.record("staff.password", person)


def check(person: Staff, password: str) -> None:
    """Raises Invalid for a password that is short, long, or guessed early."""
    shortest = settings.get().password_length
    if len(password) < shortest:
        raise Invalid(field="password", problem=f"至少 {shortest} 位")
    if len(password) > LONGEST:
        raise Invalid(field="password", problem=f"最长 {LONGEST} 位")
    names = [person.sign_in_name, person.name, *_OFFICE]
    if any(name in password.lower() for name in names if len(name) > 2):
        raise Invalid(field="password", problem="不能含有姓名、登录名或单位名称")
    measured = zxcvbn.zxcvbn(password[:_READ_BY_METER], user_inputs=names)
    if measured["score"] < _LEAST_SCORE:
        raise Invalid(field="password", problem="太容易被猜到，可以用几个不相干的词连在一起")


def _last(staff_id: int) -> list[str]:
    kept = settings.get().password_history - 1  # the present one counts
    rows = select(Former.hash).where(Former.staff_id == staff_id)
    return list(session.scalars(rows.order_by(Former.id.desc()).limit(max(kept, 0))))


def expires_at(person: Staff) -> datetime | None:
    """When the password must be renewed; None when there is none or passwords never age."""
    days = settings.get().password_days
    if not days or person.password_at is None:
        return None
    return person.password_at + timedelta(days=days)


def is_expired(person: Staff, *, now: datetime) -> bool:
    """Whether the password must be renewed before anything else."""
    until = expires_at(person)
    return until is not None and until <= now
