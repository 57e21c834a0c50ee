"""Canned responses: prepared answers of a department's agents.

An account's agents see those of its department and of the departments above it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal

_MAX_TITLE_LENGTH = 20
# characters; 600 Chinese characters stay below WeChat's 2048 bytes for a text
_MAX_CONTENT_LENGTH = 600
# all of them are offered in one list while an agent writes
_MAX_PER_DEPARTMENT = 100


class CannedResponseAction(AuditAction, kind=ObjectKind("canned_response", "常用语")):
    """What is recorded about canned responses."""

    CREATE = "canned_response.create", "添加常用语"
    UPDATE = "canned_response.update", "修改常用语"
    DELETE = "canned_response.delete", "删除常用语"


class CannedResponse(Versioned, Base):
    """One prepared answer; its title is unique within the department."""

    __tablename__ = "canned_responses"
    __table_args__ = (UniqueConstraint("department_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    title: Mapped[str]
    content: Mapped[str]
    created_at: Mapped[datetime]


def access_response(
    principal: Principal, response_id: int, permission: Permission
) -> CannedResponse:
    """The response with this id, inside the principal's scope. Raises NotFound."""
    response = session.get(CannedResponse, response_id)
    if response is None:
        raise NotFound(kind="canned_response", id=response_id)
    principal.require(permission, department_id=response.department_id)
    return response


def list_for_staff(principal: Principal) -> list[CannedResponse]:
    """The responses that the principal may change, by department and title."""
    owned = principal.scope(Permission.CONVERSATIONS_REPLY).sql_filter(
        department=CannedResponse.department_id
    )
    rows = (
        select(CannedResponse)
        .where(owned)
        .order_by(CannedResponse.department_id, CannedResponse.title)
    )
    return list(session.scalars(rows))


def list_for_departments(department_ids: Iterable[int]) -> list[CannedResponse]:
    """The responses of some departments, by title."""
    rows = select(CannedResponse).where(CannedResponse.department_id.in_(set(department_ids)))
    return list(session.scalars(rows.order_by(CannedResponse.title, CannedResponse.id)))


def create(
    principal: Principal, department_id: int, *, title: str, content: str, now: datetime
) -> CannedResponse:
    """Add a response to a department. Raises Invalid, also at the department's limit; NotFound."""
    principal.require(Permission.CONVERSATIONS_REPLY, department_id=department_id)
    title, content = _validated(department_id, title, content, except_id=None)
    if len(list_for_departments([department_id])) >= _MAX_PER_DEPARTMENT:
        raise Invalid(field="title", problem=f"每个单位最多 {_MAX_PER_DEPARTMENT} 条常用语")
    response = CannedResponse(
        department_id=department_id, title=title, content=content, created_at=now
    )
    session.add(response)
    session.flush()  # the audit row needs the id
    _audit(CannedResponseAction.CREATE, response, before=None)
    return response


def update(
    principal: Principal, response_id: int, *, title: str, content: str, version: int
) -> CannedResponse:
    """Change a response that the form saw at `version`. Raises Invalid, Stale, NotFound."""
    access_response(principal, response_id, Permission.CONVERSATIONS_REPLY)
    response = get_for_update(CannedResponse, response_id)
    title, content = _validated(response.department_id, title, content, except_id=response_id)
    check_version(response, version, "这条常用语", id=response_id)
    before = {"title": response.title, "content": response.content}
    response.title, response.content = title, content
    session.flush()
    _audit(CannedResponseAction.UPDATE, response, before=before)
    return response


def delete_response(principal: Principal, response_id: int) -> None:
    """Delete a response. Raises NotFound."""
    response = access_response(principal, response_id, Permission.CONVERSATIONS_REPLY)
    _audit(
        CannedResponseAction.DELETE,
        response,
        before={"title": response.title, "content": response.content},
    )
    session.execute(delete(CannedResponse).where(CannedResponse.id == response_id))


def _validated(
    department_id: int, title: str, content: str, *, except_id: int | None
) -> tuple[str, str]:
    """Title and content without surrounding space. Raises Invalid."""
    title, content = title.strip(), content.strip()
    if not 1 <= len(title) <= _MAX_TITLE_LENGTH:
        raise Invalid(field="title", problem=f"请填写，最长 {_MAX_TITLE_LENGTH} 个字")
    if not 1 <= len(content) <= _MAX_CONTENT_LENGTH:
        raise Invalid(field="content", problem=f"请填写，最长 {_MAX_CONTENT_LENGTH} 个字")
    same_title = select(CannedResponse.id).where(
        CannedResponse.department_id == department_id, CannedResponse.title == title
    )
    if session.scalar(same_title) not in (None, except_id):
        raise Invalid(field="title", problem="本单位已有同名的常用语")
    return title, content


def _audit(
    action: CannedResponseAction, response: CannedResponse, *, before: dict[str, str] | None
) -> None:
    is_deleted = action is CannedResponseAction.DELETE
    audit.record(
        action,
        owner=response,
        object_id=response.id,
        label=response.title,
        before=before,
        after=None if is_deleted else {"title": response.title, "content": response.content},
    )
