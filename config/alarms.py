"""Alarms: what a person must look at.

    raise_alarm(kind, subject) ──> Alarm (open) ── acknowledge ──> Alarm (closed)

One open alarm for each kind and subject; a repeat counts up instead of crying again.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text, update
from sqlalchemy.orm import Mapped, mapped_column

from config import logs
from config.database import Base, BigKey, change, session, upsert

_log = logs.get(__name__)
_OPEN = text("closed_at IS NULL")


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
    raised_at: Mapped[datetime]
    last_at: Mapped[datetime]
    count: Mapped[int]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]


def raise_alarm(
    kind: str,
    subject: object,
    message: str,
    *,
    now: datetime,
    department_id: int | None = None,
    **facts: Any,
) -> None:
    """Open an alarm, or count up the one that is open.

    `kind` is `noun.trouble`, `subject` the id of what it is about, `message` one Chinese
    sentence for staff.
    """
    statement = upsert(Alarm).values(
        kind=kind,
        subject=str(subject),
        message=message,
        facts=facts,
        department_id=department_id,
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


def close(alarm_id: int, *, by: str, now: datetime) -> bool:
    """Close an open alarm; False when it was closed already."""
    moved = change(
        Alarm, alarm_id, when={"closed_at": None}, to={"closed_at": now, "closed_by": by}
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
