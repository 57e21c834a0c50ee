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

from config import audit, cache_versions
from config.database import Base, get_for_update, session
from config.errors import DomainError, Invalid, NotFound, Stale
from config.permissions import Permission, Principal

CACHE_KEY = "departments"


class DepartmentClosed(DomainError):
    """A merged department takes nothing new."""

    text = "{name}已并入其他单位，不能再修改。"


class DepartmentCycle(DomainError):
    """A department cannot stand below itself."""

    text = "{name}不能移到自己或下级单位之下。"


class DepartmentState(StrEnum):
    """Whether a department works or has become part of another."""

    ACTIVE = "active"
    MERGED = "merged"


class Department(Base):
    """One unit. `code` is the stable id it was loaded with."""

    __tablename__ = "departments"
    __table_args__ = (
        CheckConstraint(
            "(state = 'merged') = (successor_id IS NOT NULL)", name="merged_has_successor"
        ),
        CheckConstraint("parent_id <> id", name="not_own_parent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    state: Mapped[DepartmentState] = mapped_column(default=DepartmentState.ACTIVE)
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
        outline_rows = [department_id]
        for key in outline_rows:
            outline_rows.extend(self._children.get(key, ()))
        return tuple(outline_rows)


def tree() -> Tree:
    """The tree as it stands. A merged department hangs below its successor."""
    rows = session.execute(
        select(Department.id, Department.parent_id, Department.successor_id)
    ).all()
    return Tree({row.id: row.successor_id or row.parent_id for row in rows})


def get_by_slug(slug: str) -> Department:
    """The department of this code. Raises NotFound."""
    outline_rows = session.scalars(select(Department).where(Department.slug == slug)).one_or_none()
    if outline_rows is None:
        raise NotFound(kind="department", code=slug)
    return outline_rows


def names(department_ids: Iterable[int]) -> dict[int, str]:
    """Today's names by id."""
    rows = session.execute(
        select(Department.id, Department.name).where(Department.id.in_(set(department_ids)))
    )
    return dict(rows.all())


def create(
    *,
    slug: str,
    name: str,
    kind: str,
    now: datetime,
    parent_id: int | None = None,
    phone: str = "",
    details: dict[str, Any] | None = None,
) -> Department:
    """Found a department. Raises Invalid when a field is empty or the code is taken."""
    _validate(slug=slug, name=name)
    if session.scalar(select(Department.id).where(Department.slug == slug)):
        raise Invalid(field="id", problem=f"“{slug}”已被其他单位使用")
    department = Department(
        slug=slug,
        name=name,
        kind=kind,
        parent_id=parent_id,
        phone=phone,
        details=details or {},
        created_at=now,
    )
    session.add(department)
    session.flush()  # the audit row needs the id
    _record_change("department.create", department, before=None)
    return department


def rename(
    department_id: int, name: str, *, now: datetime, version: int | None = None
) -> Department:
    """Give a department its new name; the old one is kept.

    `version` is the one a person saw. Raises DepartmentClosed, Invalid, and Stale when it has
    changed since.
    """
    department = _get_active(department_id, version)
    _validate(slug=department.slug, name=name)
    if department.name == name:
        return department
    before = _audit_facts(department)
    session.add(FormerName(department_id=department_id, name=department.name, until=now))
    department.name = name
    _record_change("department.rename", department, before=before)
    return department


def move(department_id: int, parent_id: int | None) -> Department:
    """Hang a department below another. Raises TreeKnot, DepartmentClosed."""
    department = _get_active(department_id)
    if parent_id is not None and parent_id in tree().within(department_id):
        raise DepartmentCycle(name=department.name)
    if parent_id is not None:
        _get_active(parent_id)
    if parent_id == department.parent_id:
        return department
    before = _audit_facts(department)
    department.parent_id = parent_id
    _record_change("department.move", department, before=before)
    return department


def update(
    department_id: int,
    *,
    kind: str,
    phone: str,
    details: dict[str, Any],
    version: int | None = None,
) -> Department:
    """Change what is said about a department. Raises DepartmentClosed, Stale."""
    department = _get_active(department_id, version)
    before = _audit_facts(department)
    department.kind, department.phone, department.details = kind, phone, details
    if _audit_facts(department) != before:
        _record_change("department.update", department, before=before)
    return department


def merge(department_id: int, *, into: int) -> Department:
    """Close a department; its successor answers for it from now on.

    Raises TreeKnot when the successor stands below it, DepartmentClosed when either is closed.
    """
    department, successor = _get_active(department_id), _get_active(into)
    if into in tree().within(department_id):
        raise DepartmentCycle(name=department.name)
    before = _audit_facts(department)
    department.state, department.successor_id = DepartmentState.MERGED, successor.id
    _record_change("department.merge", department, before=before)
    return department


def former_names(department_id: int) -> list[str]:
    """What it was called before, the oldest first."""
    rows = select(FormerName.name).where(FormerName.department_id == department_id)
    return list(session.scalars(rows.order_by(FormerName.until, FormerName.id)))


def former_names_by_department(department_ids: Iterable[int]) -> dict[int, list[str]]:
    """What each was called before, the oldest first; one that kept its name is missing."""
    rows = select(FormerName).where(FormerName.department_id.in_(set(department_ids)))
    outline_rows: dict[int, list[str]] = {}
    for row in session.scalars(rows.order_by(FormerName.until, FormerName.id)):
        outline_rows.setdefault(row.department_id, []).append(row.name)
    return outline_rows


def access_department(
    principal: Principal, department_id: int, permission: Permission
) -> Department:
    """The department, for somebody who has this right there. Raises NotFound."""
    covered = principal.scope(permission).sql_filter(department=Department.id)
    outline_rows = session.scalars(
        select(Department).where(Department.id == department_id, covered)
    ).one_or_none()
    if outline_rows is None:
        raise NotFound(kind="department", id=department_id, staff=principal.staff_id)
    return outline_rows


def list_for_staff(principal: Principal, permission: Permission) -> list[Department]:
    """The departments where the member has this right, merged ones too, by name."""
    rows = select(Department).where(
        principal.scope(permission).sql_filter(department=Department.id)
    )
    return list(session.scalars(rows.order_by(Department.name, Department.id)))


def outline(rows: Sequence[Department]) -> list[tuple[Department, int]]:
    """These departments as a list that reads as a tree: each with its depth, below its parent.

    A merged one stands below its successor. Whose parent is not among them stands at the top.
    """
    known = {row.id for row in rows}
    children: dict[int | None, list[Department]] = {}
    for row in rows:
        parent = row.successor_id or row.parent_id
        children.setdefault(parent if parent in known else None, []).append(row)
    outline_rows: list[tuple[Department, int]] = []
    stack = [(row, 0) for row in reversed(children.get(None, []))]
    while stack:
        row, depth = stack.pop()
        outline_rows.append((row, depth))
        stack.extend((each, depth + 1) for each in reversed(children.get(row.id, [])))
    return outline_rows


def _get_active(department_id: int, version: int | None = None) -> Department:
    department = get_for_update(Department, department_id)
    if version is not None and department.version != version:
        raise Stale(department=department_id)
    if department.state is DepartmentState.MERGED:
        raise DepartmentClosed(name=department.name)
    return department


def _validate(*, slug: str, name: str) -> None:
    if not slug.strip() or len(slug) > 64:
        raise Invalid(field="id", problem="不能为空，最长 64 个字符")
    if not name.strip() or len(name) > 60:
        raise Invalid(field="name", problem="不能为空，最长 60 个字符")


def _audit_facts(department: Department) -> dict[str, Any]:
    return {
        "name": department.name,
        "kind": department.kind,
        "parent_id": department.parent_id,
        "successor_id": department.successor_id,
        "phone": department.phone,
        "details": department.details,
    }


def _record_change(action: str, department: Department, *, before: dict[str, Any] | None) -> None:
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
        after=_audit_facts(department),
    )
    cache_versions.invalidate(CACHE_KEY)
