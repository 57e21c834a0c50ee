"""The directory: who there is, with which roles, and the places a role can be given in.

    Filter ──> page(member) ──> Card(person, roles, locked) × PAGE, by name

A page costs the same few queries whoever and however many there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, or_, select, tuple_

from config import clock
from config.database import session
from config.tenancy import Member, Right
from matrix import accounts, departments
from matrix.accounts import Account
from matrix.departments import Department
from matrix.staff import grants, throttle
from matrix.staff.grants import Grant
from matrix.staff.people import Staff, State
from matrix.staff.roles import Role

PAGE = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom to look for; what is empty does not matter. `word` is part of a name."""

    word: str = ""
    department_id: int | None = None
    role: Role | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One person in a list."""

    person: Staff
    grants: Sequence[Grant]
    is_locked: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some people; `next` is the person after whom the next page begins, None at the end."""

    cards: Sequence[Card]
    next: int | None


@dataclass(frozen=True, slots=True)
class Places:
    """Where something can be, by id. `departments` stand as a tree: id, name, depth."""

    departments: Sequence[tuple[int, str, int]]
    accounts: Sequence[tuple[int, str]]
    is_city: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What the places of some people and grants are called."""

    departments: dict[int, str] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)

    def of_department(self, department_id: int | None) -> str:
        """A department's name; without one the whole city."""
        return "全市" if department_id is None else self.departments.get(department_id, "—")

    def of_grant(self, grant: Grant) -> str:
        """Where a grant holds."""
        if grant.account_id is not None:
            return f"公众号“{self.accounts.get(grant.account_id, '—')}”"
        return self.of_department(grant.department_id)


def page(
    member: Member, wanted: Filter, *, after: int | None = None, now: datetime, size: int = PAGE
) -> Page:
    """Who stands where the member may see staff. Raises Forbidden when that is nowhere."""
    member.require_anywhere(Right.STAFF_READ)
    conditions = [member.area(Right.STAFF_READ).covers(department=Staff.department_id)]
    conditions += _conditions(wanted, clock.local_day(now))
    if after is not None:
        name = session.scalar(select(Staff.name).where(Staff.id == after))
        if name is not None:
            conditions.append(tuple_(Staff.name, Staff.id) > tuple_(name, after))
    rows = select(Staff).where(*conditions).order_by(Staff.name, Staff.id).limit(size + 1)
    people = session.scalars(rows).all()
    shown = people[:size]
    return Page(_cards(shown, now), shown[-1].id if len(people) > size else None)


def _conditions(wanted: Filter, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.word:
        found.append(
            or_(
                Staff.name.icontains(wanted.word, autoescape=True),
                Staff.sign_in_name.icontains(wanted.word, autoescape=True),
            )
        )
    if wanted.department_id is not None:
        within = departments.tree().within(wanted.department_id)
        found.append(Staff.department_id.in_(within))
    if wanted.state is not None:
        found.append(Staff.state == wanted.state)
    if wanted.role is not None:
        found.append(
            exists().where(
                Grant.staff_id == Staff.id,
                Grant.role == wanted.role,
                Grant.revoked_at.is_(None),
                or_(Grant.ends_on.is_(None), Grant.ends_on >= today),
            )
        )
    return found


def _cards(people: Sequence[Staff], now: datetime) -> list[Card]:
    own: dict[int, list[Grant]] = {}
    for grant in grants.standing([person.id for person in people]):
        own.setdefault(grant.staff_id, []).append(grant)
    locked = throttle.locked([person.sign_in_name for person in people], now=now)
    return [
        Card(person, own.get(person.id, []), person.sign_in_name in locked) for person in people
    ]


def names(people: Iterable[Staff], granted: Iterable[Grant]) -> Names:
    """The names of the places of these people and grants, in two queries."""
    granted = list(granted)
    ids = {person.department_id for person in people} | {each.department_id for each in granted}
    return Names(
        departments.names(key for key in ids if key is not None),
        accounts.names(each.account_id for each in granted if each.account_id is not None),
    )


def places(member: Member, right: Right) -> Places:
    """Where the member has a right, to choose from; merged departments are left out."""
    area = member.area(right)
    rows = session.execute(
        select(Department.id, Department.name, Department.parent_id)
        .where(
            area.covers(department=Department.id),
            Department.state == departments.State.ACTIVE,
        )
        .order_by(Department.name, Department.id)
    ).all()
    listed = session.execute(
        select(Account.id, Account.name)
        .where(area.covers(account=Account.id))
        .order_by(Account.name)
    )
    return Places(
        _as_tree([(row.id, row.name, row.parent_id) for row in rows]),
        [(key, name) for key, name in listed],
        area.everywhere,
    )


def _as_tree(rows: Sequence[tuple[int, str, int | None]]) -> list[tuple[int, str, int]]:
    known = {key for key, _, _ in rows}
    below: dict[int | None, list[tuple[int, str]]] = {}
    for key, name, parent in rows:
        below.setdefault(parent if parent in known else None, []).append((key, name))
    found: list[tuple[int, str, int]] = []
    waiting = [(key, name, 0) for key, name in reversed(below.get(None, []))]
    while waiting:
        key, name, depth = waiting.pop()
        found.append((key, name, depth))
        waiting += [(inner, said, depth + 1) for inner, said in reversed(below.get(key, []))]
    return found
