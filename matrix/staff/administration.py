"""Administration: what an administrator does to other people's access.

Every action passes `access_manageable`: the person belongs to a department where the administrator
manages staff, is somebody else, and has no permission the administrator lacks. Without the last
condition a department's administrator could create a reset link for the city's administrator and
sign in as them. Whoever gains or loses a right has to sign in again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from config.database import session
from config.errors import DomainError, Invalid, NotFound
from config.permissions import EMPTY_SCOPE, Permission, Principal
from matrix.accounts import Account, todos
from matrix.staff import (
    authentication,
    grants,
    ip_allowlist,
    members,
    one_time_links,
    sessions,
    throttle,
    two_factor,
)
from matrix.staff.grants import Grant, GrantSpec
from matrix.staff.ip_allowlist import AllowedNetwork
from matrix.staff.members import SelfManagementForbidden, Staff, StaffAction
from matrix.staff.one_time_links import LinkPurpose
from matrix.staff.roles import ROLE_PERMISSIONS, Role
from matrix.staff.sessions import StaffSession


class TargetHasMoreRights(DomainError):
    """The person may do something that the administrator may not."""

    status = 403
    text = "{name}拥有您没有的权限，请由上级管理员办理。"


@dataclass(frozen=True)
class OffboardingPlan:
    """What off-boarding does: grants and sessions that end, accounts that need new secrets."""

    person: Staff
    grants: Sequence[Grant]
    sessions: Sequence[StaffSession]
    accounts: Sequence[Account]


def access_manageable(by: Principal, staff_id: int) -> Staff:
    """The person, for an administrator who may manage them.

    Raises NotFound, SelfManagementForbidden, TargetHasMoreRights.
    """
    person = members.access_staff(by, staff_id, Permission.STAFF_MANAGE)
    if person.id == by.staff_id:
        raise SelfManagementForbidden(staff=person.id)
    if not all(_has_permissions_of(by, grant) for grant in grants.list_current([staff_id])):
        raise TargetHasMoreRights(name=person.name, staff=person.id)
    return person


def may_manage(by: Principal, person: Staff, current_grants: Sequence[Grant]) -> bool:
    """Whether `access_manageable` would return this person, whose grants these are. No query."""
    return (
        person.id != by.staff_id
        and by.may(Permission.STAFF_MANAGE, department_id=person.department_id)
        and all(_has_permissions_of(by, grant) for grant in current_grants)
    )


def list_grantable_roles(by: Principal) -> list[Role]:
    """The roles of which the administrator has every permission somewhere."""
    is_city_wide = by.scope(Permission.STAFF_MANAGE).everywhere
    return [
        role
        for role in Role
        if (is_city_wide or role is not Role.MATRIX_ADMIN)
        and all(by.scope(right) for right in ROLE_PERMISSIONS[role])
    ]


def _has_permissions_of(by: Principal, grant: Grant) -> bool:
    scope = {"department_id": grant.department_id, "account_id": grant.account_id}
    return all(by.may(right, **scope) for right in ROLE_PERMISSIONS[grant.role])


def create(
    by: Principal, *, sign_in_name: str, name: str, department_id: int | None, now: datetime
) -> tuple[Staff, str]:
    """Add a person. Returns them with the secret of an invitation link.

    Raises Invalid, NotFound.
    """
    by.require(Permission.STAFF_MANAGE, department_id=department_id)
    person = members.create(
        sign_in_name=sign_in_name, name=name, department_id=department_id, now=now
    )
    return person, one_time_links.create(LinkPurpose.INVITE, person.id, now=now)


def update(
    by: Principal, staff_id: int, *, name: str, department_id: int | None, version: int
) -> Staff:
    """Change name or department, both within the administrator's scope.

    Raises Invalid, Stale, …
    """
    access_manageable(by, staff_id)
    by.require(Permission.STAFF_MANAGE, department_id=department_id)
    return members.update(staff_id, name=name, department_id=department_id, version=version)


def create_link(by: Principal, staff_id: int, *, now: datetime) -> tuple[Staff, str]:
    """The person and the secret of a one-time link by which they set a password."""
    person = access_manageable(by, staff_id)
    # a password would be of no use, and the link would look like permission to come back
    if person.state is members.StaffState.DISABLED:
        raise Invalid(field="person", problem="已停用的人员不能设置密码，请先恢复")
    purpose = LinkPurpose.INVITE if person.password_hash is None else LinkPurpose.RESET
    return person, one_time_links.create(purpose, staff_id, now=now)


def disable(by: Principal, staff_id: int, *, now: datetime) -> Staff:
    """Keep a person from signing in, and end their sessions."""
    access_manageable(by, staff_id)
    sessions.end_all(staff_id, reason="账号已停用", now=now)
    return members.disable(staff_id, now=now)


def enable(by: Principal, staff_id: int) -> Staff:
    """Let a person sign in again."""
    access_manageable(by, staff_id)
    return members.enable(staff_id)


def unlock(by: Principal, staff_id: int) -> Staff:
    """Reset the failure count that locks a person's sign-in name."""
    person = access_manageable(by, staff_id)
    # the count of the name only: those of an address or of all protect others as well
    throttle.clear(person.sign_in_name)
    members.record_audit(StaffAction.UNLOCK, person)
    return person


