"""Gathering: from the inbox, which only grows, to one row for each talk.

    inbox rows after the last settled id ──> newest of each follower ──> talks
                                        └──> first id of each day   ──> inbox_days

The callback writes an inbox row and nothing more; whoever lists talks must not walk a million of
them. So a job walks what is new every few seconds. It may walk a row twice: a talk only moves
forward. A row may also become visible after one with a greater id, when its transaction took
longer, so ids count as settled only some seconds after their message came.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, and_, case, delete, func, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, BigKey, read_only, session, transaction, upsert
from config.security.masking import mask_pii
from matrix.followers import Follower
from matrix.inbox import InboxMessage, Outcome

REFRESH = "conversations.refresh"

# what makes a talk; menu clicks and the like are shown inside it, and make none
MESSAGE_KINDS = ("text", "image", "voice", "video", "short_video", "location", "link")
# what the hub could not answer itself, or must not answer alone
UNANSWERED_OUTCOMES = (Outcome.SUGGESTION, Outcome.FALLBACK, Outcome.EMERGENCY)

_SETTLE_DELAY = timedelta(seconds=10)
_READ_BATCH = 5000
_WRITE_BATCH = 500
_MAX_BATCHES = 40
_MAX_PREVIEW_LENGTH = 80
_IS_WAITING = text("waiting_since IS NOT NULL")
_WAS_EMERGENCY = text("emergency_id IS NOT NULL")


class Conversation(Base):
    """Everything between one account and one follower, as the list shows it.

    `last_id` is the inbox id of the last message, `words` its text, masked. `waiting_since` is
    empty once the hub or a person has answered; `handled_id` is the last message a person has
    dealt with, 0 for none. Ids of the inbox are no foreign keys: messages go before talks do.
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
        Index(
            "ix_conversations_emergency_id",
            "emergency_id",
            sqlite_where=_WAS_EMERGENCY,
            postgresql_where=_WAS_EMERGENCY,
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
    emergency_id: Mapped[int | None] = mapped_column(BigKey)
    handled_id: Mapped[int] = mapped_column(BigKey)
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[str]


class InboxDay(Base):
    """The first inbox id of a local day: a range of days is a range of ids."""

    __tablename__ = "inbox_days"

    local_day: Mapped[date] = mapped_column(primary_key=True)
    first_id: Mapped[int] = mapped_column(BigKey)


class ProjectionProgress(Base):
    """How far the inbox was walked. One row."""

    __tablename__ = "conversation_progress"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    settled_id: Mapped[int] = mapped_column(BigKey)


@dataclass(frozen=True)
class _Batch:
    """What some rows of the inbox make."""

    conversations: list[dict[str, Any]]
    days: dict[date, int]
    last_id: int
    settled_id: int
    is_last: bool


def is_behind() -> bool:
    """Whether there are messages to gather. Cheap; asked every few seconds."""
    return newest_id() > _settled_id()


def request_refresh() -> None:
    """Have the newest messages gathered, once however often it is asked for."""
    jobs.enqueue(REFRESH, key=REFRESH)


def refresh(*, now: datetime) -> None:
    """Bring talks and days up to date. Opens its own transactions, short ones.

    What is left after two hundred thousand messages is for another job.
    """
    with read_only():
        start = _settled_id()
    for _ in range(_MAX_BATCHES):
        with read_only():
            batch = _read(start, now)
        _write(batch)
        if batch.is_last:
            return
        start = batch.last_id
    with transaction():
        jobs.enqueue(REFRESH)  # without a key, which this job still holds


def _settled_id() -> int:
    return session.scalar(select(ProjectionProgress.settled_id)) or 0


def _read(start: int, now: datetime) -> _Batch:
    rows = session.execute(
        select(
            InboxMessage.id,
            InboxMessage.account_id,
            InboxMessage.kind,
            InboxMessage.text,
            InboxMessage.received_at,
            InboxMessage.local_day,
            InboxMessage.outcome,
            Follower.id.label("follower_id"),
        )
        .outerjoin(
            Follower,
            and_(
                Follower.account_id == InboxMessage.account_id,
                Follower.openid == InboxMessage.openid,
            ),
        )
        .where(InboxMessage.id > start)
        .order_by(InboxMessage.id)
        .limit(_READ_BATCH)
    ).all()
    days: dict[date, int] = {}
    settled = start
    for row in rows:
        days.setdefault(row.local_day, row.id)
    for row in rows:
        if row.received_at > now - _SETTLE_DELAY:
            break
        settled = row.id
    messages = [row for row in rows if row.kind in MESSAGE_KINDS and row.follower_id is not None]
    return _Batch(
        conversations=list(_latest_by_follower(messages).values()),
        days=days,
        last_id=rows[-1].id if rows else start,
        settled_id=settled,
        is_last=len(rows) < _READ_BATCH,
    )


def _latest_by_follower(rows: Iterable[Any]) -> dict[int, dict[str, Any]]:
    """The talk of each follower as its last message leaves it."""
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        before = found.get(row.follower_id, {})
        is_unanswered = row.outcome in UNANSWERED_OUTCOMES
        is_emergency = row.outcome is Outcome.EMERGENCY
        found[row.follower_id] = {
            "follower_id": row.follower_id,
            "account_id": row.account_id,
            "last_id": row.id,
            "last_at": row.received_at,
            "kind": row.kind,
            "preview": _preview(row.text),
            "outcome": row.outcome,
            "waiting_since": (before.get("waiting_since") or row.received_at)
            if is_unanswered
            else None,
            "emergency_id": row.id if is_emergency else before.get("emergency_id"),
            "handled_id": 0,
            "handled_at": None,
            "handled_by": "",
        }
    return found


def _preview(message: str) -> str:
    # masked before it is cut, for half a number is not recognised as one
    line = " ".join(mask_pii(message).split())
    return line if len(line) <= _MAX_PREVIEW_LENGTH else line[: _MAX_PREVIEW_LENGTH - 1] + "…"


def _write(batch: _Batch) -> None:
    for start in range(0, len(batch.conversations), _WRITE_BATCH):
        with transaction():
            session.execute(_upsert_statement(), batch.conversations[start : start + _WRITE_BATCH])
    with transaction():
        for day, first in batch.days.items():
            statement = upsert(InboxDay).values(local_day=day, first_id=first)
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=[InboxDay.local_day],
                    set_={"first_id": statement.excluded.first_id},
                    where=InboxDay.first_id > statement.excluded.first_id,
                )
            )
        progress = upsert(ProjectionProgress).values(id=1, settled_id=batch.settled_id)
        session.execute(
            progress.on_conflict_do_update(
                index_elements=[ProjectionProgress.id],
                set_={"settled_id": batch.settled_id},
                where=ProjectionProgress.settled_id < batch.settled_id,
            )
        )


