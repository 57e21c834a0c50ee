"""Awaited replies: followers whose next message is what a rule's answer asked them for.

    "请留言漏水位置" ── open ──> AwaitedReply ── the next message, picture or location ──> closed
                                     └── after ten minutes ──> no longer awaited

Whether a reply is awaited must be known before any keyword is looked for, and matching a message
must not cost a query. So every process keeps the few that are open in memory: its own at once,
those of other processes with the look it takes every second (`refresh`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, BigKey, session, upsert

# how long a citizen may take to write or to find the place on the map
WAIT = timedelta(minutes=10)
# how long an entry of this process is kept although the database was read without it: the
# transaction that writes it may have been open at that moment
_UNCONFIRMED = timedelta(seconds=5)


class AwaitedReply(Base):
    """One follower of one account who was asked for something; `inbox_id` is their question."""

    __tablename__ = "awaited_replies"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    openid: Mapped[str] = mapped_column(primary_key=True)
    inbox_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("inbox_messages.id", ondelete="CASCADE"), index=True
    )
    asked_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class _Question:
    inbox_id: int
    asked_at: datetime


class _Memory:
    """What this process knows of the open ones, by (account id, openid)."""

    # replaced as a whole by `refresh`, while other threads read and add
    questions: dict[tuple[int, str], _Question] = {}  # noqa: RUF012 - state of the process


def find_question(account_id: int, openid: str, *, now: datetime) -> int | None:
    """The inbox id of the question whose answer asked this follower for more, or None.

    Reads memory only.
    """
    question = _Memory.questions.get((account_id, openid))
    if question is None or question.asked_at + WAIT < now:
        return None
    return question.inbox_id


def open_for(account_id: int, openid: str, inbox_id: int, *, now: datetime) -> None:
    """Await the follower's next message, in the open transaction; then `remember` it."""
    values = {"inbox_id": inbox_id, "asked_at": now}
    session.execute(
        upsert(AwaitedReply)
        .values(account_id=account_id, openid=openid, **values)
        .on_conflict_do_update(
            index_elements=[AwaitedReply.account_id, AwaitedReply.openid], set_=values
        )
    )


def close_for(account_id: int, openid: str) -> None:
    """Await nothing more of the follower, in the open transaction; then `forget` it."""
    session.execute(
        delete(AwaitedReply).where(
            AwaitedReply.account_id == account_id, AwaitedReply.openid == openid
        )
    )


def remember(account_id: int, openid: str, inbox_id: int, *, now: datetime) -> None:
    """Note in memory what `open_for` has stored, after its transaction."""
    _Memory.questions[account_id, openid] = _Question(inbox_id, now)


def forget(account_id: int, openid: str) -> None:
    """Drop from memory what `close_for` has deleted, after its transaction."""
    _Memory.questions.pop((account_id, openid), None)


def refresh(*, now: datetime) -> None:
    """Read what other processes have opened and closed. One query, of a few rows."""
    rows = session.scalars(select(AwaitedReply).where(AwaitedReply.asked_at > now - WAIT))
    stored = {(row.account_id, row.openid): _Question(row.inbox_id, row.asked_at) for row in rows}
    # a copy: another thread may add to it meanwhile
    unconfirmed = {
        key: question
        for key, question in list(_Memory.questions.items())
        if question.asked_at > now - _UNCONFIRMED
    }
    _Memory.questions = unconfirmed | stored


def reset() -> None:
    """Forget everything in memory, for tests that change the database."""
    _Memory.questions = {}


def delete_older_than(*, before: datetime) -> int:
    """Delete what was asked before an instant and never answered. Returns how many."""
    removed = delete(AwaitedReply).where(AwaitedReply.asked_at < before)
    return len(session.scalars(removed.returning(AwaitedReply.inbox_id)).all())
