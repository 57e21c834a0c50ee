"""Signing in: password, then the second factor where there is one, then what is still owed.

sign_in ── wrong ──> counted, None
   └── right ──> half session ── second_factor ──> full session, with a new id
            └──> full session, when the person has no second factor (yet)

duty    what a full session must do before anything else: renew the password, set up a factor
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config import audit, clock
from config.errors import Invalid
from matrix.staff import factors, grants, links, networks, passwords, people, sessions, throttle
from matrix.staff.grants import Grant, Wish
from matrix.staff.links import Link, Purpose
from matrix.staff.people import Staff, State
from matrix.staff.roles import Role
from matrix.staff.sessions import Origin, Session, Stage


class Duty(StrEnum):
    """What somebody who signed in owes before anything else."""

    NEW_PASSWORD = "new_password"
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True)
class Entered:
    """A sign-in that went well: the cookie's secret, and whether a second factor is still due."""

    secret: str
    stage: Stage


def sign_in(name: str, password: str, origin: Origin, *, now: datetime) -> Entered | None:
    """Check name and password. None when they are wrong; the failure is counted then.

    The caller must commit in either case. Raises SignInLocked.
    """
    throttle.check(name, origin.address, now=now)
    person = people.by_sign_in_name(name)
    right = passwords.is_right(person, password)
    if person is None or not right or person.state is State.DISABLED:
        throttle.failed(name, origin.address, now=now)
        _tell_failure(person, origin, "密码")
        return None
    passwords.renew_hash(person, password)
    if person.has_second_factor:
        return Entered(sessions.start(person.id, Stage.HALF, origin, now=now), Stage.HALF)
    return Entered(_enter(person, origin, now), Stage.FULL)


def second_factor(half: Session, code: str, origin: Origin, *, now: datetime) -> Entered | None:
    """Go from half to full with a code. None when it is wrong; the failure is counted then.

    The caller must commit in either case. Raises SignInLocked.
    """
    person = people.get(half.staff_id)
    throttle.check(person.sign_in_name, origin.address, now=now)
    if person.state is State.DISABLED or not factors.take(person, code, now=now):
        throttle.failed(person.sign_in_name, origin.address, now=now)
        _tell_failure(person, origin, "验证码")
        return None
    sessions.end(half.id, why="验证通过", now=now)
    return Entered(_enter(person, origin, now, confirmed=True), Stage.FULL)


def confirm(full: Session, proof: str, origin: Origin, *, now: datetime) -> bool:
    """Prove again to be there: by a code, or by the password where there is no second factor.

    A failure is counted; the caller must commit in either case. Raises SignInLocked.
    """
    person = people.get(full.staff_id)
    throttle.check(person.sign_in_name, origin.address, now=now)
    if person.has_second_factor:
        right = factors.take(person, proof, now=now)
    else:
        right = passwords.is_right(person, proof)
    if not right:
        throttle.failed(person.sign_in_name, origin.address, now=now)
        _tell_failure(person, origin, "再次验证")
        return False
    sessions.confirm(full.id, now=now)
    return True


def rise(full: Session, origin: Origin, *, now: datetime) -> str:
    """A session with a new id in place of one whose rights have grown. Returns its secret."""
    sessions.end(full.id, why="权限提升", now=now)
    return sessions.start(full.staff_id, Stage.FULL, origin, now=now, confirmed=True)


def _enter(person: Staff, origin: Origin, now: datetime, *, confirmed: bool = False) -> str:
    throttle.clear(person.sign_in_name)
    person.last_sign_in_at = now
    with audit.acting(audit.Actor(person.name, person.id, origin.address)):
        people.record("sign_in.ok", person)
    return sessions.start(person.id, Stage.FULL, origin, now=now, confirmed=confirmed)


def _tell_failure(person: Staff | None, origin: Origin, what: str) -> None:
    # a name nobody has may be a password typed into the wrong field: it is not written down
    audit.record(
        "sign_in.failed",
        kind="staff",
        object_id=person.id if person else "",
        label=person.name if person else "未知登录名",
        department_id=person.department_id if person else None,
        after={"what": what, "address": origin.address},
    )


def duty(person: Staff, standing: list[Grant], *, now: datetime) -> Duty | None:
    """What the person owes before anything else."""
    if passwords.is_expired(person, now=now):
        return Duty.NEW_PASSWORD
    today = clock.local_day(now)
    if not person.has_second_factor and grants.needs_second_factor(standing, today=today):
        return Duty.SECOND_FACTOR
    return None


def change_password(
    person: Staff, old: str, new: str, *, keep: int, origin: Origin, now: datetime
) -> bool:
    """Replace a password by its owner; all other sessions end. False when the old one is wrong.

    A failure is counted; the caller must commit in either case. Raises Invalid, SignInLocked.
    """
    throttle.check(person.sign_in_name, origin.address, now=now)
    if not passwords.is_right(person, old):
        throttle.failed(person.sign_in_name, origin.address, now=now)
        _tell_failure(person, origin, "原密码")
        return False
    passwords.put(person, new, now=now)
    sessions.end_all(person.id, why="密码已修改", now=now, but=keep)
    return True


def use_link(link: Link, password: str, *, now: datetime) -> Staff:
    """Set a password by an invitation or a reset; all sessions end. Raises Invalid, LinkDead."""
    if link.staff_id is None:
        raise links.LinkDead
    person = people.get(link.staff_id)
    if person.state is State.DISABLED:
        raise links.LinkDead
    passwords.put(person, password, now=now)
    links.use(link, now=now)
    sessions.end_all(person.id, why="密码已重设", now=now)
    throttle.clear(person.sign_in_name)
    return person


def first_administrator(
    link: Link, *, sign_in_name: str, name: str, password: str, now: datetime
) -> Staff:
    """Make the first matrix administrator by the one-time link. Raises Invalid, LinkDead."""
    if link.purpose is not Purpose.FIRST or not is_without_administrator(now=now):
        raise links.LinkDead
    person = people.add(sign_in_name=sign_in_name, name=name, department_id=None, now=now)
    passwords.put(person, password, now=now)
    links.use(link, now=now)
    grants.give(person.id, Wish(Role.MATRIX_ADMIN), by=None, now=now)
    return person


def is_without_administrator(*, now: datetime) -> bool:
    """Whether nobody can administrate the matrix yet."""
    return not grants.administrators(today=clock.local_day(now))


def off_board(staff_id: int, *, reason: str, now: datetime) -> list[Grant]:
    """Let a person go: no sign-in, no session, no role. Returns the grants they had.

    The secrets they may know are rotated as tasks of the accounts; the caller opens them.
    Raises Invalid, NotFound.
    """
    if not reason.strip():
        raise Invalid(field="reason", problem="请写明原因")
    had = grants.standing([staff_id])
    person = people.disable(staff_id, now=now)
    for grant in had:
        grants.revoke(grant.id, by=None, now=now)
    sessions.end_all(staff_id, why="已离岗", now=now)
    people.record("staff.off_board", person, reason=reason.strip()[:200])
    return had


def reachable(person: Staff, address: str) -> list[Grant]:
    """The grants by which a person works from an address."""
    return networks.reachable(grants.standing([person.id]), address)
