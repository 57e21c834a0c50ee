"""Directory: lists of people with their roles, and the places a role can be given in.

A page costs the same few queries whoever looks and however many people there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, or_, select, tuple_

from config import clock
from config.database import session
from config.permissions import Permission, Principal
from matrix import accounts, departments
from matrix.accounts import Account
from matrix.departments import Department
from matrix.staff import grants
from matrix.staff.grants import Grant
from matrix.staff.members import Staff, StaffState
from matrix.staff.roles import Role
from matrix.staff.sign_in import throttle

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class StaffFilter:
    """Whom to list; empty fields do not narrow it. `query` is part of a name or sign-in name."""

    query: str = ""
    department_id: int | None = None
    role: Role | None = None
    state: StaffState | None = None


@dataclass(frozen=True, slots=True)
class StaffListItem:
    """One person of a list."""

    person: Staff
    grants: Sequence[Grant]
    is_locked: bool


@dataclass(frozen=True, slots=True)
class StaffPage:
    """One page; `next_id` is the cursor of the next page, None on the last."""

    items: Sequence[StaffListItem]
    next_id: int | None


@dataclass(frozen=True, slots=True)
class ScopeChoices:
    """Places to choose from.

    `departments` reads as a tree: (id, name, depth), children below their parent. `is_city_wide`
    says whether the whole city can be chosen as well.
    """

    departments: Sequence[tuple[int, str, int]]
    accounts: Sequence[tuple[int, str]]
    is_city_wide: bool


@dataclass(frozen=True, slots=True)
class ScopeNames:
    """The names of the places of some people and grants."""

    departments: dict[int, str] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)

    def of_department(self, department_id: int | None) -> str:
        """A department's name; None is the whole city."""
        return "全市" if department_id is None else self.departments.get(department_id, "—")

    def of_grant(self, grant: Grant) -> str:
        """Where a grant holds, in Chinese."""
        if grant.account_id is not None:
            return f"公众号“{self.accounts.get(grant.account_id, '—')}”"
        return self.of_department(grant.department_id)


def list_for_staff(
    principal: Principal,
    filters: StaffFilter,
    *,
    after: int | None = None,
    now: datetime,
    size: int = PAGE_SIZE,
) -> StaffPage:
    """People where the principal may see staff, by name. Raises Forbidden when that is nowhere."""
    principal.require_anywhere(Permission.STAFF_READ)
    conditions = [principal.scope(Permission.STAFF_READ).sql_filter(department=Staff.department_id)]
    conditions += _conditions(filters, clock.local_day(now))
    if after is not None:
        name = session.scalar(select(Staff.name).where(Staff.id == after))
        if name is not None:
            # keyset pagination by (name, id): namesakes neither repeat nor get lost
            conditions.append(tuple_(Staff.name, Staff.id) > tuple_(name, after))
    rows = select(Staff).where(*conditions).order_by(Staff.name, Staff.id).limit(size + 1)
    people = session.scalars(rows).all()
    shown = people[:size]
    return StaffPage(_list_items(shown, now), shown[-1].id if len(people) > size else None)


def _conditions(filters: StaffFilter, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.query:
        found.append(
            or_(
                Staff.name.icontains(filters.query, autoescape=True),
                Staff.sign_in_name.icontains(filters.query, autoescape=True),
            )
        )
    if filters.department_id is not None:
        # a department's list includes those of its subtree
        within = departments.tree().within(filters.department_id)
        found.append(Staff.department_id.in_(within))
    if filters.state is not None:
        found.append(Staff.state == filters.state)
    if filters.role is not None:
        found.append(
            exists().where(
                Grant.staff_id == Staff.id,
                Grant.role == filters.role,
                Grant.revoked_at.is_(None),
                or_(Grant.ends_on.is_(None), Grant.ends_on >= today),
            )
        )
    return found


def _list_items(people: Sequence[Staff], now: datetime) -> list[StaffListItem]:
    grants_by_person: dict[int, list[Grant]] = {}
    for grant in grants.list_current([person.id for person in people]):
        grants_by_person.setdefault(grant.staff_id, []).append(grant)
    # two queries for the whole page, and not two for each person
    locked = throttle.guessed_names([person.sign_in_name for person in people], now=now)
    return [
        StaffListItem(person, grants_by_person.get(person.id, []), person.sign_in_name in locked)
        for person in people
    ]


def scope_names(people: Iterable[Staff], granted: Iterable[Grant]) -> ScopeNames:
    """The names of the places of these people and grants, in two queries."""
    granted = list(granted)
    ids = {person.department_id for person in people} | {each.department_id for each in granted}
    return ScopeNames(
        departments.names(key for key in ids if key is not None),
        accounts.names(each.account_id for each in granted if each.account_id is not None),
    )


def scopes_for_staff(principal: Principal, permission: Permission) -> ScopeChoices:
    """Where the principal has a permission, to choose from; merged departments are left out."""
    scope = principal.scope(permission)
    rows = session.execute(
        select(Department.id, Department.name, Department.parent_id)
        .where(
            scope.sql_filter(department=Department.id),
            Department.state == departments.DepartmentState.ACTIVE,
        )
        .order_by(Department.name, Department.id)
    ).all()
    account_rows = session.execute(
        select(Account.id, Account.name)
        .where(scope.sql_filter(account=Account.id))
        .order_by(Account.name)
    )
    return ScopeChoices(
        _as_tree([(row.id, row.name, row.parent_id) for row in rows]),
        [(key, name) for key, name in account_rows],
        scope.everywhere,
    )


def _as_tree(rows: Sequence[tuple[int, str, int | None]]) -> list[tuple[int, str, int]]:
    known = {key for key, _, _ in rows}
    children: dict[int | None, list[tuple[int, str]]] = {}
    for key, name, parent in rows:
        # a department whose parent is out of reach or merged stands at the top
        children.setdefault(parent if parent in known else None, []).append((key, name))
    found: list[tuple[int, str, int]] = []
    # a stack instead of recursion, which a deep tree could exhaust
    stack = [(key, name, 0) for key, name in reversed(children.get(None, []))]
    while stack:
        key, name, depth = stack.pop()
        found.append((key, name, depth))
        stack += [
            (inner, child_name, depth + 1) for inner, child_name in reversed(children.get(key, []))
        ]
    return found
