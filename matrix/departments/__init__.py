"""Departments: the units of the city, a tree that owns accounts, staff, rules and services.

A department is never deleted, because rules, cases and audit rows refer to it. It can be renamed,
moved below another parent, or merged: a merged department is closed and points at its successor.
Former names are kept with the day they ended, so that old documents can still be understood.
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
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal

CACHE_KEY = "departments"


class DepartmentAction(AuditAction, kind=ObjectKind("department", "单位")):
    """What is recorded about departments."""

    CREATE = "department.create", "新增单位"
    RENAME = "department.rename", "单位更名"
    MOVE = "department.move", "调整上级单位"
    UPDATE = "department.update", "修改单位信息"
    MERGE = "department.merge", "并入其他单位"


class DepartmentClosed(DomainError):
    """A merged department cannot be changed any more."""

    text = "{name}已并入其他单位，不能再修改。"


class DepartmentCycle(DomainError):
    """A department cannot be placed below itself or one of its own descendants."""

    text = "{name}不能移到自己或下级单位之下。"


class DepartmentState(StrEnum):
    """Whether a department works or has been merged into another."""

    ACTIVE = "active"
    MERGED = "merged"


class Department(Versioned, Base):
    """One unit. `slug` is the stable id under which files load it."""

    __tablename__ = "departments"
    __table_args__ = (
        CheckConstraint(
            "(state = 'merged') = (successor_id IS NOT NULL)", name="merged_has_successor"
        ),
        # longer cycles are refused by `move` and `merge`; SQL cannot express that check
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
    # what public pages show besides the phone: address, opening hours …
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    @property
    def department_id(self) -> int:
        """Its own id, so that it is the owner of what is recorded about it."""
        return self.id


class FormerName(Base):
    """A name a department had, and until when."""

    __tablename__ = "department_names"

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str]
    until: Mapped[datetime]


@dataclass(frozen=True)
class Tree:
    """The department tree in memory: `parents` maps each id to its parent's id or None."""

    parents: Mapping[int, int | None]

    @cached_property
    def _children(self) -> dict[int | None, list[int]]:
        children: dict[int | None, list[int]] = {}
        for key, parent in sorted(self.parents.items()):
            children.setdefault(parent, []).append(key)
        return children

    def above(self, department_id: int) -> tuple[int, ...]:
        """The ids of the ancestors, nearest first."""
        chain = []
        parent = self.parents.get(department_id)
        while parent is not None:
            chain.append(parent)
            parent = self.parents.get(parent)
        return tuple(chain)

    def within(self, department_id: int) -> tuple[int, ...]:
        """The id itself and those of all descendants, level by level."""
        found = [department_id]
        for key in found:  # the list grows while it is walked: a breadth-first search
            found.extend(self._children.get(key, ()))
        return tuple(found)


def tree() -> Tree:
    """The tree as it is now; a merged department counts as a child of its successor."""
    rows = session.execute(
        select(Department.id, Department.parent_id, Department.successor_id)
    ).all()
    # this is how whoever manages the successor reaches what the merged department owned
    return Tree({row.id: row.successor_id or row.parent_id for row in rows})


def get_by_slug(slug: str) -> Department:
    """The department with this slug. Raises NotFound."""
    found = session.scalars(select(Department).where(Department.slug == slug)).one_or_none()
    if found is None:
        raise NotFound(kind="department", slug=slug)
    return found


def names(department_ids: Iterable[int]) -> dict[int, str]:
    """Current names by id."""
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
    """Create a department. Raises Invalid when a field is empty or the slug is taken."""
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
    _record_change(DepartmentAction.CREATE, department, before=None)
    return department


def rename(
    department_id: int, name: str, *, now: datetime, version: int | None = None
) -> Department:
    """Rename a department and keep the old name.

    `version` is the one the form was opened with; None skips the check. Raises DepartmentClosed,
    Invalid, and Stale when the department has changed since.
    """
    department = _get_active(department_id, version)
    _validate(slug=department.slug, name=name)
    if department.name == name:
        return department
    before = _audit_facts(department)
    session.add(FormerName(department_id=department_id, name=department.name, until=now))
    department.name = name
    _record_change(DepartmentAction.RENAME, department, before=before)
    return department


def move(department_id: int, parent_id: int | None) -> Department:
    """Place a department below another, or at the top. Raises DepartmentCycle, DepartmentClosed."""
    department = _get_active(department_id)
    # A cycle would cut the subtree off from every scope, and walks over it would not end.
    if parent_id is not None and parent_id in tree().within(department_id):
        raise DepartmentCycle(name=department.name)
    if parent_id is not None:
        _get_active(parent_id)
    if parent_id == department.parent_id:
        return department
    before = _audit_facts(department)
    department.parent_id = parent_id
    _record_change(DepartmentAction.MOVE, department, before=before)
    return department


