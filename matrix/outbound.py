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
from config.database import Base, BigKey, compare_and_set, get_for_update, session, transaction
from matrix import accounts, followers
from matrix.followers import Follower
from matrix.wechat import gateway, passive_replies
from matrix.wechat.credentials import Credentials

DELIVER = "outbound.deliver"

# an answer that comes later than this helps nobody
GIVE_UP_AFTER = timedelta(hours=1)

_log = logs.get_logger(__name__)
_REPLY_TYPES: dict[str, type[Any]] = {
    "text": passive_replies.Text,
    "image": passive_replies.Image,
    "voice": passive_replies.Voice,
    "video": passive_replies.Video,
    "music": passive_replies.Music,
    "news": passive_replies.News,
}
_REPLY_NAMES = {kind: name for name, kind in _REPLY_TYPES.items()}


class OutboundState(StrEnum):
    """How far a sending has come."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"


class OutboundMessage(Base):
    """One message to one follower."""

    __tablename__ = "outbound_messages"
    __table_args__ = (
        Index("ix_outbound_messages_follower_id_created_at", "follower_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    follower_id: Mapped[int] = mapped_column(ForeignKey("followers.id"))
    inbox_id: Mapped[int | None] = mapped_column(ForeignKey("inbox_messages.id"))
    content: Mapped[dict[str, Any]]
    state: Mapped[OutboundState] = mapped_column(default=OutboundState.QUEUED, index=True)
    errcode: Mapped[int | None]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


def serialize(reply: gateway.Message) -> dict[str, Any]:
    """A reply as plain JSON."""
    return {"kind": _REPLY_NAMES[type(reply)], **asdict(reply)}


def deserialize(content: dict[str, Any]) -> gateway.Message:
    """The reply that was packed."""
    values = {name: value for name, value in content.items() if name != "kind"}
    if content["kind"] == "news":
        values["articles"] = tuple(passive_replies.Article(**each) for each in values["articles"])
    reply: gateway.Message = _REPLY_TYPES[content["kind"]](**values)
    return reply


def enqueue(
    follower: Follower, reply: gateway.Message, *, now: datetime, inbox_id: int | None = None
) -> OutboundMessage:
    """Have a message sent to the follower, soon after the commit."""
    message = OutboundMessage(
        account_id=follower.account_id,
        follower_id=follower.id,
        inbox_id=inbox_id,
        content=serialize(reply),
        created_at=now,
    )
    get_for_update(
        Follower, follower.id
    )  # who settles the one before must see this one, or be seen
    before = _next_unfinished(follower.id)
    # one that stands for an hour has lost its job, and must not hold up all that follow
    is_first = before is None or before.created_at < now - GIVE_UP_AFTER
    session.add(message)
    session.flush()  # the job needs the id
    if is_first:
        jobs.enqueue(DELIVER, sending_id=message.id)
    return message


def _next_unfinished(follower_id: int) -> OutboundMessage | None:
    """The follower's oldest sending that is not settled."""
    waiting = select(OutboundMessage).where(
        OutboundMessage.follower_id == follower_id,
        OutboundMessage.state.in_((OutboundState.QUEUED, OutboundState.SENDING)),
    )
    return session.scalars(waiting.order_by(OutboundMessage.id).limit(1)).one_or_none()


def count_queued(follower_id: int) -> int:
    """How many messages to a follower wait and have not taken their place in a window yet."""
    rows = select(func.count()).where(
        OutboundMessage.follower_id == follower_id, OutboundMessage.state == OutboundState.QUEUED
    )
    return session.scalar(rows) or 0


