"""Departments: the units of the city, a tree that owns accounts, staff, rules and services.

    城市 ──< 局 ──< 所
             │
             └── renamed, moved, merged into a successor; its history stays with it

A department is never deleted. A merged one is closed and points at its successor; old names are
kept with the day they ended, so what was said under them can still be read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, revisions
from config.database import Base, locked, session
from config.errors import DomainError, Invalid, NotFound, Stale
from config.tenancy import Member, Right

REVISION = "departments"


class DepartmentClosed(DomainError):
    """A merged department takes nothing new."""

    text = "{name}已并入其他单位，不能再修改。"


class TreeKnot(DomainError):
    """A department cannot stand below itself."""

    text = "{name}不能移到自己或下级单位之下。"


class State(StrEnum):
    """Whether a department works or has become part of another."""

    ACTIVE = "active"
    MERGED = "merged"


class Department(Base):
    """One unit. `code` is the stable id it was loaded with."""

    __tablename__ = "departments"
    __table_args__ = (
        CheckConstraint("(state = 'merged') = (successor_id IS NOT NULL)", name="merged_into"),
        CheckConstraint("parent_id <> id", name="not_below_itself"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    state: Mapped[State] = mapped_column(default=State.ACTIVE)
    phone: Mapped[str]
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class FormerName(Base):
    """What a department was called, until when."""

    __tablename__ = "department_names"

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str]
    until: Mapped[datetime]


@dataclass(frozen=True)
class Tree:
    """Who stands above and below whom. `parents` maps a department's id to its parent's."""

    parents: Mapping[int, int | None]

    @cached_property
    def _children(self) -> dict[int | None, list[int]]:
        children: dict[int | None, list[int]] = {}
        for key, parent in sorted(self.parents.items()):
            children.setdefault(parent, []).append(key)
        return children

    def above(self, department_id: int) -> tuple[int, ...]:
        """The departments above, the nearest first."""
        chain = []
        parent = self.parents.get(department_id)
        while parent is not None:
            chain.append(parent)
            parent = self.parents.get(parent)
        return tuple(chain)

    def within(self, department_id: int) -> tuple[int, ...]:
        """The department itself and all below it, level by level."""
        found = [department_id]
        for key in found:
            found.extend(self._children.get(key, ()))
        return tuple(found)


def tree() -> Tree:
    """The tree as it stands. A merged department hangs below its successor."""
    rows = session.execute(
        select(Department.id, Department.parent_id, Department.successor_id)
    ).all()
    return Tree({row.id: row.successor_id or row.parent_id for row in rows})


def by_code(code: str) -> Department:
    """The department of this code. Raises NotFound."""
    found = session.scalars(select(Department).where(Department.code == code)).one_or_none()
    if found is None:
        raise NotFound(kind="department", code=code)
    return found


def names(department_ids: Iterable[int]) -> dict[int, str]:
    """Today's names by id."""
    rows = session.execute(
        select(Department.id, Department.name).where(Department.id.in_(set(department_ids)))
    )
    return dict(rows.all())


def add(
    *,
    code: str,
    name: str,
    kind: str,
    now: datetime,
    parent_id: int | None = None,
    phone: str = "",
    details: dict[str, Any] | None = None,
) -> Department:
    """Found a department. Raises Invalid when a field is empty or the code is taken."""
    _check(code=code, name=name)
    if session.scalar(select(Department.id).where(Department.code == code)):
        raise Invalid(field="id", problem=f"“{code}”已被其他单位使用")
    department = Department(
        code=code,
        name=name,
        kind=kind,
        parent_id=parent_id,
        phone=phone,
        details=details or {},
        created_at=now,
    )
    session.add(department)
    session.flush()  # the audit row needs the id
    _changed("department.add", department, before=None)
    return department


def rename(
    department_id: int, name: str, *, now: datetime, version: int | None = None
) -> Department:
    """Give a department its new name; the old one is kept.

    `version` is the one a person saw. Raises DepartmentClosed, Invalid, and Stale when it has
    changed since.
    """
    department = _open(department_id, version)
    _check(code=department.code, name=name)
    if department.name == name:
        return department
    before = _facts(department)
    session.add(FormerName(department_id=department_id, name=department.name, until=now))
    department.name = name
    _changed("department.rename", department, before=before)
    return department


