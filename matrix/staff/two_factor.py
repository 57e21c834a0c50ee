"""Second factor: a code from an authenticator app (TOTP, RFC 6238), or a recovery code.

    enroll --> secret, shown as a QR code --confirm--> active, ten recovery codes shown once

The code of the current 30 seconds is accepted, and that of the step before or after, because the
clocks of phones drift (an exception to OWASP ASVS 6.5.5 that is recorded in the docs). Each step is
accepted once: the step is stored by a conditional UPDATE, so a code that was observed cannot be
used again.
"""

import hmac
import secrets
from datetime import datetime
from hashlib import sha256

import pyotp
from sqlalchemy import ForeignKey, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, compare_and_set, session
from config.database.optimistic_locking import update_unversioned
from config.errors import Invalid
from matrix.staff import members
from matrix.staff.members import Staff, StaffAction

ISSUER = "华阴发布"
_STEP_SECONDS = 30
# the current step first: it is nearly always the one
_ALLOWED_DRIFT = (0, -1, 1)
_RECOVERY_CODE_COUNT = 10


class RecoveryCode(Base):
    """One code for the day the phone is lost; only its digest is stored."""

    __tablename__ = "staff_recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    digest: Mapped[str]
    used_at: Mapped[datetime | None]


def enroll(person: Staff) -> str:
    """The secret to set up in the app; the same one until it is confirmed."""
    # the same secret while it is unconfirmed: reloading the page must
    # not spoil the QR code just scanned
    if person.totp_secret is None or person.has_second_factor:
        update_unversioned(person, totp_secret=pyotp.random_base32(), totp_at=None)
    assert person.totp_secret is not None
    return person.totp_secret


def provisioning_uri(person: Staff) -> str:
    """The otpauth:// address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(person.totp_secret or "").provisioning_uri(
        name=person.sign_in_name, issuer_name=ISSUER
    )


def confirm(person: Staff, code: str, *, now: datetime) -> list[str]:
    """Finish the set-up with a first correct code. Returns the recovery codes, shown only now.

    Raises Invalid for field `code`.
    """
    if not _verify_totp(person, code, now):
        raise Invalid(field="code", problem="验证码不正确，请确认手机时间准确后重试")
    update_unversioned(person, totp_at=now)
    members.record_audit(StaffAction.ENROLL_TWO_FACTOR, person)
    return regenerate_recovery_codes(person)


def regenerate_recovery_codes(person: Staff) -> list[str]:
    """Ten new recovery codes; the old ones become invalid."""
    # a set that was printed earlier, and may lie about, ends here
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    codes = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(_RECOVERY_CODE_COUNT)]
    session.add_all(RecoveryCode(staff_id=person.id, digest=_digest(code)) for code in codes)
    session.flush()
    return codes


def verify(person: Staff, code: str, *, now: datetime) -> bool:
    """Whether a TOTP or recovery code is correct; a correct one is used up."""
    cleaned = code.strip().replace(" ", "").lower()
    # TOTP codes are digits; recovery codes contain a hyphen
    if cleaned.isdigit():
        return person.has_second_factor and _verify_totp(person, cleaned, now)
    return _verify_recovery_code(person, cleaned, now)


def count_recovery_codes(staff_id: int) -> int:
    """How many recovery codes are unused."""
    rows = select(func.count()).where(
        RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(rows) or 0


def reset(person: Staff) -> None:
    """Remove the second factor; its owner sets up another at the next sign-in."""
    update_unversioned(person, totp_secret=None, totp_at=None, totp_step=None)
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    members.record_audit(StaffAction.RESET_TWO_FACTOR, person)


def _verify_totp(person: Staff, code: str, now: datetime) -> bool:
    if person.totp_secret is None:
        return False
    totp = pyotp.TOTP(person.totp_secret)
    step = int(now.timestamp()) // _STEP_SECONDS
    matching = [
        step + drift
        for drift in _ALLOWED_DRIFT
        # all three steps are compared in constant time, so timing tells nothing about the code
        if hmac.compare_digest(totp.at((step + drift) * _STEP_SECONDS).encode(), code.encode())
    ]
    if not matching:
        return False
    stored = session.scalar(
        update(Staff)
        .where(Staff.id == person.id, or_(Staff.totp_step.is_(None), Staff.totp_step < matching[0]))
        .values(totp_step=matching[0])
        .returning(Staff.id)
    )
    return stored is not None


def _verify_recovery_code(person: Staff, code: str, now: datetime) -> bool:
    found = session.scalar(
        select(RecoveryCode.id).where(
            RecoveryCode.staff_id == person.id,
            RecoveryCode.digest == _digest(code),
            RecoveryCode.used_at.is_(None),
        )
    )
    if found is None:
        return False
    if compare_and_set(RecoveryCode, found, when={"used_at": None}, to={"used_at": now}) is None:
        return False
    members.record_audit(
        StaffAction.USE_RECOVERY_CODE, person, left=count_recovery_codes(person.id)
    )
    return True


def _digest(code: str) -> str:
    # 64 random bits cannot be guessed through the throttle, so a fast hash is enough
    return sha256(code.encode()).hexdigest()
