"""Outbound messages: customer-service messages to one follower (wechat-platform.md 5.2).

    QUEUED --> SENDING --> SENT
          |          +---> UNCONFIRMED   WeChat took the request and never answered
          +--------------> REFUSED       WeChat said no, or no window is open

Order: the parts of a long answer must not overtake each other. A follower therefore has one
delivery job at a time, and whoever settles a message enqueues the next one.

Delivery is at least once: WeChat accepts no id of ours for these messages, so a worker that dies
during the call is followed by another that sends again. Only an UNCONFIRMED message is not sent
again, because it has probably arrived; staff see its state.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs, logs
from config.database import Base, BigKey, compare_and_set, get_for_update, session
from config.jobs import JobName
from matrix import accounts, followers
from matrix.followers import Follower
from matrix.wechat import gateway, passive_replies
from matrix.wechat.credentials import Credentials

# an answer that is later than this helps nobody, so it is marked REFUSED instead
GIVE_UP_AFTER = timedelta(hours=1)

_log = logs.get_logger(__name__)
# what rules and agents send; a transfer is missing, since only a passive reply can transfer
_REPLY_TYPES: dict[str, type[Any]] = {
    "text": passive_replies.Text,
    "image": passive_replies.Image,
    "voice": passive_replies.Voice,
    "video": passive_replies.Video,
    "music": passive_replies.Music,
    "news": passive_replies.News,
}
_REPLY_NAMES = {kind: name for name, kind in _REPLY_TYPES.items()}


class OutboundJob(JobName):
    """Jobs about outbound messages."""

    DELIVER = "outbound.deliver", "发送客服消息"


class OutboundState(StrEnum):
    """How far a message has come."""

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
    # what `serialize` wrote; not a foreign key to a rule, which may change before the message goes
    # out
    content: Mapped[dict[str, Any]]
    state: Mapped[OutboundState] = mapped_column(default=OutboundState.QUEUED, index=True)
    errcode: Mapped[int | None]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


def serialize(reply: gateway.Message) -> dict[str, Any]:
    """A message as plain JSON: its fields, and `kind`."""
    return {"kind": _REPLY_NAMES[type(reply)], **asdict(reply)}


def deserialize(content: dict[str, Any]) -> gateway.Message:
    """The message that `serialize` wrote."""
    values = {name: value for name, value in content.items() if name != "kind"}
    if content["kind"] == "news":
        values["articles"] = tuple(passive_replies.Article(**each) for each in values["articles"])
    reply: gateway.Message = _REPLY_TYPES[content["kind"]](**values)
    return reply


def enqueue(
    follower: Follower, reply: gateway.Message, *, now: datetime, inbox_id: int | None = None
) -> OutboundMessage:
    """Queue a message to the follower; it is sent soon after the commit.

    `inbox_id` is given for the later parts of a long reply, and None for what an agent wrote.
    """
    message = OutboundMessage(
        account_id=follower.account_id,
        follower_id=follower.id,
        inbox_id=inbox_id,
        content=serialize(reply),
        created_at=now,
    )
    # the lock `_mark_finished` takes as well: without it, this message could be added just after
    # the one before looked for its successor, and nobody would send it
    get_for_update(Follower, follower.id)
    before = _next_unfinished(follower.id)
    # a message that has waited longer than that has lost its job and must not block the others
    is_first = before is None or before.created_at < now - GIVE_UP_AFTER
    session.add(message)
    session.flush()  # the job needs the id
    if is_first:
        jobs.enqueue(OutboundJob.DELIVER, outbound_id=message.id)
    return message


def _next_unfinished(follower_id: int) -> OutboundMessage | None:
    """The follower's oldest message that is not settled."""
    waiting = select(OutboundMessage).where(
        OutboundMessage.follower_id == follower_id,
        OutboundMessage.state.in_((OutboundState.QUEUED, OutboundState.SENDING)),
    )
    return session.scalars(waiting.order_by(OutboundMessage.id).limit(1)).one_or_none()


