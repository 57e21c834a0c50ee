"""Projection: from the inbox, which only grows, to one row for each conversation.

The callback writes an inbox row and nothing else, and a list of conversations must not read
millions of them. So a job reads the new rows every few seconds and keeps the newest message of each
follower, and the first id of each day (`inbox.days`).

It reads the inbox at least once (see `inbox.cursors`): also rows that are still young, so that the
list is up to date, and again until they are settled. That is harmless, because a conversation only
moves forward.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, and_, case, delete, func, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, BigKey, session, upsert
from config.jobs import JobName
from config.security.masking import mask_pii
from matrix.conversations.descriptions import describe
from matrix.followers import Follower
from matrix.inbox import InboxMessage, Outcome, cursors, days

# what starts a conversation; menu clicks and the like are shown in it, but do not start one
MESSAGE_KINDS = (
    "text",
    "image",
    "voice",
    "video",
    "short_video",
    "location",
    "link",
    "file",
    "mini_program_card",
    "unsupported",
)
# what the hub could not answer by itself, or a person has to see
UNANSWERED_OUTCOMES = (
    Outcome.SUGGESTION,
    Outcome.FALLBACK,
    Outcome.EMERGENCY,
    Outcome.FOR_STAFF,
)
# what neither asks for an answer nor brings the one that somebody waits for
NEUTRAL_OUTCOMES = (Outcome.INFORMATION, Outcome.SMALL_TALK, Outcome.NOT_SHOWN)

# short, because a row that is read twice does no harm
_SETTLE_DELAY = timedelta(seconds=10)
# rows; read without the write lock, so larger than what is written at once
_READ_BATCH = 5000
_WRITE_BATCH = 500
# characters; one line of the list
_MAX_PREVIEW_LENGTH = 80
_IS_WAITING = text("waiting_since IS NOT NULL")


class ConversationJob(JobName):
    """Jobs about conversations."""

    # also the name of the job's cursor in the inbox
    REFRESH = "conversations.refresh", "更新对话列表"
    SEND_IMAGE = "conversations.send_image", "发送回复的图片"


class Conversation(Base):
    """Everything between one account and one follower, as the list shows it.

    `last_id` is the inbox id of the last message and `preview` its masked text. `waiting_since` is
    None once the hub or a person has answered; `handled_id` is the last message a person has dealt
    with, 0 for none. After a message that only a person can deal with (`for_staff_id`) an answer of
    the hub does not end the waiting. Inbox ids are not foreign keys, because old messages are
    deleted before conversations are.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_account_id_last_id", "account_id", "last_id"),
        Index(
            "ix_conversations_waiting",
            "account_id",
            "last_id",
            sqlite_where=_IS_WAITING,
            postgresql_where=_IS_WAITING,
        ),
    )

    follower_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("followers.id"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    last_id: Mapped[int] = mapped_column(BigKey, index=True)
    last_at: Mapped[datetime]
    kind: Mapped[str]
    preview: Mapped[str]
    outcome: Mapped[Outcome]
    waiting_since: Mapped[datetime | None]
    for_staff_id: Mapped[int | None] = mapped_column(BigKey)
    handled_id: Mapped[int] = mapped_column(BigKey)
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[str]


@dataclass(frozen=True)
class ProjectionBatch:
    """What some rows of the inbox lead to.

    `conversations` are rows to save, one for each follower; `first_ids` the first message of each
    local day; `last_id` is where to read on, `settled_id` where the cursor may move.
    """

    conversations: list[dict[str, Any]]
    first_ids: dict[date, int]
    last_id: int
    settled_id: int
    is_last: bool

    def parts(self) -> Iterator[list[dict[str, Any]]]:
        """The conversations in pieces, each of which is one short transaction."""
        for start in range(0, len(self.conversations), _WRITE_BATCH):
            yield self.conversations[start : start + _WRITE_BATCH]


def is_behind() -> bool:
    """Whether there are messages to project. Cheap; the scheduler asks every few seconds."""
    return days.newest_id() > cursors.position(ConversationJob.REFRESH)


def request_refresh() -> None:
    """Enqueue the job; while one is waiting, asking again changes nothing."""
    jobs.enqueue(ConversationJob.REFRESH, key=ConversationJob.REFRESH)


def request_next_refresh() -> None:
    """Enqueue the job from within itself, for what it leaves over."""
    jobs.enqueue(ConversationJob.REFRESH)  # without a key, which the running job still holds


def position() -> int:
    """The id of the inbox message up to which everything is projected."""
    return cursors.position(ConversationJob.REFRESH)


def read_batch(after_id: int, *, now: datetime) -> ProjectionBatch:
    """What the next rows of the inbox, above an id, lead to; at most five thousand rows."""
    rows = session.execute(_read_query(after_id)).all()
    first_ids: dict[date, int] = {}
    settled = after_id
    for row in rows:
        first_ids.setdefault(row.local_day, row.id)
    for row in rows:
        # a row with a smaller id may still be uncommitted: read on from here the next time
        if row.received_at > now - _SETTLE_DELAY:
            break
        settled = row.id
    # an event of the account itself has no follower
    messages = [row for row in rows if row.kind in MESSAGE_KINDS and row.follower_id is not None]
    return ProjectionBatch(
        conversations=list(_latest_by_follower(messages, _questions(messages)).values()),
        first_ids=first_ids,
        last_id=rows[-1].id if rows else after_id,
        settled_id=settled,
        is_last=len(rows) < _READ_BATCH,
    )


def _read_query(after_id: int) -> Any:
    """The rows of a batch, each with its follower and how far a person has dealt with it."""
    follower = and_(
        Follower.account_id == InboxMessage.account_id, Follower.openid == InboxMessage.openid
    )
    return (
        select(
            InboxMessage.id,
            InboxMessage.account_id,
            InboxMessage.kind,
            InboxMessage.text,
            InboxMessage.content,
            InboxMessage.received_at,
            InboxMessage.local_day,
            InboxMessage.outcome,
            Follower.id.label("follower_id"),
            func.coalesce(Conversation.handled_id, 0).label("handled_id"),
        )
        .outerjoin(Follower, follower)
        .outerjoin(Conversation, Conversation.follower_id == Follower.id)
        .where(InboxMessage.id > after_id)
        .order_by(InboxMessage.id)
        .limit(_READ_BATCH)
    )


def _questions(rows: Sequence[Any]) -> dict[int, str]:
    """The texts of the questions that messages of a batch answer, by inbox id."""
    ids = {int(content["reply_to"]) for row in rows if "reply_to" in (content := row.content or {})}
    if not ids:
        return {}
    asked = select(InboxMessage.id, InboxMessage.text).where(InboxMessage.id.in_(ids))
    return dict(session.execute(asked).all())


def _latest_by_follower(
    rows: Iterable[Any], questions: Mapping[int, str]
) -> dict[int, dict[str, Any]]:
    """The conversation of each follower as its last message leaves it."""
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        before = found.get(row.follower_id, {})
        found[row.follower_id] = {
            "follower_id": row.follower_id,
            "account_id": row.account_id,
            "last_id": row.id,
            "last_at": row.received_at,
            "kind": row.kind,
            "preview": _preview(row, questions),
            **_answering(row, before),
            # for a new row only; the upsert below leaves what a person has done
            "handled_id": 0,
            "handled_at": None,
            "handled_by": "",
        }
    return found


def _answering(row: Any, before: dict[str, Any]) -> dict[str, Any]:
    """What was answered and what waits after a message; `before` is the conversation before it."""
    is_neutral = row.outcome in NEUTRAL_OUTCOMES
    # a row may be read again after a person has dealt with it
    is_waiting = row.outcome in UNANSWERED_OUTCOMES and row.id > row.handled_id
    is_for_staff = is_waiting and row.outcome is Outcome.FOR_STAFF
    for_staff_id = row.id if is_for_staff else before.get("for_staff_id")
    # since the first unanswered message: somebody who writes again does not wait from then on
    waiting_since = before.get("waiting_since") or (row.received_at if is_waiting else None)
    is_answered = not (is_waiting or is_neutral or for_staff_id)
    return {
        "outcome": before.get("outcome", row.outcome) if is_neutral else row.outcome,
        "waiting_since": None if is_answered else waiting_since,
        "for_staff_id": for_staff_id,
    }


def _preview(row: Any, questions: Mapping[int, str]) -> str:
    """The message in one masked line, an awaited reply beside the question it answers."""
    words = describe(row.kind, row.text, row.content)
    question = questions.get((row.content or {}).get("reply_to", 0), "")
    # masked before it is shortened: half a phone number would not be recognised as one
    line = " ".join(mask_pii(f"{question} → {words}" if question else words).split())
    return line if len(line) <= _MAX_PREVIEW_LENGTH else line[: _MAX_PREVIEW_LENGTH - 1] + "…"


def save(conversations: Sequence[dict[str, Any]]) -> None:
    """Write conversations of a batch; a row only moves forward."""
    session.execute(_upsert_statement(), list(conversations))


def record_progress(batch: ProjectionBatch) -> None:
    """Move the cursor over what is settled. Only after all conversations of the batch are saved."""
    # with the cursor, so that a day is never known before its conversations are
    days.record(batch.first_ids)
    cursors.move_to(ConversationJob.REFRESH, batch.settled_id)


def _upsert_statement() -> Any:
    """An upsert that moves a conversation forward and never back."""
    statement = upsert(Conversation)
    new = statement.excluded
    values = {name: new[name] for name in ("last_id", "last_at", "kind", "preview")}
    # one by one: a list cannot be bound in a statement for many rows
    is_neutral = or_(*(new.outcome == each for each in NEUTRAL_OUTCOMES))
    waited_for = func.coalesce(Conversation.waiting_since, new.waiting_since)
    waiting = case(
        # a person may have answered before this job ran
        (new.last_id <= Conversation.handled_id, None),
        # a person is still to deal with an earlier message
        (Conversation.for_staff_id > Conversation.handled_id, waited_for),
        (is_neutral, waited_for),
        (new.waiting_since.is_(None), None),
        else_=waited_for,
    )
    return statement.on_conflict_do_update(
        index_elements=[Conversation.follower_id],
        set_=values
        | {
            # a "thank you" must not hide what became of the question before it
            "outcome": case((is_neutral, Conversation.outcome), else_=new.outcome),
            "waiting_since": waiting,
            "for_staff_id": func.coalesce(new.for_staff_id, Conversation.for_staff_id),
        },
        # two runs may overlap: the older result must not overwrite the newer one
        where=Conversation.last_id < new.last_id,
    )


def delete_older_than(*, before: datetime) -> int:
    """Delete conversations whose last message is older than an instant. Returns how many."""
    removed = (
        delete(Conversation)
        .where(Conversation.last_at < before)
        .returning(Conversation.follower_id)
    )
    return len(session.scalars(removed).all())
