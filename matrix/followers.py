"""Followers: one openid of one account, and how long we may still write to it.

    message ──> 48 hours, 5 messages          follow, scan, menu click ──> 1 minute, 3 messages

Each deed of the follower opens its window anew. `reserve` takes one message out of an open
window before the call; when WeChat says that a window is closed, `close_windows` believes it
until the follower comes back. Limits are settings, WeChat has changed them before.
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
from config.database import Base, BigKey, UtcDateTime, session, upsert
from config.errors import NotFound
from config.permissions import Permission, Principal

MESSAGE_WINDOW = timedelta(hours=48)
EVENT_WINDOW = timedelta(minutes=1)


class Follower(Base):
    """One openid of one account. The row comes with the first message, profile or not."""

    __tablename__ = "followers"
    __table_args__ = (UniqueConstraint("account_id", "openid"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    openid: Mapped[str]
    is_subscribed: Mapped[bool]
    subscribed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    scene: Mapped[str | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    message_at: Mapped[datetime | None]
    sent_since_message: Mapped[int]
    event_at: Mapped[datetime | None]
    sent_since_event: Mapped[int]


@dataclass(frozen=True)
class Window:
    """How many messages may still be sent, and until when."""

    left: int
    until: datetime | None


def record_message(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower sent a message: the long window opens."""
    _upsert(account_id, openid, now, message_at=now, sent_since_message=0)


def record_event(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower clicked or scanned: the short window opens."""
    _upsert(account_id, openid, now, event_at=now, sent_since_event=0)


def record_activity(account_id: int, openid: str, *, now: datetime) -> None:
    """The follower did something that opens no window."""
    _upsert(account_id, openid, now)


def record_follow(account_id: int, openid: str, *, scene: str | None, now: datetime) -> None:
    """The follower subscribed, perhaps by a scene's code: the short window opens."""
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
    """The follower left; nothing can be sent any more."""
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
    values = {"last_seen_at": now, **values}
    session.execute(
        upsert(Follower)
        .values(first | values)
        .on_conflict_do_update(index_elements=[Follower.account_id, Follower.openid], set_=values)
    )


def message_statement(insert: Any, recorded: Any) -> Any:
    """`wrote` as a statement, for the short path of `inbox.receive`.

    Its parameters are account_id, openid and received_at. With `recorded`, a common table
    expression that has `deliveries`, it does nothing for a repeated push.
    """
    at = bindparam("received_at", type_=UtcDateTime())
    values = {"last_seen_at": at, "message_at": at, "sent_since_message": literal(0)}
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
        statement = insert(Follower).from_select(list(first), row, include_defaults=False)
    return statement.on_conflict_do_update(
        index_elements=[Follower.account_id, Follower.openid], set_=values
    )


def find(account_id: int, openid: str) -> Follower | None:
    """The follower of this openid, if it was ever heard of."""
    return session.scalars(
        select(Follower).where(Follower.account_id == account_id, Follower.openid == openid)
    ).one_or_none()


def access_follower(principal: Principal, follower_id: int, permission: Permission) -> Follower:
    """The follower of this id, for a member with a right at the account. Raises NotFound."""
    follower = session.get(Follower, follower_id)
    if follower is None:
        raise NotFound(kind="follower", id=follower_id)
    principal.require(permission, account_id=follower.account_id)
    return follower


def window(follower: Follower, *, now: datetime) -> Window:
    """What may still be sent to the follower at this moment."""
    limits = settings.get()
    left, until = 0, None
    if follower.message_at is not None and follower.message_at + MESSAGE_WINDOW > now:
        left += max(0, limits.customer_service_messages - follower.sent_since_message)
        until = follower.message_at + MESSAGE_WINDOW
    if follower.event_at is not None and follower.event_at + EVENT_WINDOW > now:
        left += max(0, limits.customer_service_after_event - follower.sent_since_event)
        until = max(filter(None, (until, follower.event_at + EVENT_WINDOW)))
    return Window(left if follower.is_subscribed else 0, until if left else None)


def reserve_message(follower_id: int, *, now: datetime) -> bool:
    """Take one message out of an open window; False when none is open.

    The short window is used up first, it would lapse anyway. One UPDATE, so two workers never
    take the same last message.
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
    """WeChat refused: believe it until the follower does something again."""
    session.execute(
        update(Follower)
        .where(Follower.id == follower_id)
        .values(message_at=None, event_at=None)
        .execution_options(synchronize_session=False)
    )