def update(
    department_id: int,
    *,
    kind: str,
    phone: str,
    details: dict[str, Any],
    version: int | None = None,
) -> Department:
    """Change kind, phone and details. `version` as in `rename`. Raises DepartmentClosed, Stale."""
    department = _get_active(department_id, version)
    before = _audit_facts(department)
    department.kind, department.phone, department.details = kind, phone, details
    if _audit_facts(department) != before:
        _record_change(DepartmentAction.UPDATE, department, before=before)
    return department


def merge(department_id: int, *, into: int) -> Department:
    """Close a department; its successor takes over what it owns.

    Raises DepartmentCycle when the successor is a descendant, DepartmentClosed when either is
    closed.
    """
    department, successor = _get_active(department_id), _get_active(into)
    # likewise: a merged department counts as a child of its successor
    if into in tree().within(department_id):
        raise DepartmentCycle(name=department.name)
    before = _audit_facts(department)
    department.state, department.successor_id = DepartmentState.MERGED, successor.id
    _record_change(DepartmentAction.MERGE, department, before=before)
    return department


def former_names(department_id: int) -> list[str]:
    """A department's former names, oldest first."""
    rows = select(FormerName.name).where(FormerName.department_id == department_id)
    return list(session.scalars(rows.order_by(FormerName.until, FormerName.id)))


def former_names_by_department(department_ids: Iterable[int]) -> dict[int, list[str]]:
    """Former names by id, oldest first; a department that kept its name is missing."""
    rows = select(FormerName).where(FormerName.department_id.in_(set(department_ids)))
    found: dict[int, list[str]] = {}
    for row in session.scalars(rows.order_by(FormerName.until, FormerName.id)):
        found.setdefault(row.department_id, []).append(row.name)
    return found


def access_department(
    principal: Principal, department_id: int, permission: Permission
) -> Department:
    """The department, for a principal with this permission there. Raises NotFound."""
    covered = principal.scope(permission).sql_filter(department=Department.id)
    found = session.scalars(
        select(Department).where(Department.id == department_id, covered)
    ).one_or_none()
    if found is None:
        raise NotFound(kind="department", id=department_id, staff=principal.staff_id)
    return found


def list_for_staff(principal: Principal, permission: Permission) -> list[Department]:
    """Departments where the principal has the permission, merged ones included, by name."""
    rows = select(Department).where(
        principal.scope(permission).sql_filter(department=Department.id)
    )
    return list(session.scalars(rows.order_by(Department.name, Department.id)))


def outline(rows: Sequence[Department]) -> list[tuple[Department, int]]:
    """The departments as a flat list that reads as a tree: (department, depth), children below.

    A merged department stands below its successor. One whose parent is not in `rows` stands at the
    top, so a list that is limited to a principal's scope still shows everything in it.
    """
    known = {row.id for row in rows}
    children: dict[int | None, list[Department]] = {}
    for row in rows:
        parent = row.successor_id or row.parent_id
        children.setdefault(parent if parent in known else None, []).append(row)
    outline_rows: list[tuple[Department, int]] = []
    # a stack instead of recursion; reversed, because the last one pushed comes out first
    stack = [(row, 0) for row in reversed(children.get(None, []))]
    while stack:
        row, depth = stack.pop()
        outline_rows.append((row, depth))
        stack.extend((each, depth + 1) for each in reversed(children.get(row.id, [])))
    return outline_rows


def _get_active(department_id: int, version: int | None = None) -> Department:
    department = get_for_update(Department, department_id)
    check_version(department, version, f"{department.name}的资料", department=department_id)
    if department.state is DepartmentState.MERGED:
        raise DepartmentClosed(name=department.name)
    return department


def _validate(*, slug: str, name: str) -> None:
    if not slug.strip() or len(slug) > 64:
        raise Invalid(field="id", problem="不能为空，最长 64 个字符")
    if not name.strip() or len(name) > 60:
        raise Invalid(field="name", problem="不能为空，最长 60 个字符")


def _audit_facts(department: Department) -> dict[str, object]:
    return {
        "name": department.name,
        "kind": department.kind,
        "parent_id": department.parent_id,
        "successor_id": department.successor_id,
        "phone": department.phone,
        "details": department.details,
    }


def _record_change(
    action: DepartmentAction, department: Department, *, before: dict[str, object] | None
) -> None:
    session.flush()  # the audit row needs the id, and must describe what is in the database
    audit.record(
        action,
        owner=department,
        object_id=department.id,
        label=department.name,
        before=before,
        after=_audit_facts(department),
    )
    cache_versions.invalidate(CACHE_KEY)
