"""Alerts: problems that a staff member must look at.

    raise_alert(kind, subject) ──> Alert (open) ── resolve, with a note ──> Alert (resolved)
                                        └── resolve_automatically, when the problem ended

There is one open alert for each kind and subject; raising it again adds to its count. An alert
belongs to an account, to a department, or to neither. One that belongs to neither is visible only
to staff whose permission holds for the whole city.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, logs
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, BigKey, compare_and_set, session, upsert
from config.errors import DomainError, Invalid, NotFound
from config.labelled_enum import LabelledEnum
from config.permissions import Permission, Principal

_log = logs.get_logger(__name__)
_IS_OPEN = text("resolved_at IS NULL")
# Agents see the alerts of their conversations (an emergency, for example) without being allowed to
# resolve other ones.
_READ_PERMISSIONS = (Permission.ALERTS_RESOLVE, Permission.CONVERSATIONS_READ)
# The page shows all open alerts at once. More than this at a time has one common cause, and the
# rest appears as the first ones are resolved.
_MAX_OPEN = 200
_MAX_NOTE_LENGTH = 500

PAGE_SIZE = 30


class AlertAction(AuditAction, kind=ObjectKind("alert", "提醒")):
    """What is recorded about alerts."""

    RESOLVE = "alert.resolve", "处理提醒"


class AlertKind(LabelledEnum):
    """Base of the enums in which each noun declares its alerts, `noun.problem` and a label."""


class AlertAlreadyResolved(DomainError):
    """Another staff member resolved the alert in the meantime."""

    text = "这条告警已由{by}处理。"


class Alert(Base):
    """One problem: what it is, since when, and how often it was noticed.

    `kind` is `noun.problem`, `subject` the id of what the problem is about, `message` a Chinese
    sentence for staff, `details` plain JSON for the page. `resolved_by` is a copy of the staff
    member's name, or "system".
    """

    __tablename__ = "alerts"
    # Partial, because resolved alerts of the same kind and subject stay as history.
    __table_args__ = (
        Index(
            "uq_alerts_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    message: Mapped[str]
    details: Mapped[dict[str, Any]]
    # copies of the ids and no foreign keys: `config` knows neither departments nor accounts
    department_id: Mapped[int | None] = mapped_column(index=True)
    account_id: Mapped[int | None]
    urgent: Mapped[bool]
    raised_at: Mapped[datetime]
    last_raised_at: Mapped[datetime]
    count: Mapped[int]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    note: Mapped[str]


@dataclass(frozen=True)
class AlertPage:
    """A page of resolved alerts. `before` is the argument for the next page, None on the last."""

    alerts: tuple[Alert, ...]
    before: int | None


def raise_alert(
    kind: AlertKind,
    subject: object,
    message: str,
    *,
    now: datetime,
    department_id: int | None = None,
    account_id: int | None = None,
    urgent: bool = False,
    **details: Any,
) -> None:
    """Open an alert, or add to the count of the open one of this kind and subject.

    `kind` is `noun.problem`, `subject` the id of what the problem is about, `message` one Chinese
    sentence for staff. A repeat replaces message and details; owner and urgency stay as they were.
    """
    # One upsert instead of a look before an insert: several workers may notice the same problem at
    # the same moment.
    statement = upsert(Alert).values(
        kind=kind.value,
        subject=str(subject),
        message=message,
        details=details,
        department_id=department_id,
        account_id=account_id,
        urgent=urgent,
        note="",
        raised_at=now,
        last_raised_at=now,
        count=1,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Alert.kind, Alert.subject],
            index_where=_IS_OPEN,
            set_={
                "count": Alert.count + 1,
                "last_raised_at": now,
                "message": message,
                "details": statement.excluded.details,
            },
        )
    )
    # error and not info: whoever watches only the log must see it as well
    _log.error("alert", kind=kind, subject=str(subject))


def mark_resolved(alert_id: int, *, by: str, now: datetime, note: str = "") -> bool:
    """Resolve an open alert; False when it was resolved already."""
    updated = compare_and_set(
        Alert,
        alert_id,
        when={"resolved_at": None},
        to={"resolved_at": now, "resolved_by": by, "note": note},
    )
    return updated is not None


def resolve_automatically(kind: AlertKind, subject: object, *, now: datetime) -> bool:
    """Resolve the open alert of a problem that ended by itself; False when there is none."""
    resolved = session.scalars(
        update(Alert)
        .where(Alert.kind == kind.value, Alert.subject == str(subject), Alert.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by="system")
        .returning(Alert.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return resolved is not None


def list_open_messages(kinds: Iterable[AlertKind], *, limit: int = 20) -> Sequence[str]:
    """The messages of the open alerts of these kinds, oldest first."""
    messages = select(Alert.message).where(
        Alert.kind.in_([kind.value for kind in kinds]), Alert.resolved_at.is_(None)
    )
    return session.scalars(messages.order_by(Alert.id).limit(limit)).all()


# ---- for staff ----


def access_alert(member: Principal, alert_id: int, permission: Permission) -> Alert:
    """The alert of this id. Raises NotFound also where the member lacks the permission."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(kind="alert", id=alert_id)
    member.require(permission, department_id=alert.department_id, account_id=alert.account_id)
    return alert


def list_open_for_staff(member: Principal, *, limit: int = _MAX_OPEN) -> list[Alert]:
    """The open alerts that a member may see: urgent ones first, then the last raised."""
    rows = select(Alert).where(Alert.resolved_at.is_(None), _readable_by(member))
    # by the last time it was raised: a problem that goes on stands above one that was noticed once
    newest = rows.order_by(Alert.urgent.desc(), Alert.last_raised_at.desc(), Alert.id.desc())
    return list(session.scalars(newest.limit(limit)))


def list_resolved_for_staff(member: Principal, *, before: int | None = None) -> AlertPage:
    """A page of the resolved alerts that a member may see, newest first.

    `before` is the `before` of the previous page.
    """
    rows = select(Alert).where(Alert.resolved_at.is_not(None), _readable_by(member))
    if before is not None:
        rows = rows.where(Alert.id < before)
    # one row more than shown tells whether there is another page, without a count
    page_rows = list(session.scalars(rows.order_by(Alert.id.desc()).limit(PAGE_SIZE + 1)))
    return AlertPage(
        tuple(page_rows[:PAGE_SIZE]),
        page_rows[PAGE_SIZE - 1].id if len(page_rows) > PAGE_SIZE else None,
    )


def resolve(member: Principal, alert_id: int, *, note: str, now: datetime) -> None:
    """Resolve an alert with a note of 2 to 500 characters on what was done.

    Raises Invalid, AlertAlreadyResolved, NotFound.
    """
    alert = access_alert(member, alert_id, Permission.ALERTS_RESOLVE)
    note = note.strip()
    if not 2 <= len(note) <= _MAX_NOTE_LENGTH:
        raise Invalid(field="note", problem=f"请写明处理情况，2 到 {_MAX_NOTE_LENGTH} 个字")
    if not mark_resolved(alert_id, by=member.name, now=now, note=note):
        session.refresh(alert)  # the row in memory does not know yet who was first
        raise AlertAlreadyResolved(by=alert.resolved_by)
    audit.record(
        AlertAction.RESOLVE,
        owner=alert,
        object_id=alert_id,
        label=alert.message,
        reason=note,
    )


def _readable_by(member: Principal) -> ColumnElement[bool]:
    return or_(
        *(
            member.scope(permission).sql_filter(
                department=Alert.department_id, account=Alert.account_id
            )
            for permission in _READ_PERMISSIONS
        )
    )
