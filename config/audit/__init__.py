"""Audit: who changed what, written in the transaction of the change.

    record("noun.verb", …) ──> Entry ── sealed a while later ──> seals
                                 └── search, reading, exporting: in the words of `words`

Rows are never changed or removed, however old: a trigger refuses. Labels are copied, so a row
can be read after its object is gone. Secrets never get in: callers pass what may be shown. Each
action and each kind has its Chinese name in `words`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, mapped_column

from config import clock, logs
from config.database import Base, BigKey, session


@dataclass(frozen=True)
class Actor:
    """Who acts: a staff member by id, or a part of the system by label."""

    label: str
    staff_id: int | None = None
    address: str = ""
    request_id: str = ""


SYSTEM = Actor("system")
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


class AuditEntry(Base):
    """One change, as it was said at the time."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_time", "at", "id"),
        Index("ix_audit_by_action", "action", "at", "id"),
        Index("ix_audit_by_actor", "actor_id", "at", "id"),
        Index("ix_audit_by_object", "object_kind", "object_id", "at", "id"),
        Index("ix_audit_by_kind", "object_kind", "at", "id"),
        Index("ix_audit_by_department", "department_id", "at", "id"),
        Index("ix_audit_by_request", "request_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str]
    actor_id: Mapped[int | None]
    actor_label: Mapped[str]
    address: Mapped[str]
    request_id: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    object_label: Mapped[str]
    department_id: Mapped[int | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str]


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Everything inside is done by this actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def record(
    action: str,
    *,
    kind: str,
    object_id: object,
    label: str = "",
    department_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write down one change. `action` is `noun.verb`; `before` and `after` are plain JSON.

    `action` and `kind` are written out where they are recorded and stand in `words`.
    """
    actor = _actor.get()
    entry = AuditEntry(
        at=clock.now(),
        action=action,
        actor_id=actor.staff_id,
        actor_label=actor.label,
        address=actor.address,
        request_id=actor.request_id or logs.request_id(),
        object_kind=kind,
        object_id=str(object_id),
        object_label=label,
        department_id=department_id,
        before=before,
        after=after,
        reason=reason,
    )
    session.add(entry)
    return entry


def find_latest(kind: str, object_id: object) -> AuditEntry | None:
    """The last change to an object."""
    rows = select(AuditEntry).where(
        AuditEntry.object_kind == kind, AuditEntry.object_id == str(object_id)
    )
    return session.scalars(
        rows.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(1)
    ).one_or_none()
