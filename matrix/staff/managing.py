"""Managing: what an administrator does to other people's access.

    manageable(by, id) ──> add, edit, link, disable, enable, unlock, grant, revoke, …

Each deed is for a person who belongs where the administrator manages staff, who is somebody else,
and who may do nothing that the administrator may not: otherwise a department could set a link for
the city's administrator and sign in as them. Who lost or gained a right signs in again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from config.database import session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import NOWHERE, Member, Right
from matrix import account_tasks
from matrix.accounts import Account
from matrix.staff import factors, grants, links, networks, people, sessions, signing, throttle
from matrix.staff.grants import Grant, Wish
from matrix.staff.links import Purpose
from matrix.staff.networks import Network
from matrix.staff.people import NotYourself, Staff
from matrix.staff.roles import RIGHTS, Role
from matrix.staff.sessions import Session


class AboveYou(DomainError):
    """The person may do what the administrator may not."""

    status = 403
    text = "{name}拥有您没有的权限，请由上级管理员办理。"


@dataclass(frozen=True)
class Leaving:
    """What an off-boarding does: roles and sign-ins that end, accounts that need new secrets."""

    person: Staff
    grants: Sequence[Grant]
    sessions: Sequence[Session]
    accounts: Sequence[Account]


def manageable(by: Member, staff_id: int) -> Staff:
    """The person, for who may manage them. Raises NotFound, NotYourself, AboveYou."""
    person = people.access_staff(by, staff_id, Right.STAFF_MANAGE)
    if person.id == by.staff_id:
        raise NotYourself(staff=person.id)
    if not all(_covers(by, grant) for grant in grants.standing([staff_id])):
        raise AboveYou(name=person.name, staff=person.id)
    return person


def may_manage(by: Member, person: Staff, standing: Sequence[Grant]) -> bool:
    """Whether `manageable` would give this person, whose grants these are. No query."""
    return (
        person.id != by.staff_id
        and by.may(Right.STAFF_MANAGE, department_id=person.department_id)
        and all(_covers(by, grant) for grant in standing)
    )


def grantable(by: Member) -> list[Role]:
    """The roles whose every right the administrator has somewhere."""
    is_citys = by.area(Right.STAFF_MANAGE).everywhere
    return [
        role
        for role in Role
        if (is_citys or role is not Role.MATRIX_ADMIN)
        and all(by.area(right) for right in RIGHTS[role])
    ]


def _covers(by: Member, grant: Grant) -> bool:
    place = {"department_id": grant.department_id, "account_id": grant.account_id}
    return all(by.may(right, **place) for right in RIGHTS[grant.role])


def add(
    by: Member, *, sign_in_name: str, name: str, department_id: int | None, now: datetime
) -> tuple[Staff, str]:
    """Enter a person. Returns them with the secret of a link for their first password.

    Raises Invalid, NotFound.
    """
    by.require(Right.STAFF_MANAGE, department_id=department_id)
    person = people.add(sign_in_name=sign_in_name, name=name, department_id=department_id, now=now)
    return person, links.make(Purpose.INVITE, person.id, now=now)


def edit(by: Member, staff_id: int, *, name: str, department_id: int | None, version: int) -> Staff:
    """Change a name or department, both inside the reach. Raises Invalid, StaffChanged, …"""
    manageable(by, staff_id)
    by.require(Right.STAFF_MANAGE, department_id=department_id)
    return people.edit(staff_id, name=name, department_id=department_id, version=version)


def link(by: Member, staff_id: int, *, now: datetime) -> tuple[Staff, str]:
    """A one-time link by which the person sets a password, and its secret."""
    person = manageable(by, staff_id)
    if person.state is people.State.DISABLED:
        raise Invalid(field="person", problem="已停用的人员不能设置密码，请先恢复")
    purpose = Purpose.INVITE if person.password_hash is None else Purpose.RESET
    return person, links.make(purpose, staff_id, now=now)


def disable(by: Member, staff_id: int, *, now: datetime) -> Staff:
    """Let a person sign in no more, and end what they are signed in to."""
    manageable(by, staff_id)
    sessions.end_all(staff_id, why="账号已停用", now=now)
    return people.disable(staff_id, now=now)


def enable(by: Member, staff_id: int) -> Staff:
    """Let a person sign in again."""
    manageable(by, staff_id)
    return people.enable(staff_id)


def unlock(by: Member, staff_id: int) -> Staff:
    """Forget the failures that lock a person's sign-in name."""
    person = manageable(by, staff_id)
    throttle.clear(person.sign_in_name)
    people.record("staff.unlock", person)
    return person