def deliver(outbound_id: int, *, now: datetime) -> None:
    """Send one message. Opens its own transactions; none is open during the call.

    Raises Temporary to be called again later, for an hour at most.
    """
    with transaction():
        delivery = _begin(outbound_id, now)
    if delivery is None:
        return
    try:
        gateway.send(delivery.credentials, delivery.openid, delivery.message)
    except gateway.Unconfirmed as error:
        _finish(outbound_id, OutboundState.UNCONFIRMED, now, error)
    except (gateway.Refused, gateway.NotAuthorised, gateway.QuotaUsed) as error:
        _finish(outbound_id, OutboundState.REFUSED, now, error)
    except gateway.Temporary as error:
        if now - delivery.queued_at < GIVE_UP_AFTER:
            raise
        _finish(outbound_id, OutboundState.REFUSED, now, error)
    else:
        _finish(outbound_id, OutboundState.SENT, now, None)


@dataclass(frozen=True)
class _Delivery:
    """What a call needs."""

    credentials: Credentials
    openid: str
    message: gateway.Message
    queued_at: datetime


def _begin(outbound_id: int, now: datetime) -> _Delivery | None:
    message = session.get_one(OutboundMessage, outbound_id)
    is_open = message.state in (OutboundState.QUEUED, OutboundState.SENDING)
    if is_open and accounts.get(message.account_id).state is accounts.AccountState.PAUSED:
        _mark_finished(outbound_id, OutboundState.REFUSED, now, None, "账号已暂停")
        return None
    if message.state is OutboundState.QUEUED:
        if not followers.reserve_message(message.follower_id, now=now):
            _mark_finished(
                outbound_id, OutboundState.REFUSED, now, None, "不在可发送的时间或次数内"
            )
            return None
        compare_and_set(
            OutboundMessage,
            outbound_id,
            when={"state": OutboundState.QUEUED},
            to={"state": OutboundState.SENDING},
        )
    elif message.state is not OutboundState.SENDING:
        return None
    follower = session.get_one(Follower, message.follower_id)
    return _Delivery(
        accounts.credentials(message.account_id),
        follower.openid,
        deserialize(message.content),
        message.created_at,
    )


def _finish(
    outbound_id: int, state: OutboundState, now: datetime, error: gateway.GatewayError | None
) -> None:
    with transaction():
        problem = str(error) if error else None
        message = _mark_finished(outbound_id, state, now, error.errcode if error else None, problem)
        is_unreachable = isinstance(error, gateway.Refused) and error.is_about_recipient
        if message is not None and is_unreachable:
            followers.close_windows(message.follower_id)


def _mark_finished(
    outbound_id: int, state: OutboundState, now: datetime, errcode: int | None, problem: str | None
) -> OutboundMessage | None:
    if state is not OutboundState.SENT:
        _log.warning("outbound.failed", sending=outbound_id, state=state.value, code=errcode)
    closed = compare_and_set(
        OutboundMessage,
        outbound_id,
        when={"state": (OutboundState.QUEUED, OutboundState.SENDING)},
        to={"state": state, "errcode": errcode, "problem": problem, "finished_at": now},
    )
    if closed is not None:
        get_for_update(Follower, closed.follower_id)
        following = _next_unfinished(closed.follower_id)
        if following is not None:
            jobs.enqueue(DELIVER, sending_id=following.id)
    return closed


def delete_older_than(*, before: datetime, at_most: int) -> int:
    """Remove sendings older than an instant, the oldest first. Returns how many."""
    oldest = (
        select(OutboundMessage.id, OutboundMessage.created_at)
        .order_by(OutboundMessage.id)
        .limit(at_most)
        .subquery()
    )
    chosen = select(oldest.c.id).where(oldest.c.created_at < before)
    removed = (
        delete(OutboundMessage).where(OutboundMessage.id.in_(chosen)).returning(OutboundMessage.id)
    )
    return len(session.scalars(removed).all())


def list_for_follower(follower_id: int) -> list[OutboundMessage]:
    """What was sent to a follower, the oldest first."""
    rows = select(OutboundMessage).where(OutboundMessage.follower_id == follower_id)
    return list(session.scalars(rows.order_by(OutboundMessage.id)))
