"""Followers: one openid of one account, and how many messages it may still be sent.

WeChat limits customer-service messages by what the follower did last (wechat-platform.md 5.1):

    a message                     48 hours,  5 messages
    a follow, scan or menu click   1 minute, 3 messages

Each such action opens its window anew. `reserve_message` takes one message out of an open window
before the call to WeChat; when WeChat answers that a window is closed, `close_windows` believes it
until the follower acts again. The numbers are settings, because WeChat has changed them before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Integer,
    String,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from config import settings
from config.audit.actions import ObjectKind
from config.database import Base, BigKey, UtcDateTime, session, upsert
from config.errors import NotFound
from config.permissions import Permission, Principal

MESSAGE_WINDOW = timedelta(hours=48)
EVENT_WINDOW = timedelta(minutes=1)


AUDIT_KIND = ObjectKind("conversation", "对话")


class Follower(Base):
    """One openid of one account. The row is created by the first push, whatever it is.

    `message_at` and `event_at` open the two windows; `sent_since_…` count what was sent in each.
    """

    __tablename__ = "followers"
    __table_args__ = (UniqueConstraint("account_id", "openid"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    openid: Mapped[str]
    # True until an unsubscribe event says otherwise: only subscribers can write
    is_subscribed: Mapped[bool]
    subscribed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    # the QR code scene by which the follower came, for statistics
    scene: Mapped[str | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    message_at: Mapped[datetime | None]
    sent_since_message: Mapped[int]
    event_at: Mapped[datetime | None]
    sent_since_event: Mapped[int]


@dataclass(frozen=True)
class Window:
    """How many messages may still be sent, and until when; `until` is None when none may."""

    left: int
    until: datetime | None


def record_message(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower sent a message: the 48-hour window opens anew."""
    _upsert(account_id, openid, now, message_at=now, sent_since_message=0)


def record_event(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower clicked or scanned: the one-minute window opens anew."""
    _upsert(account_id, openid, now, event_at=now, sent_since_event=0)


def record_activity(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower did something that opens no window."""
    _upsert(account_id, openid, now)


def record_follow(account_id: int, openid: str, *, scene: str | None, now: datetime) -> None:
    """The follower subscribed, perhaps through the QR code of a scene: the short window opens."""
    _upsert(
        account_id,
        openid,
        now,
        is_subscribed=True,
        subscribed_at=now,
        unsubscribed_at=None,
        scene=scene,
        event_at=now,
        sent_since_event=0,
    )


def record_unfollow(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower unsubscribed: both windows close."""
    _upsert(
        account_id,
        openid,
        now,
        is_subscribed=False,
        unsubscribed_at=now,
        message_at=None,
        event_at=None,
    )


def _upsert(account_id: int, openid: str, now: datetime, **values: Any) -> None:
    first = {
        "account_id": account_id,
        "openid": openid,
        "is_subscribed": True,
        "first_seen_at": now,
        "sent_since_message": 0,
        "sent_since_event": 0,
    }
    # a push of any kind creates the row; an event may arrive before the one of following
    values = {"last_seen_at": now, **values}
    session.execute(
        upsert(Follower)
        .values(first | values)
        .on_conflict_do_update(index_elements=[Follower.account_id, Follower.openid], set_=values)
    )


def message_statement(insert: Any, recorded: Any) -> Any:
    """`record_message` as an upsert statement, for the fast path of `inbox.receive`.

    `insert` is the insert construct of the dialect. The statement's parameters are account_id,
    openid and received_at. `recorded`, a common table expression with a column `deliveries`, makes
    it skip repeated pushes; None means the caller has checked that.
    """
    at = bindparam("received_at", type_=UtcDateTime())
    values = {"last_seen_at": at, "message_at": at, "sent_since_message": literal(0)}
    # the bind parameters are typed, because the fast path has no ORM column to take the type from
    first: dict[str, Any] = values | {
        "account_id": bindparam("account_id", type_=Integer()),
        "openid": bindparam("openid", type_=String()),
        "is_subscribed": literal(True),
        "first_seen_at": at,
        "sent_since_event": literal(0),
    }
    if recorded is None:
        statement = insert(Follower).values(first)
    else:
        row = select(*list(first.values())).select_from(recorded).where(recorded.c.deliveries == 1)
        # INSERT … SELECT from the recorded row: no row when the push was a repeat
        statement = insert(Follower).from_select(list(first), row, include_defaults=False)
    return statement.on_conflict_do_update(
        index_elements=[Follower.account_id, Follower.openid], set_=values
    )


def find(account_id: int, openid: str) -> Follower | None:
    """The follower with this openid; None when the account never heard of it."""
    return session.scalars(
        select(Follower).where(Follower.account_id == account_id, Follower.openid == openid)
    ).one_or_none()


def access_follower(principal: Principal, follower_id: int, permission: Permission) -> Follower:
    """The follower with this id, for a principal with the permission at its account. Raises
    NotFound.
    """
    follower = session.get(Follower, follower_id)
    if follower is None:
        raise NotFound(kind="follower", id=follower_id)
    principal.require(permission, account_id=follower.account_id)
    return follower


def window(follower: Follower, *, now: datetime) -> Window:
    """What may still be sent to the follower at this moment; 0 messages after unsubscribing."""
    limits = settings.get()
    left, until = 0, None
    if follower.message_at is not None and follower.message_at + MESSAGE_WINDOW > now:
        left += max(0, limits.customer_service_messages - follower.sent_since_message)
        until = follower.message_at + MESSAGE_WINDOW
    if follower.event_at is not None and follower.event_at + EVENT_WINDOW > now:
        left += max(0, limits.customer_service_after_event - follower.sent_since_event)
        # the later end: with both open, messages of the longer one remain after the minute
        until = max(filter(None, (until, follower.event_at + EVENT_WINDOW)))
    return Window(left if follower.is_subscribed else 0, until if left else None)


def reserve_message(follower_id: int, *, now: datetime) -> bool:
    """Take one message out of an open window; False when none is open.

    A single conditional UPDATE, so that two workers never take the same last message. The short
    window is used first, because what is left of it expires within a minute anyway.
    """
    limits = settings.get()
    short = and_(
        Follower.event_at > now - EVENT_WINDOW,
        Follower.sent_since_event < limits.customer_service_after_event,
    )
    long = and_(
        Follower.message_at > now - MESSAGE_WINDOW,
        Follower.sent_since_message < limits.customer_service_messages,
    )
    reserved = session.scalar(
        update(Follower)
        .where(Follower.id == follower_id, Follower.is_subscribed, or_(short, long))
        .values(
            sent_since_event=Follower.sent_since_event + case((short, 1), else_=0),
            sent_since_message=Follower.sent_since_message + case((short, 0), else_=1),
        )
        .returning(Follower.id)
        .execution_options(synchronize_session=False)
    )
    return reserved is not None


def close_windows(follower_id: int) -> None:
    """Close both windows after WeChat refused a message, until the follower acts again."""
    session.execute(
        update(Follower)
        .where(Follower.id == follower_id)
        .values(message_at=None, event_at=None)
        .execution_options(synchronize_session=False)
    )
