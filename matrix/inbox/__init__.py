"""Inbox: every push of WeChat, stored once, together with the reply it got.

WeChat sends a push again when it gets no answer within five seconds, up to three times in all
(wechat-platform.md 1.5). The unique key (account, openid, dedupe key) makes the second and
third delivery find the row of the first, in whatever process they arrive, and they get its stored
reply. Row and reply are written by one statement, so a message is either unknown or answered; there
is no state in between that a crash could leave behind.

`record` is part of the caller's transaction; `receive` is the fast path with a transaction of its
own (see `fast_store`).
"""

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from config.alerts import AlertKind
from config.database import Base, BigKey, dialect, engine, session
from config.errors import NotFound
from matrix import followers
from matrix.followers import Follower
from matrix.inbox import fast_store


class InboxAlert(AlertKind):
    """What staff must look at in the inbox."""

    # subject and `object_id` are the id of the follower, so that a conversation has one alert
    EMERGENCY = "inbox.emergency", "紧急求助"
    POSSIBLE_DANGER = "inbox.possible_danger", "可能的危险"


class Outcome(StrEnum):
    """What the hub did with a message: which part of the dialogue gave the reply.

    Only SUGGESTION and FALLBACK are questions that no rule answered. FOR_STAFF is what only a
    person can deal with (a voice message, a file, a wish for a person, an awaited reply),
    INFORMATION was answered from the data of departments and guides.
    """

    RULE = "rule"
    EMERGENCY = "emergency"
    SUGGESTION = "suggestion"
    FALLBACK = "fallback"
    WELCOME = "welcome"
    SILENT = "silent"
    INFORMATION = "information"
    SMALL_TALK = "small_talk"
    FOR_STAFF = "for_staff"
    NOT_SHOWN = "not_shown"


class InboxMessage(Base):
    """One message or event of one follower, with the reply it got."""

    __tablename__ = "inbox_messages"
    __table_args__ = (
        # serves two look-ups: a repeated push, and everything one follower sent. There are no other
        # indexes on purpose, because each one slows down every push.
        UniqueConstraint("account_id", "openid", "dedupe_key"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    # see messages.Inbound.dedupe_key; at most 128 characters
    dedupe_key: Mapped[str]
    openid: Mapped[str]
    kind: Mapped[str]
    # the words that matching used: a message's text, an event's key or scene
    text: Mapped[str]
    # the fields of kinds that have more than text: media ids, coordinates, a link
    content: Mapped[dict[str, Any] | None]
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    # stored rather than computed, so that a day's rows are found and grouped without time zone
    # arithmetic in SQL
    local_day: Mapped[date]
    outcome: Mapped[Outcome]
    # the slug, not a foreign key: the row still says which rule answered after the rule was deleted
    rule_slug: Mapped[str | None]
    answer: Mapped[str]
    # how often WeChat delivered this push; 1 unless it repeated it
    deliveries: Mapped[int]


@dataclass(frozen=True)
class NewInboxMessage:
    """What `record` and `receive` store of one push.

    `answer` is the XML of the reply, an empty string when the reply is just `success`. `local_day`
    is the day of `received_at` in the city's time zone.
    """

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
    """What a recorded push led to: the row's id, the reply to send, and whether the push is new.

    For a repeated push `answer` is the reply of the first delivery.
    """

    id: int
    answer: str
    is_new: bool


def _record_statement(insert: Any) -> Any:
    # DO UPDATE rather than DO NOTHING: only an updated row is returned, and the repeat needs the
    # stored reply
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
    # PostgreSQL runs both inserts in one statement: one network round trip, and one implicit
    # transaction without BEGIN and COMMIT
    recorded = _record_statement(postgresql.insert).cte("recorded")
    window = followers.message_statement(postgresql.insert, recorded).cte("window")
    return select(recorded.c.id, recorded.c.answer, recorded.c.deliveries).add_cte(window)


# compiled once at import: building and compiling an upsert costs more than running it
_RECORD_STATEMENTS = {
    "sqlite": _record_statement(sqlite.insert),
    "postgresql": _record_statement(postgresql.insert),
}
_RECORD_COMPILED = fast_store.CompiledStatement(_RECORD_STATEMENTS["sqlite"])
_WINDOW_COMPILED = fast_store.CompiledStatement(followers.message_statement(sqlite.insert, None))
_RECEIVE_COMPILED = fast_store.CompiledStatement(_receive_statement())


def record(message: NewInboxMessage) -> RecordResult:
    """Store a push, or find the row of its first delivery and count the repeat.

    Runs in the open transaction, for pushes that change something else as well (a menu click that
    opens a window, a scan, an emergency).
    """
    row = session.execute(_RECORD_STATEMENTS[dialect()], vars(message)).one()
    return RecordResult(row.id, row.answer, row.deliveries == 1)


def receive(message: NewInboxMessage) -> RecordResult:
    """Store a message and open its sender's 48-hour window, in a short transaction of its own.

    For the common message, whose reply comes from memory and which changes nothing else. Raises
    sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    on_postgresql = engine().dialect.name == "postgresql"
    return fast_store.execute_unit(
        vars(message), _receive_in_one if on_postgresql else _receive_in_two
    )


def _receive_in_one(execute: fast_store.Execute) -> RecordResult:
    key, answer, deliveries = execute(_RECEIVE_COMPILED)
    return RecordResult(key, answer, deliveries == 1)


# SQLite has no data-modifying common table expressions, so there the message and the window are two
# statements in one transaction
def _receive_in_two(execute: fast_store.Execute) -> RecordResult:
    key, answer, deliveries = execute(_RECORD_COMPILED)
    if deliveries == 1:
        execute(_WINDOW_COMPILED)
    return RecordResult(key, answer, deliveries == 1)


def get_for_follower(follower: Follower, inbox_id: int) -> InboxMessage:
    """The inbox row with this id, if it belongs to this follower. Raises NotFound."""
    found = session.get(InboxMessage, inbox_id)
    owner = (follower.account_id, follower.openid)
    if found is None or (found.account_id, found.openid) != owner:
        raise NotFound(kind="message", id=inbox_id)
    return found


def delete_older_than(*, before: datetime, at_most: int) -> int:
    """Delete rows received before an instant, oldest first, at most `at_most`.

    Returns how many were deleted. In batches, so that no transaction holds its locks for long.
    """
    # ids grow with time, so the oldest rows are found by the primary key and the table needs no
    # index on received_at
    oldest = (
        select(InboxMessage.id, InboxMessage.received_at)
        .order_by(InboxMessage.id)
        .limit(at_most)
        .subquery()
    )
    chosen = select(oldest.c.id).where(oldest.c.received_at < before)
    removed = delete(InboxMessage).where(InboxMessage.id.in_(chosen)).returning(InboxMessage.id)
    return len(session.scalars(removed).all())
