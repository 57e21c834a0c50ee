"""Passwords: hashed with argon2id, long, hard to guess, not reused, renewed in time.

There is no rule about kinds of characters. Length, a dictionary (zxcvbn) and the names of the
person and the city decide, as NIST SP 800-63B 5.1.1.2 and OWASP ASVS 5.0 chapter 6.2 recommend.
Length, history and age are settings.
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
from config.database.optimistic_locking import update_unversioned
from config.errors import Invalid
from matrix.staff import members
from matrix.staff.members import Staff, StaffAction

# characters; hashing an endless password would be an attack on the CPU
MAX_LENGTH = 128
WARN_BEFORE = timedelta(days=7)
# zxcvbn's score from 0 to 4; 3 is "safely unguessable" against offline attacks on a slow hash
_MIN_SCORE = 3
# zxcvbn's time grows faster than the length; what is longer than this is strong anyway
_MAX_SCORED_LENGTH = 72
_ORGANISATION_WORDS = (
    "huayin",
    "huayinfabu",
    "huashan",
    "weinan",
    "shaanxi",
    "zhengwu",
    "华阴",
    "华阴发布",
)


class PasswordHistory(Base):
    """A password a person had before."""

    __tablename__ = "staff_password_history"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    hash: Mapped[str]
    replaced_at: Mapped[datetime]


@cache
def _hasher() -> PasswordHasher:
    # the library's defaults follow RFC 9106; stored hashes hold their parameters, so they may rise
    return PasswordHasher()


@cache
def _dummy_hash() -> str:
    """A hash to verify against when there is no such person, so that it takes as long."""
    # with today's parameters: comparing with it costs what comparing with a real hash costs
    return _hasher().hash("nobody's password")


def verify(person: Staff | None, password: str) -> bool:
    """Whether this is the person's password. Takes equally long when there is no such person."""
    stored_hash = person.password_hash if person is not None else None
    matches = _matches(stored_hash or _dummy_hash(), password)
    return matches and stored_hash is not None


def _matches(hashed: str, password: str) -> bool:
    try:
        # cut one above the limit: a longer password is wrong and must not cost more
        return _hasher().verify(hashed, password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False


def rehash_if_needed(person: Staff, password: str) -> None:
    """Hash a correct password again when the hash parameters have been raised since."""
    if person.password_hash and _hasher().check_needs_rehash(person.password_hash):
        update_unversioned(person, password_hash=_hasher().hash(password))


def set_password(person: Staff, password: str, *, now: datetime) -> None:
    """Set a new password. Raises Invalid for field `password`."""
    validate(person, password)
    # the hashes are salted, so each one has to be verified; there are only a few
    for old in (person.password_hash, *_recent_hashes(person.id)):
        if old is not None and _matches(old, password):
            problem = f"不能与最近 {settings.get().password_history} 次用过的密码相同"
            raise Invalid(field="password", problem=problem)
    if person.password_hash is not None:
        session.add(PasswordHistory(staff_id=person.id, hash=person.password_hash, replaced_at=now))
    update_unversioned(person, password_hash=_hasher().hash(password), password_at=now)
    members.record_audit(StaffAction.SET_PASSWORD, person)


def validate(person: Staff, password: str) -> None:
    """Raises Invalid for a password that is too short, too long or too easy to guess."""
    min_length = settings.get().password_length
    if len(password) < min_length:
        raise Invalid(field="password", problem=f"至少 {min_length} 位")
    if len(password) > MAX_LENGTH:
        raise Invalid(field="password", problem=f"最长 {MAX_LENGTH} 位")
    names = [person.sign_in_name, person.name, *_ORGANISATION_WORDS]
    # not names of one or two characters, which too many good passwords contain
    if any(name in password.lower() for name in names if len(name) > 2):
        raise Invalid(field="password", problem="不能含有姓名、登录名或单位名称")
    strength = zxcvbn.zxcvbn(password[:_MAX_SCORED_LENGTH], user_inputs=names)
    if strength["score"] < _MIN_SCORE:
        raise Invalid(field="password", problem="太容易被猜到，可以用几个不相干的词连在一起")


def _recent_hashes(staff_id: int) -> list[str]:
    kept = settings.get().password_history - 1  # the present one counts
    rows = select(PasswordHistory.hash).where(PasswordHistory.staff_id == staff_id)
    return list(session.scalars(rows.order_by(PasswordHistory.id.desc()).limit(max(kept, 0))))


def expires_at(person: Staff) -> datetime | None:
    """When the password has to be renewed; None without one, or when passwords do not expire."""
    days = settings.get().password_days
    if not days or person.password_at is None:
        return None
    return person.password_at + timedelta(days=days)


def is_expired(person: Staff, *, now: datetime) -> bool:
    """Whether the password has to be renewed before anything else."""
    until = expires_at(person)
    return until is not None and until <= now
