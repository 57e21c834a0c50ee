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
from config.crypto import Sealed
from config.database import Base, change, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right

LONGEST_NAME = 30
_SIGN_IN_NAME = re.compile(r"[a-z][a-z0-9._-]{2,31}")


class State(StrEnum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class StaffChanged(DomainError):
    """Somebody else changed the person since the page was read."""

    text = "{name}的资料刚被其他人修改过，请刷新后重试。"


class NotYourself(DomainError):
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
    state: Mapped[State] = mapped_column(default=State.ACTIVE)
    password_hash: Mapped[str | None]
    password_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(Sealed)
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


def by_sign_in_name(name: str) -> Staff | None:
    """The person who signs in with this name, or None."""
    return session.scalars(select(Staff).where(Staff.sign_in_name == fold(name))).one_or_none()


def fold(name: str) -> str:
    """A sign-in name as it is compared: without spaces around it, in small letters."""
    return name.strip().lower()


def access_staff(member: Member, staff_id: int, right: Right) -> Staff:
    """The person, if they belong to a department where the member has the right.

    Raises NotFound.
    """
    found = get(staff_id)
    member.require(right, department_id=found.department_id)
    return found


def names(staff_ids: set[int]) -> dict[int, str]:
    """The names of people by id."""
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(staff_ids)))
    return dict(rows.all())


def add(*, sign_in_name: str, name: str, department_id: int | None, now: datetime) -> Staff:
    """Enter a person, who has no password yet; a link lets them set one. Raises Invalid."""
    folded = fold(sign_in_name)
    if not _SIGN_IN_NAME.fullmatch(folded):
        problem = "应以字母开头，由 3 到 32 位小写字母、数字、点、横线组成"
        raise Invalid(field="sign_in_name", problem=problem)
    if by_sign_in_name(folded) is not None:
        raise Invalid(field="sign_in_name", problem=f"“{folded}”已有人使用")
    check_name(name)
    person = Staff(
        sign_in_name=folded, name=name.strip(), department_id=department_id, created_at=now
    )
    session.add(person)
    session.flush()  # the audit row needs the id
    record("staff.add", person, before=None)
    return person


def edit(staff_id: int, *, name: str, department_id: int | None, version: int) -> Staff:
    """Change a person's name or department. Raises Invalid, StaffChanged."""
    check_name(name)
    before = facts(get(staff_id))
    wanted = {"name": name.strip(), "department_id": department_id}
    moved = change(Staff, staff_id, when={"version": version}, to=wanted | {"version": version + 1})
    if moved is None:
        raise StaffChanged(name=name)
    record("staff.edit", moved, before=before)
    return moved


def disable(staff_id: int, *, now: datetime) -> Staff:
    """Let a person sign in no more. The caller ends their sessions."""
    return _switch(staff_id, State.DISABLED, "staff.disable", disabled_at=now)


def enable(staff_id: int) -> Staff:
    """Let a person sign in again."""
    return _switch(staff_id, State.ACTIVE, "staff.enable", disabled_at=None)


def _switch(staff_id: int, state: State, action: str, **more: Any) -> Staff:
    person = get(staff_id)
    before = facts(person)
    other = State.ACTIVE if state is State.DISABLED else State.DISABLED
    moved = change(
        Staff,
        staff_id,
        when={"state": other},
        to={"state": state, "version": Staff.version + 1, **more},
    )
    if moved is None:
        return person
    record(action, moved, before=before)
    return moved


def check_name(name: str) -> None:
    """Raises Invalid for a name nobody could be called by."""
    if not name.strip() or len(name.strip()) > LONGEST_NAME:
        raise Invalid(field="name", problem=f"不能为空，最长 {LONGEST_NAME} 个字")


def facts(person: Staff) -> dict[str, Any]:
    """What the audit may show of a person."""
    return {
        "sign_in_name": person.sign_in_name,
        "name": person.name,
        "department_id": person.department_id,
        "state": person.state.value,
        "second_factor": person.has_second_factor,
    }


def record(
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
        after=facts(person) | more if before is not None or action == "staff.add" else more or None,
        reason=reason,
    )
