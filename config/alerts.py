"""Alarms: what a person must look at.

    raise_alarm(kind, subject) ──> Alarm (open) ── close, with a note ──> Alarm (closed)

One open alarm for each kind and subject; a repeat counts up instead of crying again. An alarm
belongs to an account, to a department, or to nobody, and then only those see it who see all.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, logs
from config.database import Base, BigKey, compare_and_set, session, upsert
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal

_log = logs.get_logger(__name__)
_IS_OPEN = text("resolved_at IS NULL")
_READ_PERMISSIONS = (Permission.ALERTS_RESOLVE, Permission.CONVERSATIONS_READ)
_MAX_OPEN = 200
_MAX_NOTE_LENGTH = 500

PAGE_SIZE = 30


class AlertAlreadyResolved(DomainError):
    """Somebody was first."""

    text = "这条告警已由{by}处理。"


class Alert(Base):
    """One thing that is wrong, since when, and how often it was noticed."""

    __tablename__ = "alerts"
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
    """Some closed alarms; `before` leads to older ones, None when there are none."""

    alerts: tuple[Alert, ...]
    before: int | None


def raise_alert(
    kind: str,
    subject: object,
    message: str,
    *,
    now: datetime,
    department_id: int | None = None,
    account_id: int | None = None,
    urgent: bool = False,
    **details: Any,
) -> None:
    """Open an alarm, or count up the one that is open.

    `kind` is `noun.trouble`, `subject` the id of what it is about, `message` one Chinese
    sentence for staff. Urgent ones stand first.
    """
    statement = upsert(Alert).values(
        kind=kind,
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
                "details": statement.excluded.facts,
            },
        )
    )
    _log.error("alert", kind=kind, subject=str(subject))


def mark_resolved(alert_id: int, *, by: str, now: datetime, note: str = "") -> bool:
    """Close an open alarm; False when it was closed already."""
    updated = compare_and_set(
        Alert,
        alert_id,
        when={"resolved_at": None},
        to={"resolved_at": now, "resolved_by": by, "note": note},
    )
    return updated is not None


def resolve_automatically(kind: str, subject: object, *, now: datetime) -> bool:
    """Close the open alarm of a trouble that ended by itself; False when there is none."""
    resolved = session.scalars(
        update(Alert)
        .where(Alert.kind == kind, Alert.subject == str(subject), Alert.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by="system")
        .returning(Alert.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return resolved is not None


# ---- for staff ----


def access_alert(member: Principal, alert_id: int, permission: Permission) -> Alert:
    """The alarm of this id, inside the member's area. Raises NotFound."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(kind="alert", id=alert_id)
    member.require(permission, department_id=alert.department_id, account_id=alert.account_id)
    return alert


def list_open_for_staff(member: Principal, *, limit: int = _MAX_OPEN) -> list[Alert]:
    """The open alarms that a member may see: urgent ones first, then the latest."""
    rows = select(Alert).where(Alert.resolved_at.is_(None), _readable_by(member))
    newest = rows.order_by(Alert.urgent.desc(), Alert.last_raised_at.desc(), Alert.id.desc())
    return list(session.scalars(newest.limit(limit)))


def list_resolved_for_staff(member: Principal, *, before: int | None = None) -> AlertPage:
    """A page of the closed alarms that a member may see, the newest first."""
    rows = select(Alert).where(Alert.resolved_at.is_not(None), _readable_by(member))
    if before is not None:
        rows = rows.where(Alert.id < before)
    page_rows = list(session.scalars(rows.order_by(Alert.id.desc()).limit(PAGE_SIZE + 1)))
    return AlertPage(
        tuple(page_rows[:PAGE_SIZE]),
        page_rows[PAGE_SIZE - 1].id if len(page_rows) > PAGE_SIZE else None,
    )


def resolve(member: Principal, alert_id: int, *, note: str, now: datetime) -> None:
    """Close an alarm and say what was done. Raises Invalid, AlarmClosed, NotFound."""
    alert = access_alert(member, alert_id, Permission.ALERTS_RESOLVE)
    note = note.strip()
    if not 2 <= len(note) <= _MAX_NOTE_LENGTH:
        raise Invalid(field="note", problem=f"请写明处理情况，2 到 {_MAX_NOTE_LENGTH} 个字")
    if not mark_resolved(alert_id, by=member.name, now=now, note=note):
        session.refresh(alert)
        raise AlertAlreadyResolved(by=alert.resolved_by)
    audit.record(
        "alert.resolve",
        kind="alert",
        object_id=alert_id,
        label=alert.message,
        department_id=alert.department_id,
        reason=note,
    )


def _readable_by(member: Principal) -> ColumnElement[bool]:
    return or_(
        *(
            member.scope(right).sql_filter(department=Alert.department_id, account=Alert.account_id)
            for right in _READ_PERMISSIONS
        )
    )
