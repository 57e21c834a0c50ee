"""Audit log: who changed what, written in the transaction of the change.

    record("noun.verb", …) ──> AuditEntry ── ten minutes later ──> hash_chain.Seal
                                   └── search, diff, exports: with the Chinese names of `labels`

Rows are never changed or deleted: a trigger of the database refuses both. The names of actor and
object are copied, so that a row can be read after its object is gone. Callers pass `before` and
`after` without secrets. Each action and each kind has its Chinese name in `labels`.
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
    """Who acts: a staff member (`staff_id` and the name as label), or a part of the system.

    `address` is the IP address of the request.
    """

    label: str
    staff_id: int | None = None
    address: str = ""
    request_id: str = ""


SYSTEM = Actor("system")
# Set once by the request, command or job, so that no function below has to pass the actor on and
# none can name a wrong one.
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


class AuditEntry(Base):
    """One change, with the names of that time.

    `before` and `after` hold the fields that matter as plain JSON; `department_id` decides who may
    read the row.
    """

    __tablename__ = "audit"
    __table_args__ = (
        # one for each filter of the search; `at` and `id` give its order without sorting
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
    """Record this actor for every change inside the block."""
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
    """Add an entry to the running transaction.

    `action` is `noun.verb`, `before` and `after` are plain JSON without secrets, `label` is the
    object's present name. `action` and `kind` are literals at the call, with a name in `labels`; a
    test finds those that have none.
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
    """The last entry about an object, or None."""
    rows = select(AuditEntry).where(
        AuditEntry.object_kind == kind, AuditEntry.object_id == str(object_id)
    )
    return session.scalars(
        rows.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(1)
    ).one_or_none()
