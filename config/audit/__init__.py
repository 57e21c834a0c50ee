"""Audit log: who changed what, written in the transaction of the change.

    record(NounAction.VERB, owner=…) ──> AuditEntry ── ten minutes later ──> hash_chain.Seal
                                              └── search, diff, exports: with Chinese labels

Rows are never changed or deleted: a trigger of the database refuses both. The names of actor and
object are copied, so that a row can be read after its object is gone. Callers pass `before` and
`after` without secrets.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import clock, logs
from config.audit.actions import AuditAction, ObjectKind
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
_HAS_NO_ACCOUNT = text("account_id IS NULL")


class OfDepartment(Protocol):
    """A thing of a department; None is the whole city."""

    @property
    def department_id(self) -> int | None:
        """The department's id."""


class OfAccount(Protocol):
    """A thing of an account; None when it belongs to a department or to the city."""

    @property
    def account_id(self) -> int | None:
        """The account's id."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose thing something is, where no object is left that could tell."""

    department_id: int | None = None
    account_id: int | None = None


CITY = Owner()


class AuditEntry(Base):
    """One change, with the names of that time.

    `before` and `after` hold the fields that matter as plain JSON. `account_id` decides who may
    read the row, and `department_id` where there is no account; without both it is the city's.
    """

    __tablename__ = "audit"
    __table_args__ = (
        # one for each filter of the search; `at` and `id` give its order without sorting
        Index("ix_audit_time", "at", "id"),
        Index("ix_audit_by_action", "action", "at", "id"),
        Index("ix_audit_by_actor", "actor_id", "at", "id"),
        Index("ix_audit_by_object", "object_kind", "object_id", "at", "id"),
        Index("ix_audit_by_kind", "object_kind", "at", "id"),
        # only the rows that the department decides about: with those of its accounts inside, a
        # search would have to read over them
        Index(
            "ix_audit_by_department",
            "department_id",
            "at",
            "id",
            sqlite_where=_HAS_NO_ACCOUNT,
            postgresql_where=_HAS_NO_ACCOUNT,
        ),
        Index("ix_audit_by_account", "account_id", "at", "id"),
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
    account_id: Mapped[int | None]
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
    action: AuditAction,
    *,
    owner: OfDepartment | OfAccount,
    object_id: object,
    label: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Add an entry to the running transaction.

    `owner` is the thing itself, or CITY for what belongs to nobody in particular: its account and
    department decide which auditors see the row. It has no default, since a forgotten owner would
    hide the row from them. `before` and `after` are plain JSON without secrets, `label` is the
    object's present name.
    """
    actor = _actor.get()
    entry = AuditEntry(
        at=clock.now(),
        action=action.value,
        actor_id=actor.staff_id,
        actor_label=actor.label,
        address=actor.address,
        # a job carries the id of the request that enqueued it, so the trail leads back to a click
        request_id=actor.request_id or logs.request_id(),
        object_kind=action.kind.name,
        object_id=str(object_id),
        # a copy: the object may be renamed or deleted, and the row
        # must still say what it was called
        object_label=label,
        department_id=getattr(owner, "department_id", None),
        account_id=getattr(owner, "account_id", None),
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        reason=reason,
    )
    session.add(entry)
    return entry


def find_latest(kind: ObjectKind, object_id: object) -> AuditEntry | None:
    """The last entry about an object, or None."""
    rows = select(AuditEntry).where(
        AuditEntry.object_kind == kind.name, AuditEntry.object_id == str(object_id)
    )
    return session.scalars(
        rows.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(1)
    ).one_or_none()
