"""Enclosures: pictures, sounds and films that citizens sent, fetched when somebody asks.

    ask ──> wanted ──> kept      the bytes are ours, and go when the message goes
                 └───> lost      why: lapsed at WeChat after three days, too large, no known format

WeChat keeps what citizens send for three days. Nothing is fetched unasked, for a picture may show
anything about anybody; who asked is in the audit.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, jobs
from config.database import Base, BigKey, compare_and_set, session, upsert
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from matrix import followers, inbox, media
from matrix.accounts import Account
from matrix.inbox import InboxMessage
from matrix.wechat import gateway

FETCH = "attachments.fetch"

KINDS = ("image", "voice", "video", "short_video")
MAX_BYTES = 10 * 2**20


class AttachmentState(StrEnum):
    """Whether we have it."""

    REQUESTED = "requested"
    STORED = "stored"
    FAILED = "failed"


class Attachment(Base):
    """What one message of a citizen brought with it."""

    __tablename__ = "attachments"

    inbox_id: Mapped[int] = mapped_column(
        BigKey,
        ForeignKey("inbox_messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    state: Mapped[AttachmentState]
    mime: Mapped[str]
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    problem: Mapped[str | None]
    requested_at: Mapped[datetime]


@dataclass(frozen=True)
class AttachmentSource:
    """Where an enclosure is at WeChat."""

    account_id: int
    media_id: str


def request(principal: Principal, follower_id: int, inbox_id: int, *, now: datetime) -> Attachment:
    """Have a message's enclosure fetched; asked again, only what was lost is tried again.

    Raises NotFound outside the member's area, Invalid for a message that brought nothing.
    """
    message = _access_message(principal, follower_id, inbox_id)
    if message.kind not in KINDS or not (message.content or {}).get("media_id"):
        raise Invalid(field="message", problem="这条消息没有可查看的图片、语音或视频")
    values = {"state": AttachmentState.REQUESTED, "problem": None, "requested_at": now}
    statement = upsert(Attachment).values(inbox_id=inbox_id, mime="", **values)
    requested = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[Attachment.inbox_id],
            set_=values,
            where=Attachment.state == AttachmentState.FAILED,
        ).returning(Attachment.inbox_id)
    )
    if requested is not None:
        jobs.enqueue(FETCH, key=f"{FETCH}:{inbox_id}", inbox_id=inbox_id)
        account = session.get_one(Account, message.account_id)
        audit.record(
            "conversation.fetch_attachment",
            kind="conversation",
            object_id=follower_id,
            label=account.name,
            department_id=account.department_id,
            after={"message": inbox_id},
        )
    return session.get_one(Attachment, inbox_id, populate_existing=True)


def access_attachment(principal: Principal, follower_id: int, inbox_id: int) -> Attachment:
    """What was fetched for a message. Raises NotFound."""
    _access_message(principal, follower_id, inbox_id)
    found = session.get(Attachment, inbox_id)
    if found is None:
        raise NotFound(kind="attachment", id=inbox_id)
    return found


def by_message(inbox_ids: list[int]) -> dict[int, Attachment]:
    """What was asked for, by inbox id; without the bytes."""
    rows = session.scalars(select(Attachment).where(Attachment.inbox_id.in_(inbox_ids)))
    return {row.inbox_id: row for row in rows}


def _access_message(principal: Principal, follower_id: int, inbox_id: int) -> InboxMessage:
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_READ)
    return inbox.get_for_follower(follower, inbox_id)


# ---- for the job ----


def find_requested(inbox_id: int) -> AttachmentSource | None:
    """Where an enclosure that is still wanted is; None when it came or its message is gone."""
    found = session.get(Attachment, inbox_id)
    if found is None or found.state is not AttachmentState.REQUESTED:
        return None
    message = session.get_one(InboxMessage, inbox_id)
    return AttachmentSource(message.account_id, str((message.content or {})["media_id"]))


def store(inbox_id: int, download: gateway.Download | gateway.VideoLink) -> None:
    """Keep what WeChat gave, if it is what it should be."""
    if isinstance(download, gateway.VideoLink):
        mark_failed(inbox_id, "视频请到公众号后台查看")
    elif len(download.content) > MAX_BYTES:
        mark_failed(inbox_id, f"超过 {MAX_BYTES // 2**20} MB")
    elif (mime := media.detect_mime(download.content)) is None:
        mark_failed(inbox_id, "文件格式无法识别")
    else:
        to = {"state": AttachmentState.STORED, "mime": mime, "body": download.content}
        compare_and_set(Attachment, inbox_id, when={"state": AttachmentState.REQUESTED}, to=to)


def mark_failed(inbox_id: int, problem: str) -> None:
    """Write down why there is nothing to see."""
    compare_and_set(
        Attachment,
        inbox_id,
        when={"state": AttachmentState.REQUESTED},
        to={"state": AttachmentState.FAILED, "problem": problem},
    )
