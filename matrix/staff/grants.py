"""Grants: a role for a person, in a department's subtree, at one account or in the whole city.

From a person's grants follows their Principal: for each permission the scope in which they have it.
Both dates of a grant are local days and included. A grant is never changed, only revoked; whoever
gains or loses a right has to sign in again, and links that were made for them end.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import ValidationInfo, field_validator
from sqlalchemy import ForeignKey, Index, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, compare_and_set, session
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal
from config.validation import Spec, field_error
from config.validation.references import RefersTo
from matrix import departments
from matrix.accounts import Account
from matrix.departments import Tree
from matrix.staff import members
from matrix.staff.members import SelfManagementForbidden, Staff, StaffAction
from matrix.staff.roles import ROLE_PERMISSIONS, ROLES_REQUIRING_TWO_FACTOR, Role
from matrix.staff.sign_in import capabilities, one_time_links

_RIGHTS_CHANGED = "权限已变更"
_NOT_REVOKED = text("revoked_at IS NULL")


class Grant(Base):
    """One role of one person. Without department and account it holds in the whole city."""

    __tablename__ = "staff_grants"
    __table_args__ = (
        Index(
            "ix_staff_grants_current",
            "staff_id",
            sqlite_where=_NOT_REVOKED,
            postgresql_where=_NOT_REVOKED,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[Role]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    created_at: Mapped[datetime]
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    # revoked rows stay: off-boarding must know every account somebody ever managed
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    def is_valid_on(self, today: date) -> bool:
        """Whether the grant counts on a local day."""
        return (self.starts_on is None or self.starts_on <= today) and (
            self.ends_on is None or today <= self.ends_on
        )


class GrantSpec(Spec):
    """A role somebody should have, and where and when. Neither id means the whole city."""

    # the ids stand first, because pydantic validates in this order and the role looks at them
    department_id: Annotated[int | None, RefersTo("department")] = None
    account_id: Annotated[int | None, RefersTo("account")] = None
    role: Role
    starts_on: date | None = None
    ends_on: date | None = None

    @field_validator("account_id")
    @classmethod
    def _check_place(cls, account_id: int | None, info: ValidationInfo) -> int | None:
        if account_id is not None and info.data.get("department_id") is not None:
            raise field_error("单位和账号只能选一个")
        return account_id

    @field_validator("role")
    @classmethod
    def _check_role(cls, role: Role, info: ValidationInfo) -> Role:
        if role is Role.MATRIX_ADMIN and any(
            info.data.get(name) for name in ("department_id", "account_id")
        ):
            raise field_error("矩阵管理员只能面向全市")
        return role

    @field_validator("ends_on")
    @classmethod
    def _check_end(cls, ends_on: date | None, info: ValidationInfo) -> date | None:
        starts_on = info.data.get("starts_on")
        if starts_on and ends_on and ends_on < starts_on:
            raise field_error("结束日期早于开始日期")
        return ends_on


def list_current(staff_ids: Collection[int]) -> list[Grant]:
    """Grants of people that are not revoked, including future and expired ones, oldest first."""
    rows = select(Grant).where(Grant.staff_id.in_(staff_ids), Grant.revoked_at.is_(None))
    return list(session.scalars(rows.order_by(Grant.id)))


def principal_for(person: Staff, grants: Iterable[Grant], *, today: date) -> Principal:
    """What a person may do where, by those of the grants that count today. At most two queries."""
    return Principal(
        person.id,
        person.name,
        scopes([each for each in grants if each.is_valid_on(today)]),
        person.department_id,
    )


def principals_for(people: Collection[Staff], *, today: date) -> dict[int, Principal]:
    """The principals of several people by staff id. Three queries, however many they are."""
    place = _Places.load()
    granted: dict[int, list[Grant]] = {person.id: [] for person in people}
    for grant in list_current(granted.keys()):
        if grant.is_valid_on(today):
            granted[grant.staff_id].append(grant)
    return {
        person.id: Principal(
            person.id, person.name, place.scopes(granted[person.id]), person.department_id
        )
        for person in people
    }


def list_all(staff_id: int) -> list[Grant]:
    """Every grant a person ever had, oldest first."""
    rows = select(Grant).where(Grant.staff_id == staff_id)
    return list(session.scalars(rows.order_by(Grant.id)))


def scopes(grants: Collection[Grant]) -> dict[Permission, PermissionScope]:
    """The scope of each permission that some grants give, whatever their dates. At most two
    queries.
    """
    return _Places.load().scopes(grants) if grants else {}


def needs_second_factor(grants: Iterable[Grant], *, today: date) -> bool:
    """Whether a role that counts today requires a second factor."""
    return any(
        grant.role in ROLES_REQUIRING_TWO_FACTOR for grant in grants if grant.is_valid_on(today)
    )


@dataclass(frozen=True)
class _Places:
    """The departments, and the accounts by id with the department that owns each."""

    tree: Tree
    owners: dict[int, int]

    @classmethod
    def load(cls) -> Self:
        # all accounts of the city, some dozens: cheaper than a query for each grant
        owners = session.execute(select(Account.id, Account.department_id)).all()
        return cls(departments.tree(), dict(owners))

    def scopes(self, grants: Iterable[Grant]) -> dict[Permission, PermissionScope]:
        found: dict[Permission, PermissionScope] = {}
        for grant in grants:
            scope = self._scope(grant)
            for permission in ROLE_PERMISSIONS[grant.role]:
                before = found.get(permission)
                found[permission] = _union(before, scope) if before is not None else scope
        return found

    def _scope(self, grant: Grant) -> PermissionScope:
        if grant.account_id is not None:
            return PermissionScope(accounts=frozenset({grant.account_id}))
        if grant.department_id is None:
            return PermissionScope(everywhere=True)
        # computed at each request: a department that is moved takes its people's reach along
        within = frozenset(self.tree.within(grant.department_id))
        accounts = frozenset(key for key, owner in self.owners.items() if owner in within)
        return PermissionScope(departments=within, accounts=accounts)


def _union(one: PermissionScope, other: PermissionScope) -> PermissionScope:
    return PermissionScope(
        one.everywhere or other.everywhere,
        one.departments | other.departments,
        one.accounts | other.accounts,
    )


def create(staff_id: int, spec: GrantSpec, *, by: Principal | None, now: datetime) -> Grant:
    """Give a person a role. `by` is None only for commands and the first administrator.

    Nobody can give permissions they do not have in that place, nor change their own. Raises
    Invalid, NotFound, SelfManagementForbidden.
    """
    person = members.get(staff_id)
    if by is not None:
        _check_grantor(person, spec, by)
    # a second equal grant would outlive the revocation of the first
    if any(_spec_of(each) == spec for each in list_current([staff_id])):
        raise Invalid(field="role", problem="已有相同的授权")
    grant = Grant(
        staff_id=staff_id,
        **vars(spec),
        created_at=now,
        granted_by=by.staff_id if by else None,
    )
    session.add(grant)
    session.flush()  # the audit row needs the id
    _audit(StaffAction.GRANT_ROLE, person, grant)
    capabilities.end_all(staff_id, reason=_RIGHTS_CHANGED, now=now)
    if spec.role is Role.MATRIX_ADMIN:
        # it would work again on the day when nobody is administrator any longer
        one_time_links.end_open(None, now=now)
    return grant


def revoke(grant_id: int, *, by: Principal | None, now: datetime) -> Grant:
    """Revoke a grant; a second call changes nothing. Raises NotFound, SelfManagementForbidden."""
    grant = session.get(Grant, grant_id)
    if grant is None:
        raise NotFound(kind="grant", id=grant_id)
    person = members.get(grant.staff_id)
    if by is not None:
        _check_grantor(person, _spec_of(grant), by)
    values = {"revoked_at": now, "revoked_by": by.staff_id if by else None}
    updated = compare_and_set(Grant, grant_id, when={"revoked_at": None}, to=values)
    if updated is not None:
        _audit(StaffAction.REVOKE_ROLE, person, updated)
        capabilities.end_all(person.id, reason=_RIGHTS_CHANGED, now=now)
    return updated or grant


def _check_grantor(person: Staff, spec: GrantSpec, by: Principal) -> None:
    by.require(Permission.STAFF_MANAGE, department_id=person.department_id)
    if person.id == by.staff_id:
        raise SelfManagementForbidden(staff=person.id)
    # each in the place of the grant: rights in one department must not be passed on to another
    for permission in ROLE_PERMISSIONS[spec.role]:
        if not by.may(permission, department_id=spec.department_id, account_id=spec.account_id):
            raise Invalid(field="role", problem="不能授予您自己没有的权限")


def _spec_of(grant: Grant) -> GrantSpec:
    return GrantSpec.model_construct(
        **{name: getattr(grant, name) for name in GrantSpec.model_fields}
    )


def administrator_ids(*, today: date) -> list[int]:
    """Ids of active people who are matrix administrators today."""
    rows = session.scalars(
        select(Grant)
        .join(Staff, Staff.id == Grant.staff_id)
        .where(
            Grant.role == Role.MATRIX_ADMIN,
            Grant.revoked_at.is_(None),
            Staff.state == members.StaffState.ACTIVE,
            or_(Grant.ends_on.is_(None), Grant.ends_on >= today),
        )
    )
    return sorted({grant.staff_id for grant in rows if grant.is_valid_on(today)})


def audit_facts(grant: Grant) -> dict[str, object]:
    """What the audit shows of a grant."""
    return {
        "role": grant.role.label,
        "department_id": grant.department_id,
        "account_id": grant.account_id,
        "starts_on": grant.starts_on.isoformat() if grant.starts_on else None,
        "ends_on": grant.ends_on.isoformat() if grant.ends_on else None,
    }


def _audit(action: StaffAction, person: Staff, grant: Grant) -> None:
    audit.record(
        action,
        owner=person,
        object_id=person.id,
        label=person.name,
        after=audit_facts(grant),
    )
