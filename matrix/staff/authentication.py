"""Authentication: password, then the second factor if there is one, then what is still required.

    sign_in --wrong--> None, failure counted
          +--right--> HALF session --verify_second_factor--> FULL session with a new id
          +--right--> FULL session, for people without a second factor

`required_action` is what a FULL session has to do first: renew the password, or set up a second
factor that its roles require.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config import audit, clock
from config.audit.actions import AuditAction
from config.database.optimistic_locking import update_unversioned
from config.errors import Invalid
from matrix.staff import (
    grants,
    ip_allowlist,
    members,
    one_time_links,
    passwords,
    sessions,
    throttle,
    two_factor,
)
from matrix.staff.grants import Grant, GrantSpec
from matrix.staff.members import Staff, StaffAction, StaffState
from matrix.staff.one_time_links import LinkPurpose, OneTimeLink
from matrix.staff.roles import Role
from matrix.staff.sessions import ClientInfo, SessionStage, StaffSession


class SignInAction(AuditAction, kind=members.AUDIT_KIND):
    """What is recorded about signing in."""

    SUCCEED = "sign_in.succeed", "登录"
    FAIL = "sign_in.fail", "登录失败"


class RequiredAction(StrEnum):
    """What somebody has to do after signing in, before anything else."""

    NEW_PASSWORD = "new_password"
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True)
class SignInResult:
    """A successful sign-in: the cookie's secret, and whether the second factor is still due."""

    secret: str
    stage: SessionStage


def sign_in(name: str, password: str, origin: ClientInfo, *, now: datetime) -> SignInResult | None:
    """Check name and password. None when they are wrong; the failure has been counted then.

    The caller must commit in either case. Raises SignInLocked.
    """
    # before the password is hashed: a locked name must not cost the CPU of argon2
    throttle.check(name, origin.address, now=now)
    person = members.find_by_sign_in_name(name)
    # verified even when the person is unknown or disabled: the answer takes equally long
    is_correct = passwords.verify(person, password)
    if person is None or not is_correct or person.state is StaffState.DISABLED:
        throttle.record_failure(name, origin.address, now=now)
        _audit_failure(person, origin, "密码")
        return None
    # only here the password is at hand (OWASP ASVS 11.4.2)
    passwords.rehash_if_needed(person, password)
    if person.has_second_factor:
        return SignInResult(
            sessions.start(person.id, SessionStage.HALF, origin, now=now), SessionStage.HALF
        )
    return SignInResult(_start_session(person, origin, now), SessionStage.FULL)


def verify_second_factor(
    half: StaffSession, code: str, origin: ClientInfo, *, now: datetime
) -> SignInResult | None:
    """Go from HALF to FULL with a code. None when it is wrong; the failure has been counted then.

    The caller must commit in either case. Raises SignInLocked.
    """
    person = members.get(half.staff_id)
    throttle.check(person.sign_in_name, origin.address, now=now)
    if person.state is StaffState.DISABLED or not two_factor.verify(person, code, now=now):
        throttle.record_failure(person.sign_in_name, origin.address, now=now)
        _audit_failure(person, origin, "验证码")
        return None
    # a new id after each step up, against session fixation
    sessions.end(half.id, reason="验证通过", now=now)
    return SignInResult(_start_session(person, origin, now, confirmed=True), SessionStage.FULL)


def reauthenticate(full: StaffSession, proof: str, origin: ClientInfo, *, now: datetime) -> bool:
    """Prove one's identity again, by a code, or by the password without a second factor.

    False when it is wrong; the failure has been counted then and the caller must commit in either
    case. Raises SignInLocked.
    """
    person = members.get(full.staff_id)
    throttle.check(person.sign_in_name, origin.address, now=now)
    if person.has_second_factor:
        is_correct = two_factor.verify(person, proof, now=now)
    else:
        is_correct = passwords.verify(person, proof)
    if not is_correct:
        throttle.record_failure(person.sign_in_name, origin.address, now=now)
        _audit_failure(person, origin, "再次验证")
        return False
    sessions.confirm(full.id, now=now)
    return True


def rotate_session(full: StaffSession, origin: ClientInfo, *, now: datetime) -> str:
    """Replace a session whose rights have grown by one with a new id. Returns its secret."""
    sessions.end(full.id, reason="权限提升", now=now)
    return sessions.start(full.staff_id, SessionStage.FULL, origin, now=now, confirmed=True)


