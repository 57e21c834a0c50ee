"""Members of staff: each with a name to sign in with, in a department or of the whole city.

    create --> ACTIVE <--> DISABLED

Nobody is deleted, because the audit and old messages name them. Passwords, second factors and
sessions have their own modules.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal
from config.security.crypto import EncryptedText

MAX_NAME_LENGTH = 30
# ASCII only: letters that look alike in two scripts would make two
# names that nobody can tell apart
_SIGN_IN_NAME_PATTERN = re.compile(r"[a-z][a-z0-9._-]{2,31}")


AUDIT_KIND = ObjectKind("staff", "人员")


class StaffAction(AuditAction, kind=AUDIT_KIND):
    """What is recorded about people, their grants and credentials."""

    CREATE = "staff.create", "添加人员"
    UPDATE = "staff.update", "修改人员资料"
    DISABLE = "staff.disable", "停用人员"
    ENABLE = "staff.enable", "恢复人员"
    OFFBOARD = "staff.offboard", "办理离岗"
    GRANT_ROLE = "staff.grant_role", "授予角色"
    REVOKE_ROLE = "staff.revoke_role", "收回角色"
    CREATE_LINK = "staff.create_link", "生成一次性链接"
    SET_PASSWORD = "staff.set_password", "设置密码"
    ENROLL_TWO_FACTOR = "staff.enroll_two_factor", "设置第二步验证"
    RESET_TWO_FACTOR = "staff.reset_two_factor", "重置第二步验证"
    USE_RECOVERY_CODE = "staff.use_recovery_code", "使用恢复码登录"
    UNLOCK = "staff.unlock", "解除登录锁定"
    END_SESSIONS = "staff.end_sessions", "结束他人登录"


class StaffState(StrEnum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class SelfManagementForbidden(DomainError):
    """What decides about a person has to be done by another administrator."""

    status = 403
    text = "不能对自己进行此操作，请由其他管理员办理。"


class Staff(Versioned, Base):
    """One person who signs in to the console.

    The version counts what administrators change; what a person does at sign-in is written by
    `update_unversioned`.
    """

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    sign_in_name: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    # None for people of the whole city, such as matrix administrators
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    state: Mapped[StaffState] = mapped_column(default=StaffState.ACTIVE)
    password_hash: Mapped[str | None]
    password_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText)
    totp_at: Mapped[datetime | None]
    # the last TOTP step that was accepted, so that no code works twice
    totp_step: Mapped[int | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]

    @property
    def has_second_factor(self) -> bool:
        """Whether a second factor was set up and confirmed."""
        return self.totp_at is not None


def get(staff_id: int) -> Staff:
    """The person with this id. Raises NotFound."""
    found = session.get(Staff, staff_id)
    if found is None:
        raise NotFound(kind="staff", id=staff_id)
    return found


def find_by_sign_in_name(name: str) -> Staff | None:
    """The person with this sign-in name; None without one."""
    return session.scalars(
        select(Staff).where(Staff.sign_in_name == normalize_sign_in_name(name))
    ).one_or_none()


def normalize_sign_in_name(name: str) -> str:
    """A sign-in name in the form in which it is compared: trimmed and in lower case."""
    return name.strip().lower()


def access_staff(principal: Principal, staff_id: int, permission: Permission) -> Staff:
    """The person, if the principal has the permission in their department. Raises NotFound."""
    found = get(staff_id)
    principal.require(permission, department_id=found.department_id)
    return found


def names(staff_ids: set[int]) -> dict[int, str]:
    """Names by staff id."""
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(staff_ids)))
    return dict(rows.all())


def create(*, sign_in_name: str, name: str, department_id: int | None, now: datetime) -> Staff:
    """Add a person without a password; a one-time link lets them set it. Raises Invalid."""
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
    record_audit(StaffAction.CREATE, person, before=None)
    return person


def update(staff_id: int, *, name: str, department_id: int | None, version: int) -> Staff:
    """Change name or department; `version` is that of the form. Raises Invalid, Stale."""
    validate_name(name)
    person = get_for_update(Staff, staff_id)
    check_version(person, version, f"{person.name}的资料", staff=staff_id)
    before = audit_facts(person)
    person.name, person.department_id = name.strip(), department_id
    session.flush()
    record_audit(StaffAction.UPDATE, person, before=before)
    return person


def disable(staff_id: int, *, now: datetime) -> Staff:
    """Keep a person from signing in. The caller ends their sessions."""
    return _set_state(staff_id, StaffState.DISABLED, StaffAction.DISABLE, disabled_at=now)


def enable(staff_id: int) -> Staff:
    """Let a person sign in again."""
    return _set_state(staff_id, StaffState.ACTIVE, StaffAction.ENABLE, disabled_at=None)


def _set_state(
    staff_id: int, state: StaffState, action: StaffAction, *, disabled_at: datetime | None
) -> Staff:
    # locked, so that only the request that really changes the state writes an audit row
    person = get_for_update(Staff, staff_id)
    if person.state is state:
        return person
    before = audit_facts(person)
    person.state, person.disabled_at = state, disabled_at
    session.flush()
    record_audit(action, person, before=before)
    return person


def validate_name(name: str) -> None:
    """Raises Invalid for an empty or long name."""
    if not name.strip() or len(name.strip()) > MAX_NAME_LENGTH:
        raise Invalid(field="name", problem=f"不能为空，最长 {MAX_NAME_LENGTH} 个字")


def audit_facts(person: Staff) -> dict[str, object]:
    """What the audit may show of a person."""
    return {
        "sign_in_name": person.sign_in_name,
        "name": person.name,
        "department_id": person.department_id,
        "state": person.state.value,
        "second_factor": person.has_second_factor,
    }


def record_audit(
    action: AuditAction,
    person: Staff,
    *,
    before: dict[str, object] | None = None,
    reason: str = "",
    **more: Any,
) -> None:
    """Write an audit row about a person; with `before` it also shows their present values."""
    audit.record(
        action,
        owner=person,
        object_id=person.id,
        label=person.name,
        before=before,
        after=audit_facts(person) | more
        if before is not None or action is StaffAction.CREATE
        else more or None,
        reason=reason,
    )
