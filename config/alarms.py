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
from config.database import Base, BigKey, change, session, upsert
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right

_log = logs.get(__name__)
_OPEN = text("closed_at IS NULL")
_READERS = (Right.ALARMS_CLOSE, Right.TALKS_READ)
_MOST_OPEN = 200
_LONGEST_NOTE = 500

PAGE = 30


class AlarmClosed(DomainError):
    """Somebody was first."""

    text = "这条告警已由{by}处理。"


class Alarm(Base):
    """One thing that is wrong, since when, and how often it was noticed."""

    __tablename__ = "alarms"
    __table_args__ = (
        Index(
            "uq_alarms_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    message: Mapped[str]
    facts: Mapped[dict[str, Any]]
    department_id: Mapped[int | None] = mapped_column(index=True)
    account_id: Mapped[int | None]
    urgent: Mapped[bool]
    raised_at: Mapped[datetime]
    last_at: Mapped[datetime]
    count: Mapped[int]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    note: Mapped[str]


@dataclass(frozen=True)
class Page:
    """Some closed alarms; `before` leads to older ones, None when there are none."""

    alarms: tuple[Alarm, ...]
    before: int | None


def raise_alarm(
    kind: str,
    subject: object,
    message: str,
    *,
    now: datetime,
    department_id: int | None = None,
    account_id: int | None = None,
    urgent: bool = False,
    **facts: Any,
) -> None:
    """Open an alarm, or count up the one that is open.

    `kind` is `noun.trouble`, `subject` the id of what it is about, `message` one Chinese
    sentence for staff. Urgent ones stand first.
    """
    statement = upsert(Alarm).values(
        kind=kind,
        subject=str(subject),
        message=message,
        facts=facts,
        department_id=department_id,
        account_id=account_id,
        urgent=urgent,
        note="",
        raised_at=now,
        last_at=now,
        count=1,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Alarm.kind, Alarm.subject],
            index_where=_OPEN,
            set_={
                "count": Alarm.count + 1,
                "last_at": now,
                "message": message,
                "facts": statement.excluded.facts,
            },
        )
    )
    _log.error("alarm", kind=kind, subject=str(subject))


def close(alarm_id: int, *, by: str, now: datetime, note: str = "") -> bool:
    """Close an open alarm; False when it was closed already."""
    moved = change(
        Alarm,
        alarm_id,
        when={"closed_at": None},
        to={"closed_at": now, "closed_by": by, "note": note},
    )
    return moved is not None


def over(kind: str, subject: object, *, now: datetime) -> bool:
    """Close the open alarm of a trouble that ended by itself; False when there is none."""
    closed = session.scalars(
        update(Alarm)
        .where(Alarm.kind == kind, Alarm.subject == str(subject), Alarm.closed_at.is_(None))
        .values(closed_at=now, closed_by="system")
        .returning(Alarm.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return closed is not None


# ---- for staff ----


def access_alarm(member: Member, alarm_id: int, right: Right) -> Alarm:
    """The alarm of this id, inside the member's area. Raises NotFound."""
    alarm = session.get(Alarm, alarm_id)
    if alarm is None:
        raise NotFound(kind="alarm", id=alarm_id)
    member.require(right, department_id=alarm.department_id, account_id=alarm.account_id)
    return alarm


def open_for_staff(member: Member, *, at_most: int = _MOST_OPEN) -> list[Alarm]:
    """The open alarms that a member may see: urgent ones first, then the latest."""
    rows = select(Alarm).where(Alarm.closed_at.is_(None), _readable(member))
    newest = rows.order_by(Alarm.urgent.desc(), Alarm.last_at.desc(), Alarm.id.desc())
    return list(session.scalars(newest.limit(at_most)))


def closed_for_staff(member: Member, *, before: int | None = None) -> Page:
    """A page of the closed alarms that a member may see, the newest first."""
    rows = select(Alarm).where(Alarm.closed_at.is_not(None), _readable(member))
    if before is not None:
        rows = rows.where(Alarm.id < before)
    found = list(session.scalars(rows.order_by(Alarm.id.desc()).limit(PAGE + 1)))
    return Page(tuple(found[:PAGE]), found[PAGE - 1].id if len(found) > PAGE else None)


def settle(member: Member, alarm_id: int, *, note: str, now: datetime) -> None:
    """Close an alarm and say what was done. Raises Invalid, AlarmClosed, NotFound."""
    alarm = access_alarm(member, alarm_id, Right.ALARMS_CLOSE)
    note = note.strip()
    if not 2 <= len(note) <= _LONGEST_NOTE:
        raise Invalid(field="note", problem=f"请写明处理情况，2 到 {_LONGEST_NOTE} 个字")
    if not close(alarm_id, by=member.name, now=now, note=note):
        session.refresh(alarm)
        raise AlarmClosed(by=alarm.closed_by)
    audit.record(
        "alarm.close",
        kind="alarm",
        object_id=alarm_id,
        label=alarm.message,
        department_id=alarm.department_id,
        reason=note,
    )


def _readable(member: Member) -> ColumnElement[bool]:
    return or_(
        *(
            member.area(right).covers(department=Alarm.department_id, account=Alarm.account_id)
            for right in _READERS
        )
    )
