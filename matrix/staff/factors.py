"""The second factor: a code from an authenticator (TOTP, RFC 6238), or a recovery code.

    begin ──> secret (shown as QR) ── prove ──> set up, ten recovery codes shown once

A code of the current 30 seconds is accepted, or of the step before or after for clocks that drift
(a recorded exception to ASVS 6.5.5), and each step once: the step is stored by compare-and-set.
"""

import hmac
import secrets
from datetime import datetime
from hashlib import sha256

import pyotp
from sqlalchemy import ForeignKey, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, change, session
from config.errors import Invalid
from matrix.staff import people
from matrix.staff.people import Staff

ISSUER = "华阴发布"
_STEP = 30
_DRIFT = (0, -1, 1)
_CODES = 10


class RecoveryCode(Base):
    """One code for the day the phone is lost; only its digest is kept."""

    __tablename__ = "staff_recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    digest: Mapped[str]
    used_at: Mapped[datetime | None]


def begin(person: Staff) -> str:
    """The secret to be set up, kept until it is proven; the same until then."""
    if person.totp_secret is None or person.has_second_factor:
        person.totp_secret = pyotp.random_base32()
        person.totp_at = None
        session.flush()
    return person.totp_secret


def address(person: Staff) -> str:
    """The otpauth:// address an authenticator reads from a QR picture."""
    return pyotp.TOTP(person.totp_secret or "").provisioning_uri(
        name=person.sign_in_name, issuer_name=ISSUER
    )


def prove(person: Staff, code: str, *, now: datetime) -> list[str]:
    """Finish the set-up with a first right code. Returns the recovery codes, shown only now.

    Raises Invalid; the field is `code`.
    """
    if not _take_totp(person, code, now):
        raise Invalid(field="code", problem="验证码不正确，请确认手机时间准确后重试")
    person.totp_at = now
    session.flush()
    people.record("staff.second_factor", person)
    return renew_codes(person)


def renew_codes(person: Staff) -> list[str]:
    """Ten new recovery codes; the old ones count no more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    made = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(_CODES)]
    session.add_all(RecoveryCode(staff_id=person.id, digest=_digest(code)) for code in made)
    session.flush()
    return made


def take(person: Staff, code: str, *, now: datetime) -> bool:
    """Whether a code is right; it is used up by that."""
    cleaned = code.strip().replace(" ", "").lower()
    if cleaned.isdigit():
        return person.has_second_factor and _take_totp(person, cleaned, now)
    return _take_recovery(person, cleaned, now)


def codes_left(staff_id: int) -> int:
    """How many recovery codes were not used."""
    rows = select(func.count()).where(
        RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(rows) or 0


def reset(person: Staff) -> None:
    """Take the second factor away; its owner sets up another at the next sign-in."""
    person.totp_secret = person.totp_at = person.totp_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    session.flush()
    people.record("staff.second_factor_reset", person)


def _take_totp(person: Staff, code: str, now: datetime) -> bool:
    if person.totp_secret is None:
        return False
    totp = pyotp.TOTP(person.totp_secret)
    step = int(now.timestamp()) // _STEP
    matching = [
        step + drift
        for drift in _DRIFT
        if hmac.compare_digest(totp.at((step + drift) * _STEP).encode(), code.encode())
    ]
    if not matching:
        return False
    taken = session.scalar(
        update(Staff)
        .where(Staff.id == person.id, or_(Staff.totp_step.is_(None), Staff.totp_step < matching[0]))
        .values(totp_step=matching[0])
        .returning(Staff.id)
    )
    return taken is not None


def _take_recovery(person: Staff, code: str, now: datetime) -> bool:
    found = session.scalar(
        select(RecoveryCode.id).where(
            RecoveryCode.staff_id == person.id,
            RecoveryCode.digest == _digest(code),
            RecoveryCode.used_at.is_(None),
        )
    )
    if found is None:
        return False
    if change(RecoveryCode, found, when={"used_at": None}, to={"used_at": now}) is None:
        return False
    people.record("staff.recovery_code", person, left=codes_left(person.id))
    return True


def _digest(code: str) -> str:
    # 64 random bits need no slow hash
    return sha256(code.encode()).hexdigest()