def count_queued(follower_id: int) -> int:
    """How many of a follower's messages wait and have not taken their place in a window yet."""
    rows = select(func.count()).where(
        OutboundMessage.follower_id == follower_id, OutboundMessage.state == OutboundState.QUEUED
    )
    return session.scalar(rows) or 0


@dataclass(frozen=True)
class Delivery:
    """What the call to WeChat needs."""

    outbound_id: int
    credentials: Credentials
    openid: str
    message: gateway.Message
    queued_at: datetime


@dataclass(frozen=True)
class DeliveryResult:
    """How a call to WeChat ended: SENT, REFUSED or UNCONFIRMED, and the error of the last two."""

    outbound_id: int
    state: OutboundState
    error: gateway.GatewayError | None = None


def begin_delivery(outbound_id: int, *, now: datetime) -> Delivery | None:
    """Reserve a place in the window and mark the message SENDING; None when it must not be sent.

    To be committed before the call: a worker that dies during it leaves a trace.
    """
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
    # SENDING here means that a worker died during the call: send again, see the module's note
    elif message.state is not OutboundState.SENDING:
        return None
    # values for the call, during which no transaction is open
    follower = session.get_one(Follower, message.follower_id)
    return Delivery(
        outbound_id,
        accounts.credentials(message.account_id),
        follower.openid,
        deserialize(message.content),
        message.created_at,
    )


def send(delivery: Delivery, *, now: datetime) -> DeliveryResult:
    """Call WeChat; no transaction may be open.

    Raises Temporary when it should be tried again later, for an hour at most after queueing.
    """
    try:
        gateway.send(delivery.credentials, delivery.openid, delivery.message)
    except gateway.Unconfirmed as error:
        return DeliveryResult(delivery.outbound_id, OutboundState.UNCONFIRMED, error)
    # QuotaUsed is Temporary elsewhere; here the quota is filled again only
    # after the hour for which an answer is of use
    except (gateway.Refused, gateway.NotAuthorised, gateway.QuotaUsed) as error:
        return DeliveryResult(delivery.outbound_id, OutboundState.REFUSED, error)
    except gateway.Temporary as error:
        # the job system calls again with a growing delay
        if now - delivery.queued_at < GIVE_UP_AFTER:
            raise
        return DeliveryResult(delivery.outbound_id, OutboundState.REFUSED, error)
    return DeliveryResult(delivery.outbound_id, OutboundState.SENT)


def record_result(result: DeliveryResult, *, now: datetime) -> None:
    """Settle a message; close the follower's windows when WeChat says that they are closed."""
    error = result.error
    message = _mark_finished(
        result.outbound_id,
        result.state,
        now,
        error.errcode if error else None,
        str(error) if error else None,
    )
    # e.g. 45015: the follower's window is closed, whatever our own count says
    is_unreachable = isinstance(error, gateway.Refused) and error.is_about_recipient
    if message is not None and is_unreachable:
        followers.close_windows(message.follower_id)


def _mark_finished(
    outbound_id: int, state: OutboundState, now: datetime, errcode: int | None, problem: str | None
) -> OutboundMessage | None:
    """Settle a message and enqueue the follower's next one."""
    if state is not OutboundState.SENT:
        _log.warning("outbound.failed", outbound_id=outbound_id, state=state.value, code=errcode)
    closed = compare_and_set(
        OutboundMessage,
        outbound_id,
        when={"state": (OutboundState.QUEUED, OutboundState.SENDING)},
        to={"state": state, "errcode": errcode, "problem": problem, "finished_at": now},
    )
    if closed is not None:
        # the same lock as in `enqueue`: either this sees the new message, or `enqueue` sees this
        # one settled
        get_for_update(Follower, closed.follower_id)
        following = _next_unfinished(closed.follower_id)
        if following is not None:
            jobs.enqueue(OutboundJob.DELIVER, outbound_id=following.id)
    return closed


def delete_older_than(*, before: datetime, at_most: int) -> int:
    """Delete messages created before an instant, oldest first. Returns how many."""
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
    """What was sent to a follower, oldest first."""
    rows = select(OutboundMessage).where(OutboundMessage.follower_id == follower_id)
    return list(session.scalars(rows.order_by(OutboundMessage.id)))