def _upsert_statement() -> Any:
    """An upsert that moves a talk forward and never back."""
    statement = upsert(Conversation)
    new = statement.excluded
    values = {name: new[name] for name in ("last_id", "last_at", "kind", "preview", "outcome")}
    # a person may have answered before we came
    waiting = case(
        (or_(new.waiting_since.is_(None), new.last_id <= Conversation.handled_id), None),
        else_=func.coalesce(Conversation.waiting_since, new.waiting_since),
    )
    return statement.on_conflict_do_update(
        index_elements=[Conversation.follower_id],
        set_=values
        | {
            "waiting_since": waiting,
            "emergency_id": func.coalesce(new.emergency_id, Conversation.emergency_id),
        },
        where=Conversation.last_id < new.last_id,
    )


def newest_id() -> int:
    """The id of the newest row of the inbox, 0 for none."""
    return session.scalar(select(func.max(InboxMessage.id))) or 0


def first_id_of(day: date) -> int | None:
    """The first inbox id of a day or a later one; None when nothing came since."""
    return session.scalar(
        select(InboxDay.first_id)
        .where(InboxDay.local_day >= day)
        .order_by(InboxDay.local_day)
        .limit(1)
    )


def delete_older_than(*, before: datetime) -> int:
    """Remove talks whose last message is older than an instant. Returns how many."""
    removed = (
        delete(Conversation)
        .where(Conversation.last_at < before)
        .returning(Conversation.follower_id)
    )
    return len(session.scalars(removed).all())
