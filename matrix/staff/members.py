"""People: the staff, each with a name to sign in with, in a department.

    add ──> active <──> disabled        nobody is deleted; what they did keeps their name

Passwords, factors and sessions hang on the row; their modules change it.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, compare_and_set, session
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal
from config.security.crypto import EncryptedText

MAX_NAME_LENGTH = 30
_SIGN_IN_NAME_PATTERN = re.compile(r"[a-z][a-z0-9._-]{2,31}")


class StaffState(StrEnum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class StaffChanged(DomainError):
    """Somebody else changed the person since the page was read."""

    text = "{name}的资料刚被其他人修改过，请刷新后重试。"


class SelfManagementForbidden(DomainError):
    """What decides over a person is done by another."""

    status = 403
    text = "不能对自己进行此操作，请由其他管理员办理。"


class Staff(Base):
    """One person who signs in to the console."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    sign_in_name: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    state: Mapped[StaffState] = mapped_column(default=StaffState.ACTIVE)
    password_hash: Mapped[str | None]
    password_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText)
    totp_at: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def has_second_factor(self) -> bool:
        """Whether an authenticator was set up and proven."""
        return self.totp_at is not None


def get(staff_id: int) -> Staff:
    """The person of this id. Raises NotFound."""
    found = session.get(Staff, staff_id)
    if found is None:
        raise NotFound(kind="staff", id=staff_id)
    return found


def find_by_sign_in_name(name: str) -> Staff | None:
    """The person who signs in with this name, or None."""
    return session.scalars(
        select(Staff).where(Staff.sign_in_name == normalize_sign_in_name(name))
    ).one_or_none()


def normalize_sign_in_name(name: str) -> str:
    """A sign-in name as it is compared: without spaces around it, in small letters."""
    return name.strip().lower()


def access_staff(principal: Principal, staff_id: int, permission: Permission) -> Staff:
    """The person, if they belong to a department where the member has the right.

    Raises NotFound.
    """
    found = get(staff_id)
    principal.require(permission, department_id=found.department_id)
    return found


def names(staff_ids: set[int]) -> dict[int, str]:
    """The names of people by id."""
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(staff_ids)))
    return dict(rows.all())


def create(*, sign_in_name: str, name: str, department_id: int | None, now: datetime) -> Staff:
    """Enter a person, who has no password yet; a link lets them set one. Raises Invalid."""
    normalized = normalize_sign_in_name(sign_in_name)
    if not _SIGN_IN_NAME_PATTERN.fullmatch(normalized):
        problem = "应以字母开头，由 3 到 32 位小写字母、数字、点、横线组成"
        raise Invalid(field="sign_in_name", problem=problem)
    if find_by_sign_in_name(normalized) is not None:
        raise Invalid(field="sign_in_name", problem=f"“{normalized}”已有人使用")
    validate_name(name)
    person = Staff(
        sign_in_name=normalized, name=name.strip(), department_id=department_id, created_at=now
    )
    session.add(person)
    session.flush()  # the audit row needs the id
    record_audit("staff.create", person, before=None)
    return person


def update(staff_id: int, *, name: str, department_id: int | None, version: int) -> Staff:
    """Change a person's name or department. Raises Invalid, StaffChanged."""
    validate_name(name)
    before = audit_facts(get(staff_id))
    values = {"name": name.strip(), "department_id": department_id}
    updated = compare_and_set(
        Staff, staff_id, when={"version": version}, to=values | {"version": version + 1}
    )
    if updated is None:
        raise StaffChanged(name=name)
    record_audit("staff.update", updated, before=before)
    return updated


def disable(staff_id: int, *, now: datetime) -> Staff:
    """Let a person sign in no more. The caller ends their sessions."""
    return _set_state(staff_id, StaffState.DISABLED, "staff.disable", disabled_at=now)


def enable(staff_id: int) -> Staff:
    """Let a person sign in again."""
    return _set_state(staff_id, StaffState.ACTIVE, "staff.enable", disabled_at=None)


def _set_state(staff_id: int, state: StaffState, action: str, **more: Any) -> Staff:
    person = get(staff_id)
    before = audit_facts(person)
    other = StaffState.ACTIVE if state is StaffState.DISABLED else StaffState.DISABLED
    updated = compare_and_set(
        Staff,
        staff_id,
        when={"state": other},
        to={"state": state, "version": Staff.version + 1, **more},
    )
    if updated is None:
        return person
    record_audit(action, updated, before=before)
    return updated


def validate_name(name: str) -> None:
    """Raises Invalid for a name nobody could be called by."""
    if not name.strip() or len(name.strip()) > MAX_NAME_LENGTH:
        raise Invalid(field="name", problem=f"不能为空，最长 {MAX_NAME_LENGTH} 个字")


def audit_facts(person: Staff) -> dict[str, Any]:
    """What the audit may show of a person."""
    return {
        "sign_in_name": person.sign_in_name,
        "name": person.name,
        "department_id": person.department_id,
        "state": person.state.value,
        "second_factor": person.has_second_factor,
    }


def record_audit(
    action: str,
    person: Staff,
    *,
    before: dict[str, Any] | None = None,
    reason: str = "",
    **more: Any,
) -> None:
    """An audit row about a person; with `before` also how they stand now."""
    audit.record(
        action,
        kind="staff",
        object_id=person.id,
        label=person.name,
        department_id=person.department_id,
        before=before,
        after=audit_facts(person) | more
        if before is not None or action == "staff.create"
        else more or None,
        reason=reason,
    )
