"""The inbox: everything WeChat pushed, once, with the answer it got.

    push ──> record ──> new: answered now       push again ──> record ──> the stored answer

The unique key (account, openid, dedupe key) is the guard against retries, on any process, in
parallel or after a crash. The answer is stored in the statement that claims the message, so a
message is either unknown or answered; nothing lies between.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, BigKey, dialect, engine, session
from config.errors import NotFound
from matrix import followers
from matrix.followers import Follower
from matrix.inbox import fast_store

# the kind of the alarm that an emergency raises; its subject is the message's id here
EMERGENCY_ALERT = "inbox.emergency"


class Outcome(StrEnum):
    """What the hub did with a message."""

    RULE = "rule"
    EMERGENCY = "emergency"
    SUGGESTION = "suggestion"
    FALLBACK = "fallback"
    WELCOME = "welcome"
    SILENT = "silent"


class InboxMessage(Base):
    """One message or event of one follower."""

    __tablename__ = "inbox_messages"
    __table_args__ = (
        # finds a repeat, and all that one follower pushed; each further index costs every push
        UniqueConstraint("account_id", "openid", "dedupe_key"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    dedupe_key: Mapped[str]
    openid: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]
    content: Mapped[dict[str, Any] | None]
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    local_day: Mapped[date]
    outcome: Mapped[Outcome]
    rule_slug: Mapped[str | None]
    answer: Mapped[str]
    deliveries: Mapped[int]


@dataclass(frozen=True)
class NewInboxMessage:
    """What is to be recorded of one push. `answer` is the reply's XML, empty for `success`."""

    account_id: int
    dedupe_key: str
    openid: str
    kind: str
    text: str
    content: dict[str, Any] | None
    sent_at: datetime
    received_at: datetime
    local_day: date
    outcome: Outcome
    rule_slug: str | None
    answer: str


@dataclass(frozen=True)
class RecordResult:
    """The row's id, the answer that counts, and whether this push was the first."""

    id: int
    answer: str
    is_new: bool


def _record_statement(insert: Any) -> Any:
    # a repeat counts a delivery and gives the stored answer back, in the same statement
    names = [field.name for field in fields(NewInboxMessage)]
    return (
        insert(InboxMessage)
        .values({name: bindparam(name) for name in names} | {"deliveries": 1})
        .on_conflict_do_update(
            index_elements=[InboxMessage.account_id, InboxMessage.openid, InboxMessage.dedupe_key],
            set_={"deliveries": InboxMessage.deliveries + 1},
        )
        .returning(InboxMessage.id, InboxMessage.answer, InboxMessage.deliveries)
    )


def _receive_statement() -> Any:
    # the message and, if it is new, its sender, in one statement and one round trip
    recorded = _record_statement(postgresql.insert).cte("recorded")
    window = followers.message_statement(postgresql.insert, recorded).cte("window")
    return select(recorded.c.id, recorded.c.answer, recorded.c.deliveries).add_cte(window)


_RECORD_STATEMENTS = {
    "sqlite": _record_statement(sqlite.insert),
    "postgresql": _record_statement(postgresql.insert),
}
_RECORD_COMPILED = fast_store.CompiledStatement(_RECORD_STATEMENTS["sqlite"])
_WINDOW_COMPILED = fast_store.CompiledStatement(followers.message_statement(sqlite.insert, None))
_RECEIVE_COMPILED = fast_store.CompiledStatement(_receive_statement())


def record(message: NewInboxMessage) -> RecordResult:
    """Write a push down, or find that it was written before and give the answer of then.

    Part of the running transaction, for pushes that cause something else as well.
    """
    row = session.execute(_RECORD_STATEMENTS[dialect()], vars(message)).one()
    return RecordResult(row.id, row.answer, row.deliveries == 1)


def receive(message: NewInboxMessage) -> RecordResult:
    """Write a message down, and that its sender wrote, in a short transaction of its own.

    For the common message, which is answered from memory and causes nothing else.
    """
    on_postgresql = engine().dialect.name == "postgresql"
    return fast_store.execute_unit(
        vars(message), _receive_in_one if on_postgresql else _receive_in_two
    )


def _receive_in_one(execute: fast_store.Execute) -> RecordResult:
    key, answer, deliveries = execute(_RECEIVE_COMPILED)
    return RecordResult(key, answer, deliveries == 1)


def _receive_in_two(execute: fast_store.Execute) -> RecordResult:
    key, answer, deliveries = execute(_RECORD_COMPILED)
    if deliveries == 1:
        execute(_WINDOW_COMPILED)
    return RecordResult(key, answer, deliveries == 1)


def get_for_follower(follower: Follower, inbox_id: int) -> InboxMessage:
    """A push, if it is this follower's. Raises NotFound."""
    found = session.get(InboxMessage, inbox_id)
    owner = (follower.account_id, follower.openid)
    if found is None or (found.account_id, found.openid) != owner:
        raise NotFound(kind="message", id=inbox_id)
    return found


def delete_older_than(*, before: datetime, at_most: int) -> int:
    """Remove pushes older than an instant, the oldest first. Returns how many."""
    # ids grow with time, so the oldest are found without an index on the time
    oldest = (
        select(InboxMessage.id, InboxMessage.received_at)
        .order_by(InboxMessage.id)
        .limit(at_most)
        .subquery()
    )
    chosen = select(oldest.c.id).where(oldest.c.received_at < before)
    removed = delete(InboxMessage).where(InboxMessage.id.in_(chosen)).returning(InboxMessage.id)
    return len(session.scalars(removed).all())
