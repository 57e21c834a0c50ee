"""Alerts: problems that a staff member must look at.

    raise_alert(kind, subject) ──> OPEN ── take ──> TAKEN ── resolve, with a note ──> RESOLVED
                                    └── notify_at: people are told, again and again (`due`)

There is one unresolved alert for each kind and subject; raising it again adds to its count. Taking
one ends the notifications, but not for long: what is raised again later is OPEN anew, because who
took it may have gone home. An alert belongs to an account, to a department, or to neither; one that
belongs to neither is visible only to staff whose permission holds for the whole city.

    due       which alerts people have to be told of now
    listing   the alerts of a staff member, filtered and in pages
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    case,
    delete,
    event,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import audit, logs
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, BigKey, compare_and_set, session, upsert
from config.errors import DomainError, Invalid, NotFound
from config.labelled_enum import LabelledEnum
from config.permissions import Permission, Principal

_log = logs.get_logger(__name__)
_IS_UNRESOLVED = text("resolved_at IS NULL")
_IS_DUE = text("notify_at IS NOT NULL")
# Agents see the alerts of their conversations (an emergency, for example) without being allowed to
# resolve other ones.
READ_PERMISSIONS = (Permission.ALERTS_RESOLVE, Permission.CONVERSATIONS_READ)
# For this long whoever took an alert is believed to be at it. A citizen in danger who writes again
# after that must not wait for somebody who forgot to resolve the alert.
TAKEN_FOR = timedelta(minutes=15)
MIN_NOTE_LENGTH, MAX_NOTE_LENGTH = 2, 500
_LOGGED = "raised_alerts"


class AlertAction(AuditAction, kind=ObjectKind("alert", "提醒")):
    """What is recorded about alerts."""

    TAKE = "alert.take", "接手提醒"
    RELEASE = "alert.release", "放回提醒"
    RESOLVE = "alert.resolve", "处理提醒"


class AlertKind(LabelledEnum):
    """Base of the enums in which each noun declares its alerts, `noun.problem` and a label."""


class AlertState(StrEnum):
    """Whether somebody must look (OPEN), is looking (TAKEN), or it is over (RESOLVED)."""

    OPEN = "open"
    TAKEN = "taken"
    RESOLVED = "resolved"


class Resolution(LabelledEnum):
    """What a resolved alert turned out to be."""

    HANDLED = "handled", "已处理"
    FALSE_ALARM = "false_alarm", "误报"
    FORWARDED = "forwarded", "已转交"
    ENDED = "ended", "已自行恢复"


class AlertAlreadyResolved(DomainError):
    """Another staff member resolved the alert in the meantime."""

    text = "这条提醒已由{by}处理。"


class AlertAlreadyTaken(DomainError):
    """Another staff member has taken the alert in the meantime."""

    text = "这条提醒已由{by}接手。"


class Alert(Base):
    """One problem: what it is, since when, and how often it was noticed.

    `kind` is `noun.problem`, `subject` the id of what the problem is about, `object_id` the row
    that its page shows, `message` a Chinese sentence for staff, `details` plain JSON for the page.
    `opened_at` is since when nobody is at it: raised, given back, or raised again after
    `TAKEN_FOR`. `notify_at` is when people are to be told (again), None when nobody is.
    `taken_by` and `resolved_by` are copies of names, the latter may be "system".
    """

    __tablename__ = "alerts"
    # Partial, because resolved alerts of the same kind and subject stay as history.
    __table_args__ = (
        Index(
            "uq_alerts_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_IS_UNRESOLVED,
            postgresql_where=_IS_UNRESOLVED,
        ),
        Index("ix_alerts_notify_at", "notify_at", sqlite_where=_IS_DUE, postgresql_where=_IS_DUE),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    object_id: Mapped[int | None] = mapped_column(BigInteger)
    message: Mapped[str]
    details: Mapped[dict[str, Any]]
    # copies of the ids and no foreign keys: `config` knows neither departments nor accounts
    department_id: Mapped[int | None] = mapped_column(index=True)
    account_id: Mapped[int | None]
    urgent: Mapped[bool]
    raised_at: Mapped[datetime]
    last_raised_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    notify_at: Mapped[datetime | None]
    count: Mapped[int]
    taken_at: Mapped[datetime | None]
    taken_by: Mapped[str | None]
    taken_by_id: Mapped[int | None]
    resolved_at: Mapped[datetime | None] = mapped_column(index=True)
    resolved_by: Mapped[str | None]
    resolution: Mapped[Resolution | None]
    note: Mapped[str]

    @property
    def state(self) -> AlertState:
        """Whether somebody must look, is looking, or it is over."""
        if self.resolved_at is not None:
            return AlertState.RESOLVED
        return AlertState.OPEN if self.taken_at is None else AlertState.TAKEN


def raise_alert(
    kind: AlertKind,
    subject: object,
    message: str,
    *,
    now: datetime,
    department_id: int | None = None,
    account_id: int | None = None,
    urgent: bool = False,
    object_id: int | None = None,
    **details: Any,
) -> None:
    """Open an alert, or add to the count of the unresolved one of this kind and subject.

    `kind` is `noun.problem`, `subject` the id of what the problem is about, `message` one Chinese
    sentence for staff, `object_id` the row its page shows. A repeat replaces message, details and
    `object_id`; the owner stays, and an alert that was urgent once stays so.
    """
    # One upsert instead of a look before an insert: several workers may notice the same problem at
    # the same moment.
    statement = upsert(Alert).values(
        kind=kind.value,
        subject=str(subject),
        object_id=object_id,
        message=message,
        details=details,
        department_id=department_id,
        account_id=account_id,
        urgent=urgent,
        note="",
        raised_at=now,
        last_raised_at=now,
        opened_at=now,
        notify_at=now,
        count=1,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Alert.kind, Alert.subject],
            index_where=_IS_UNRESOLVED,
            set_=_repeated(statement.excluded) | _reopened(now),
        )
    )
    session.info.setdefault(_LOGGED, []).append((kind.value, str(subject), urgent))


def _repeated(new: Any) -> dict[str, Any]:
    """What a repeat changes of the alert that is there; `new` are the values that collided."""
    replaced = ("last_raised_at", "message", "details", "object_id")
    return {name: new[name] for name in replaced} | {
        "count": Alert.count + 1,
        "urgent": or_(Alert.urgent, new.urgent),
    }


def _reopened(now: datetime) -> dict[str, Any]:
    """What a repeat does to an alert that somebody has taken: within `TAKEN_FOR`, nothing."""
    is_held = Alert.taken_at > now - TAKEN_FOR
    is_waiting = or_(Alert.taken_at.is_(None), is_held)
    columns = (Alert.taken_at, Alert.taken_by, Alert.taken_by_id)
    return {column.key: case((is_held, column), else_=null()) for column in columns} | {
        "opened_at": case((is_waiting, Alert.opened_at), else_=now),
        # of an alert that waits already, at once as well: what is due is computed anew
        "notify_at": case((is_held, null()), else_=now),
    }


@event.listens_for(Session, "after_commit")
def _log_raised(current: Session) -> None:
    # Only now, because a transaction that is rolled back has raised nothing; and only of the
    # outermost commit, as in config/jobs.py.
    if not current.in_nested_transaction():
        for kind, subject, urgent in current.info.pop(_LOGGED, ()):
            # error and not info: whoever watches only the log must see it as well
            _log.error("alert.raised", kind=kind, subject=subject, urgent=urgent)


@event.listens_for(Session, "after_soft_rollback")
def _forget_rolled_back(current: Session, previous: Any) -> None:
    if not current.in_nested_transaction():
        current.info.pop(_LOGGED, None)


def mark_resolved(
    alert_id: int,
    *,
    by: str,
    now: datetime,
    note: str = "",
    resolution: Resolution = Resolution.HANDLED,
) -> bool:
    """Resolve an alert; False when it was resolved already."""
    updated = compare_and_set(
        Alert,
        alert_id,
        when={"resolved_at": None},
        to={
            "resolved_at": now,
            "resolved_by": by,
            "resolution": resolution,
            "note": note,
            "notify_at": None,
        },
    )
    return updated is not None


def resolve_automatically(kind: AlertKind, subject: object, *, now: datetime) -> bool:
    """Resolve the alert of a problem that ended by itself; False when there is none."""
    resolved = session.scalars(
        update(Alert)
        .where(Alert.kind == kind.value, Alert.subject == str(subject), Alert.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by="system", resolution=Resolution.ENDED, notify_at=None)
        .returning(Alert.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return resolved is not None


def list_open_messages(kinds: Iterable[AlertKind], *, limit: int = 20) -> Sequence[str]:
    """The messages of the unresolved alerts of these kinds, oldest first."""
    messages = select(Alert.message).where(
        Alert.kind.in_([kind.value for kind in kinds]), Alert.resolved_at.is_(None)
    )
    return session.scalars(messages.order_by(Alert.id).limit(limit)).all()


# ---- for staff ----


def may_read(member: Principal, alert: Alert) -> bool:
    """Whether a member sees this alert."""
    owner = {"department_id": alert.department_id, "account_id": alert.account_id}
    return any(member.may(permission, **owner) for permission in READ_PERMISSIONS)


def readable_by(member: Principal) -> ColumnElement[bool]:
    """The condition under which `may_read` is true for a row."""
    return or_(
        *(
            member.scope(permission).sql_filter(
                department=Alert.department_id, account=Alert.account_id
            )
            for permission in READ_PERMISSIONS
        )
    )


def access_alert(member: Principal, alert_id: int, permission: Permission | None = None) -> Alert:
    """The alert of this id, for who has the permission there or, by default, may read it.

    Raises NotFound.
    """
    alert = session.get(Alert, alert_id)
    if alert is None or (permission is None and not may_read(member, alert)):
        raise NotFound(kind="alert", id=alert_id)
    if permission is not None:
        member.require(permission, department_id=alert.department_id, account_id=alert.account_id)
    return alert


def take(member: Principal, alert_id: int, *, now: datetime) -> None:
    """Say that the member looks after the alert: nobody is told of it any more.

    Raises AlertAlreadyTaken, AlertAlreadyResolved, NotFound.
    """
    alert = access_alert(member, alert_id, Permission.ALERTS_RESOLVE)
    taken = {"taken_at": now, "taken_by": member.name, "taken_by_id": member.staff_id}
    updated = compare_and_set(
        Alert,
        alert_id,
        when={"taken_at": None, "resolved_at": None},
        to=taken | {"notify_at": None},
    )
    if updated is None:
        _raise_too_late(alert)
    audit.record(AlertAction.TAKE, owner=alert, object_id=alert_id, label=alert.message)


def release(member: Principal, alert_id: int, *, now: datetime) -> None:
    """Give back an alert that the member has taken: people are told of it again.

    Raises AlertAlreadyTaken when somebody else has it, AlertAlreadyResolved, NotFound.
    """
    alert = access_alert(member, alert_id, Permission.ALERTS_RESOLVE)
    updated = compare_and_set(
        Alert,
        alert_id,
        when={"taken_by_id": member.staff_id, "resolved_at": None},
        to={
            "taken_at": None,
            "taken_by": None,
            "taken_by_id": None,
            "opened_at": now,
            "notify_at": now,
        },
    )
    if updated is None:
        _raise_too_late(alert)
    audit.record(AlertAction.RELEASE, owner=alert, object_id=alert_id, label=alert.message)


def resolve(
    member: Principal,
    alert_id: int,
    *,
    note: str,
    resolution: Resolution = Resolution.HANDLED,
    now: datetime,
) -> None:
    """Resolve an alert with a note of 2 to 500 characters on what was done.

    Raises Invalid, AlertAlreadyResolved, NotFound.
    """
    alert = access_alert(member, alert_id, Permission.ALERTS_RESOLVE)
    note = note.strip()
    if not MIN_NOTE_LENGTH <= len(note) <= MAX_NOTE_LENGTH:
        problem = f"请写明处理情况，{MIN_NOTE_LENGTH} 到 {MAX_NOTE_LENGTH} 个字"
        raise Invalid(field="note", problem=problem)
    if not mark_resolved(alert_id, by=member.name, now=now, note=note, resolution=resolution):
        _raise_too_late(alert)
    audit.record(
        AlertAction.RESOLVE,
        owner=alert,
        object_id=alert_id,
        label=alert.message,
        after={"result": resolution.label},
        reason=note,
    )


def _raise_too_late(alert: Alert) -> None:
    session.refresh(alert)  # the row in memory does not know yet who was first
    if alert.resolved_at is not None:
        raise AlertAlreadyResolved(
            by="系统" if alert.resolved_by == "system" else alert.resolved_by
        )
    raise AlertAlreadyTaken(by=alert.taken_by or "其他人")


def delete_resolved_before(before: datetime, *, at_most: int) -> int:
    """Delete alerts that were resolved before an instant, with what hangs on them; how many.

    They quote what citizens wrote, and are kept no longer than that.
    """
    chosen = select(Alert.id).where(Alert.resolved_at < before).order_by(Alert.id).limit(at_most)
    removed = delete(Alert).where(Alert.id.in_(chosen)).returning(Alert.id)
    return len(session.scalars(removed).all())
