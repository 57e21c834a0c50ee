"""Sendings: messages to a follower outside of a reply, by customer service.

    queue ──> queued ──> sending ──> sent
                 │          ├──────> refused       WeChat said no, or no window is open
                 │          └──────> unconfirmed   no answer came; it may have arrived
                 └── one at a time to one follower, in the order they were queued

The parts of a long answer must not overtake each other, so a follower has one delivery job at a
time; whoever settles a sending enqueues the next.

WeChat gives these messages no id of ours to tell two apart. A worker that dies in the middle is
followed by another that sends again: twice is better than never. When WeChat took the request
and never answered, nobody sends again; staff see it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs, logs
from config.database import Base, BigKey, change, locked, session, transaction
from matrix import accounts, followers
from matrix.followers import Follower
from matrix.wechat import gateway, replies
from matrix.wechat.credentials import Credentials

DELIVER = "sendings.deliver"

# an answer that comes later than this helps nobody
PATIENCE = timedelta(hours=1)

_log = logs.get(__name__)
_KINDS: dict[str, type[Any]] = {
    "text": replies.Text,
    "image": replies.Image,
    "voice": replies.Voice,
    "video": replies.Video,
    "music": replies.Music,
    "news": replies.News,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class State(StrEnum):
    """How far a sending has come."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"


class Sending(Base):
    """One message to one follower."""

    __tablename__ = "sendings"
    __table_args__ = (Index("ix_sendings_follower_id_created_at", "follower_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    follower_id: Mapped[int] = mapped_column(ForeignKey("followers.id"))
    inbox_id: Mapped[int | None] = mapped_column(ForeignKey("inbox.id"))
    content: Mapped[dict[str, Any]]
    state: Mapped[State] = mapped_column(default=State.QUEUED, index=True)
    code: Mapped[int | None]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


def pack(reply: gateway.Message) -> dict[str, Any]:
    """A reply as plain JSON."""
    return {"kind": _NAMES[type(reply)], **asdict(reply)}


def unpack(content: dict[str, Any]) -> gateway.Message:
    """The reply that was packed."""
    values = {name: value for name, value in content.items() if name != "kind"}
    if content["kind"] == "news":
        values["articles"] = tuple(replies.Article(**each) for each in values["articles"])
    reply: gateway.Message = _KINDS[content["kind"]](**values)
    return reply


def queue(
    follower: Follower, reply: gateway.Message, *, now: datetime, inbox_id: int | None = None
) -> Sending:
    """Have a message sent to the follower, soon after the commit."""
    sending = Sending(
        account_id=follower.account_id,
        follower_id=follower.id,
        inbox_id=inbox_id,
        content=pack(reply),
        created_at=now,
    )
    locked(Follower, follower.id)  # who settles the one before must see this one, or be seen
    before = _next(follower.id)
    # one that stands for an hour has lost its job, and must not hold up all that follow
    is_first = before is None or before.created_at < now - PATIENCE
    session.add(sending)
    session.flush()  # the job needs the id
    if is_first:
        jobs.enqueue(DELIVER, sending_id=sending.id)
    return sending


def _next(follower_id: int) -> Sending | None:
    """The follower's oldest sending that is not settled."""
    waiting = select(Sending).where(
        Sending.follower_id == follower_id,
        Sending.state.in_((State.QUEUED, State.SENDING)),
    )
    return session.scalars(waiting.order_by(Sending.id).limit(1)).one_or_none()


def queued(follower_id: int) -> int:
    """How many messages to a follower wait and have not taken their place in a window yet."""
    rows = select(func.count()).where(
        Sending.follower_id == follower_id, Sending.state == State.QUEUED
    )
    return session.scalar(rows) or 0


def deliver(sending_id: int, *, now: datetime) -> None:
    """Send one message. Opens its own transactions; none is open during the call.

    Raises Temporary to be called again later, for an hour at most.
    """
    with transaction():
        start = _start(sending_id, now)
    if start is None:
        return
    try:
        gateway.send(start.credentials, start.openid, start.message)
    except gateway.Unconfirmed as error:
        _settle(sending_id, State.UNCONFIRMED, now, error)
    except (gateway.Refused, gateway.NotAuthorised, gateway.QuotaUsed) as error:
        _settle(sending_id, State.REFUSED, now, error)
    except gateway.Temporary as error:
        if now - start.queued_at < PATIENCE:
            raise
        _settle(sending_id, State.REFUSED, now, error)
    else:
        _settle(sending_id, State.SENT, now, None)


@dataclass(frozen=True)
class _Start:
    """What a call needs."""

    credentials: Credentials
    openid: str
    message: gateway.Message
    queued_at: datetime


def _start(sending_id: int, now: datetime) -> _Start | None:
    sending = session.get_one(Sending, sending_id)
    is_open = sending.state in (State.QUEUED, State.SENDING)
    if is_open and accounts.get(sending.account_id).state is accounts.State.PAUSED:
        _close(sending_id, State.REFUSED, now, None, "账号已暂停")
        return None
    if sending.state is State.QUEUED:
        if not followers.reserve(sending.follower_id, now=now):
            _close(sending_id, State.REFUSED, now, None, "不在可发送的时间或次数内")
            return None
        change(Sending, sending_id, when={"state": State.QUEUED}, to={"state": State.SENDING})
    elif sending.state is not State.SENDING:
        return None
    follower = session.get_one(Follower, sending.follower_id)
    return _Start(
        accounts.credentials(sending.account_id),
        follower.openid,
        unpack(sending.content),
        sending.created_at,
    )


def _settle(
    sending_id: int, state: State, now: datetime, error: gateway.GatewayError | None
) -> None:
    with transaction():
        problem = str(error) if error else None
        sending = _close(sending_id, state, now, error.errcode if error else None, problem)
        gone = isinstance(error, gateway.Refused) and error.is_about_recipient
        if sending is not None and gone:
            followers.close_windows(sending.follower_id)


def _close(
    sending_id: int, state: State, now: datetime, code: int | None, problem: str | None
) -> Sending | None:
    if state is not State.SENT:
        _log.warning("sending.failed", sending=sending_id, state=state.value, code=code)
    closed = change(
        Sending,
        sending_id,
        when={"state": (State.QUEUED, State.SENDING)},
        to={"state": state, "code": code, "problem": problem, "settled_at": now},
    )
    if closed is not None:
        locked(Follower, closed.follower_id)
        following = _next(closed.follower_id)
        if following is not None:
            jobs.enqueue(DELIVER, sending_id=following.id)
    return closed


def forget(*, before: datetime, at_most: int) -> int:
    """Remove sendings older than an instant, the oldest first. Returns how many."""
    oldest = select(Sending.id, Sending.created_at).order_by(Sending.id).limit(at_most).subquery()
    chosen = select(oldest.c.id).where(oldest.c.created_at < before)
    removed = delete(Sending).where(Sending.id.in_(chosen)).returning(Sending.id)
    return len(session.scalars(removed).all())


def of_follower(follower_id: int) -> list[Sending]:
    """What was sent to a follower, the oldest first."""
    rows = select(Sending).where(Sending.follower_id == follower_id)
    return list(session.scalars(rows.order_by(Sending.id)))