def reset_factor(by: Member, staff_id: int, *, now: datetime) -> Staff:
    """Take a person's second factor away; they set up another at their next sign-in."""
    person = manageable(by, staff_id)
    factors.reset(person)
    sessions.end_all(staff_id, why="第二步验证已重置", now=now)
    return person


def end_sessions(by: Member, staff_id: int, *, now: datetime, session_id: int | None = None) -> int:
    """End one sign-in of a person, or all of them. Returns how many. Raises NotFound, …"""
    person = manageable(by, staff_id)
    if session_id is None:
        ended = sessions.end_all(staff_id, why="由管理员结束", now=now)
    else:
        found = session.get(Session, session_id)
        if found is None or found.staff_id != staff_id:
            raise NotFound(kind="session", id=session_id)
        ended = int(sessions.end(session_id, why="由管理员结束", now=now))
    if ended:
        people.record("staff.end_sessions", person, count=ended)
    return ended


def give(by: Member, staff_id: int, wish: Wish, *, now: datetime) -> Grant:
    """Give a person a role; they sign in again. Raises Invalid, NotFound, NotYourself, AboveYou."""
    manageable(by, staff_id)
    grant = grants.give(staff_id, wish, by=by, now=now)
    sessions.end_all(staff_id, why="权限已变更", now=now)
    return grant


def revoke(by: Member, staff_id: int, grant_id: int, *, now: datetime) -> Grant:
    """Take a role of this person back; they sign in again. Raises NotFound, NotYourself, …"""
    manageable(by, staff_id)
    if grant_id not in {grant.id for grant in grants.standing([staff_id])}:
        raise NotFound(kind="grant", id=grant_id, staff=staff_id)
    grant = grants.revoke(grant_id, by=by, now=now)
    sessions.end_all(staff_id, why="权限已变更", now=now)
    return grant


def leaving(by: Member, staff_id: int, *, now: datetime) -> Leaving:
    """What it means to off-board a person. Raises NotFound, NotYourself, AboveYou.

    Who ever managed an account may know its secrets, also after the role was taken back.
    """
    person = manageable(by, staff_id)
    known = grants.areas(grants.ever(staff_id)).get(Right.ACCOUNTS_MANAGE, NOWHERE)
    accounts = select(Account).where(known.covers(account=Account.id)).order_by(Account.id)
    return Leaving(
        person,
        grants.standing([staff_id]),
        sessions.living(staff_id, now=now),
        session.scalars(accounts).all(),
    )


def off_board(by: Member, staff_id: int, *, reason: str, now: datetime) -> Leaving:
    """Let a person go, in one deed, and open a task for each secret they may know.

    Raises Invalid without a reason or when nothing is left to end, NotFound, NotYourself, AboveYou.
    """
    left = leaving(by, staff_id, now=now)
    if left.person.state is people.State.DISABLED and not left.grants:
        raise Invalid(field="reason", problem="已经停用，也没有角色，不需要再办理")
    signing.off_board(staff_id, reason=reason, now=now)
    known = [account.id for account in left.accounts]
    for kind in account_tasks.Kind:
        account_tasks.open_for(known, kind, f"{left.person.name}离岗", now=now)
    return left


def allow_network(
    by: Member, role: Role, network: str, note: str, *, address: str, now: datetime
) -> Network:
    """Let a role work from a network only. `address` is where the administrator is now.

    Raises Invalid, also when it would shut out the administrator; NotFound unless they manage
    the staff of the whole city.
    """
    by.require(Right.STAFF_MANAGE)
    line = networks.add(role, network, note, now=now)
    _stay_inside(by, role, address)
    return line


def forbid_network(by: Member, network_id: int, *, address: str) -> None:
    """Take a network from the list. Raises as `allow_network` does."""
    by.require(Right.STAFF_MANAGE)
    _stay_inside(by, networks.remove(network_id), address)


def _stay_inside(by: Member, role: Role, address: str) -> None:
    own = [grant for grant in grants.standing([by.staff_id]) if grant.role is role]
    if own and not networks.reachable(own, address):
        problem = f"您现在的地址 {address} 将不在名单内，您会无法继续工作；请先加入自己所在的网段"
        raise Invalid(field="network", problem=problem)