def reset_two_factor(by: Principal, staff_id: int, *, now: datetime) -> Staff:
    """Remove a person's second factor; they set up another at the next sign-in."""
    person = access_manageable(by, staff_id)
    two_factor.reset(person)
    sessions.end_all(staff_id, reason="第二步验证已重置", now=now)
    return person


def end_sessions(
    by: Principal, staff_id: int, *, now: datetime, session_id: int | None = None
) -> int:
    """End one session of a person, or all of them. Returns how many. Raises NotFound, …"""
    person = access_manageable(by, staff_id)
    if session_id is None:
        ended = sessions.end_all(staff_id, reason="由管理员结束", now=now)
    else:
        found = session.get(StaffSession, session_id)
        # the id comes from the address: it must not end the session of somebody
        # whom the administrator may not manage
        if found is None or found.staff_id != staff_id:
            raise NotFound(kind="session", id=session_id)
        ended = int(sessions.end(session_id, reason="由管理员结束", now=now))
    if ended:
        members.record_audit(StaffAction.END_SESSIONS, person, count=ended)
    return ended


def grant_role(by: Principal, staff_id: int, spec: GrantSpec, *, now: datetime) -> Grant:
    """Give a person a role; they have to sign in again.

    Raises Invalid, NotFound, SelfManagementForbidden, TargetHasMoreRights.
    """
    access_manageable(by, staff_id)
    grant = grants.create(staff_id, spec, by=by, now=now)
    sessions.end_all(staff_id, reason="权限已变更", now=now)
    return grant


def revoke_role(by: Principal, staff_id: int, grant_id: int, *, now: datetime) -> Grant:
    """Revoke a role of this person; they have to sign in again.

    Raises NotFound, SelfManagementForbidden, TargetHasMoreRights.
    """
    access_manageable(by, staff_id)
    # likewise: only grants of the person that was checked above
    if grant_id not in {grant.id for grant in grants.list_current([staff_id])}:
        raise NotFound(kind="grant", id=grant_id, staff=staff_id)
    grant = grants.revoke(grant_id, by=by, now=now)
    sessions.end_all(staff_id, reason="权限已变更", now=now)
    return grant


def plan_offboarding(by: Principal, staff_id: int, *, now: datetime) -> OffboardingPlan:
    """What off-boarding a person would do.

    The accounts are those the person ever managed: somebody whose role was revoked long ago may
    still know their secrets. Raises NotFound, SelfManagementForbidden, TargetHasMoreRights.
    """
    person = access_manageable(by, staff_id)
    # revoked grants as well, see above; today's tree of departments
    # decides which accounts they mean
    managed = grants.scopes(grants.list_all(staff_id)).get(Permission.ACCOUNTS_MANAGE, EMPTY_SCOPE)
    accounts = select(Account).where(managed.sql_filter(account=Account.id)).order_by(Account.id)
    return OffboardingPlan(
        person,
        grants.list_current([staff_id]),
        sessions.list_active(staff_id, now=now),
        session.scalars(accounts).all(),
    )


def offboard(by: Principal, staff_id: int, *, reason: str, now: datetime) -> OffboardingPlan:
    """End all access of a person and open a to-do for each secret they may know (policy.md 1,
    R14.2).

    Raises Invalid without a reason or when nothing is left to end, NotFound,
    SelfManagementForbidden, TargetHasMoreRights.
    """
    plan = plan_offboarding(by, staff_id, now=now)
    if plan.person.state is members.StaffState.DISABLED and not plan.grants:
        raise Invalid(field="reason", problem="已经停用，也没有角色，不需要再办理")
    authentication.offboard(staff_id, reason=reason, now=now)
    account_ids = [account.id for account in plan.accounts]
    for kind in todos.TodoKind:
        todos.create_for(account_ids, kind, f"{plan.person.name}离岗", now=now)
    return plan


def allow_network(
    by: Principal, role: Role, network: str, note: str, *, address: str, now: datetime
) -> AllowedNetwork:
    """Allow a role from a network only. `address` is the administrator's own.

    Raises Invalid, also when it would lock out the administrator; NotFound unless they manage the
    staff of the whole city.
    """
    by.require(Permission.STAFF_MANAGE)
    # First done, then checked with the result; an Invalid rolls the entry back with the request.
    allowed_network = ip_allowlist.add(role, network, note, now=now)
    _check_own_access(by, role, address)
    return allowed_network


def disallow_network(by: Principal, network_id: int, *, address: str) -> None:
    """Remove a network from the list. Raises as `allow_network` does."""
    by.require(Permission.STAFF_MANAGE)
    _check_own_access(by, ip_allowlist.remove(network_id), address)


def _check_own_access(by: Principal, role: Role, address: str) -> None:
    own_grants = [grant for grant in grants.list_current([by.staff_id]) if grant.role is role]
    if own_grants and not ip_allowlist.allowed_grants(own_grants, address):
        problem = f"您现在的地址 {address} 将不在名单内，您会无法继续工作；请先加入自己所在的网段"
        raise Invalid(field="network", problem=problem)