def _start_session(
    person: Staff, origin: ClientInfo, now: datetime, *, confirmed: bool = False
) -> str:
    throttle.clear(person.sign_in_name)
    update_unversioned(person, last_sign_in_at=now)
    # nobody is signed in at this moment: without this the entry would name the system
    with audit.acting_as(audit.Actor(person.name, person.id, origin.address)):
        members.record_audit(SignInAction.SUCCEED, person)
    return sessions.start(person.id, SessionStage.FULL, origin, now=now, confirmed=confirmed)


def _audit_failure(person: Staff | None, origin: ClientInfo, what: str) -> None:
    # an unknown name is not recorded: it may be a password typed into the wrong field
    audit.record(
        SignInAction.FAIL,
        owner=person or audit.CITY,
        object_id=person.id if person else "",
        label=person.name if person else "未知登录名",
        after={"what": what, "address": origin.address},
    )


def required_action(
    person: Staff, current_grants: list[Grant], *, now: datetime
) -> RequiredAction | None:
    """What the person has to do before anything else; None when nothing."""
    if passwords.is_expired(person, now=now):
        return RequiredAction.NEW_PASSWORD
    today = clock.local_day(now)
    if not person.has_second_factor and grants.needs_second_factor(current_grants, today=today):
        return RequiredAction.SECOND_FACTOR
    return None


def change_password(
    person: Staff, old: str, new: str, *, keep_session_id: int, origin: ClientInfo, now: datetime
) -> bool:
    """Change one's own password; all other sessions end. False when the old one is wrong.

    A failure is counted; the caller must commit in either case. Raises Invalid, SignInLocked.
    """
    throttle.check(person.sign_in_name, origin.address, now=now)
    if not passwords.verify(person, old):
        throttle.record_failure(person.sign_in_name, origin.address, now=now)
        _audit_failure(person, origin, "原密码")
        return False
    passwords.set_password(person, new, now=now)
    sessions.end_all(person.id, reason="密码已修改", now=now, except_id=keep_session_id)
    return True


def set_password_by_link(link: OneTimeLink, password: str, *, now: datetime) -> Staff:
    """Set a password by an invitation or a reset; all sessions end.

    Raises Invalid, LinkExpired.
    """
    # the link of the first administrator sets nobody's password
    if link.staff_id is None:
        raise one_time_links.LinkExpired
    person = members.get(link.staff_id)
    if person.state is StaffState.DISABLED:
        raise one_time_links.LinkExpired
    passwords.set_password(person, password, now=now)
    one_time_links.use(link, now=now)
    sessions.end_all(person.id, reason="密码已重设", now=now)
    throttle.clear(person.sign_in_name)
    return person


def create_first_administrator(
    link: OneTimeLink, *, sign_in_name: str, name: str, password: str, now: datetime
) -> Staff:
    """Create the first matrix administrator by the one-time link.

    Raises Invalid, LinkExpired.
    """
    # asked again: two links may have been printed, and the other one used since
    if link.purpose is not LinkPurpose.FIRST or not needs_first_administrator(now=now):
        raise one_time_links.LinkExpired
    person = members.create(sign_in_name=sign_in_name, name=name, department_id=None, now=now)
    passwords.set_password(person, password, now=now)
    one_time_links.use(link, now=now)
    grants.create(person.id, GrantSpec(role=Role.MATRIX_ADMIN), by=None, now=now)
    return person


def needs_first_administrator(*, now: datetime) -> bool:
    """Whether nobody can administrate the matrix yet."""
    return not grants.administrator_ids(today=clock.local_day(now))


def offboard(staff_id: int, *, reason: str, now: datetime) -> list[Grant]:
    """End all access of a person: no sign-in, no session, no role. Returns the grants they had.

    The caller opens to-dos for the secrets they may know. Raises Invalid without a reason,
    NotFound.
    """
    if not reason.strip():
        raise Invalid(field="reason", problem="请写明原因")
    revoked_grants = grants.list_current([staff_id])
    person = members.disable(staff_id, now=now)
    # by None: the rule that nobody gives or takes what they lack was checked for the whole person
    for grant in revoked_grants:
        grants.revoke(grant.id, by=None, now=now)
    sessions.end_all(staff_id, reason="已离岗", now=now)
    members.record_audit(StaffAction.OFFBOARD, person, reason=reason.strip()[:200])
    return revoked_grants


def allowed_grants(person: Staff, address: str) -> list[Grant]:
    """The person's grants that may be used from this address."""
    return ip_allowlist.allowed_grants(grants.list_current([person.id]), address)