def move(department_id: int, parent_id: int | None) -> Department:
    """Hang a department below another. Raises TreeKnot, DepartmentClosed."""
    department = _open(department_id)
    if parent_id is not None and parent_id in tree().within(department_id):
        raise TreeKnot(name=department.name)
    if parent_id is not None:
        _open(parent_id)
    if parent_id == department.parent_id:
        return department
    before = _facts(department)
    department.parent_id = parent_id
    _changed("department.move", department, before=before)
    return department


def describe(
    department_id: int,
    *,
    kind: str,
    phone: str,
    details: dict[str, Any],
    version: int | None = None,
) -> Department:
    """Change what is said about a department. Raises DepartmentClosed, Stale."""
    department = _open(department_id, version)
    before = _facts(department)
    department.kind, department.phone, department.details = kind, phone, details
    if _facts(department) != before:
        _changed("department.describe", department, before=before)
    return department


def merge(department_id: int, *, into: int) -> Department:
    """Close a department; its successor answers for it from now on.

    Raises TreeKnot when the successor stands below it, DepartmentClosed when either is closed.
    """
    department, successor = _open(department_id), _open(into)
    if into in tree().within(department_id):
        raise TreeKnot(name=department.name)
    before = _facts(department)
    department.state, department.successor_id = State.MERGED, successor.id
    _changed("department.merge", department, before=before)
    return department


def former_names(department_id: int) -> list[str]:
    """What it was called before, the oldest first."""
    rows = select(FormerName.name).where(FormerName.department_id == department_id)
    return list(session.scalars(rows.order_by(FormerName.until, FormerName.id)))


def former_names_of(department_ids: Iterable[int]) -> dict[int, list[str]]:
    """What each was called before, the oldest first; one that kept its name is missing."""
    rows = select(FormerName).where(FormerName.department_id.in_(set(department_ids)))
    found: dict[int, list[str]] = {}
    for row in session.scalars(rows.order_by(FormerName.until, FormerName.id)):
        found.setdefault(row.department_id, []).append(row.name)
    return found


def access_department(member: Member, department_id: int, right: Right) -> Department:
    """The department, for somebody who has this right there. Raises NotFound."""
    covered = member.area(right).covers(department=Department.id)
    found = session.scalars(
        select(Department).where(Department.id == department_id, covered)
    ).one_or_none()
    if found is None:
        raise NotFound(kind="department", id=department_id, staff=member.staff_id)
    return found


def departments_for_staff(member: Member, right: Right) -> list[Department]:
    """The departments where the member has this right, merged ones too, by name."""
    rows = select(Department).where(member.area(right).covers(department=Department.id))
    return list(session.scalars(rows.order_by(Department.name, Department.id)))


def outline(rows: Sequence[Department]) -> list[tuple[Department, int]]:
    """These departments as a list that reads as a tree: each with its depth, below its parent.

    A merged one stands below its successor. Whose parent is not among them stands at the top.
    """
    known = {row.id for row in rows}
    below: dict[int | None, list[Department]] = {}
    for row in rows:
        above = row.successor_id or row.parent_id
        below.setdefault(above if above in known else None, []).append(row)
    found: list[tuple[Department, int]] = []
    waiting = [(row, 0) for row in reversed(below.get(None, []))]
    while waiting:
        row, depth = waiting.pop()
        found.append((row, depth))
        waiting.extend((each, depth + 1) for each in reversed(below.get(row.id, [])))
    return found


def _open(department_id: int, version: int | None = None) -> Department:
    department = locked(Department, department_id)
    if version is not None and department.version != version:
        raise Stale(department=department_id)
    if department.state is State.MERGED:
        raise DepartmentClosed(name=department.name)
    return department


def _check(*, code: str, name: str) -> None:
    if not code.strip() or len(code) > 64:
        raise Invalid(field="id", problem="不能为空，最长 64 个字符")
    if not name.strip() or len(name) > 60:
        raise Invalid(field="name", problem="不能为空，最长 60 个字符")


def _facts(department: Department) -> dict[str, Any]:
    return {
        "name": department.name,
        "kind": department.kind,
        "parent_id": department.parent_id,
        "successor_id": department.successor_id,
        "phone": department.phone,
        "details": department.details,
    }


def _changed(action: str, department: Department, *, before: dict[str, Any] | None) -> None:
    if before is not None:
        department.version += 1
    session.flush()  # the change must be in the database before others are told of it
    audit.record(
        action,
        kind="department",
        object_id=department.id,
        label=department.name,
        department_id=department.id,
        before=before,
        after=_facts(department),
    )
    revisions.bump(REVISION)
