"""Audit: who changed what, written in the transaction of the change.

Rows are never changed or removed: a trigger refuses. Labels are copied, so a row can be read
after its object is gone. Secrets never get in: callers pass what may be shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
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


class Entry(Base):
    """One change, as it was said at the time."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    actor_id: Mapped[int | None] = mapped_column(index=True)
    actor_label: Mapped[str]
    address: Mapped[str]
    request_id: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    object_label: Mapped[str]
    department_id: Mapped[int | None] = mapped_column(index=True)
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str]


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
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
) -> Entry:
    """Write down one change. `action` is `noun.verb`; `before` and `after` are plain JSON."""
    actor = _actor.get()
    entry = Entry(
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


def newest(kind: str, object_id: object) -> Entry | None:
    """The last change to an object; quick for one that was changed a short while ago."""
    rows = select(Entry).where(Entry.object_kind == kind, Entry.object_id == str(object_id))
    return session.scalars(rows.order_by(Entry.id.desc()).limit(1)).one_or_none()
