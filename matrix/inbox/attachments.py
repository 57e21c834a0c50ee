"""Attachments: pictures, voice messages and videos of citizens, downloaded when staff ask for one.

    request --> REQUESTED --job--> STORED     our copy; deleted together with the message
                              +--> FAILED     the problem says why: expired, too large, unknown

WeChat keeps what citizens send for three days and then it is gone (wechat-platform.md 2.2).
Nothing is downloaded unless a member of staff asks: a picture may show anything about
anybody, so the hub stores only those that somebody needed to see, and the audit says who.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, jobs
from config.audit.actions import AuditAction
from config.database import Base, BigKey, compare_and_set, session, upsert
from config.errors import Invalid, NotFound
from config.jobs import JobName
from config.permissions import Permission, Principal
from matrix import followers, inbox, media
from matrix.accounts import Account
from matrix.inbox import InboxMessage
from matrix.wechat import gateway

# the message kinds that carry a media id
KINDS = ("image", "voice", "video", "short_video")
# bytes; what WeChat itself allows for a picture, so only odd files are refused
MAX_BYTES = 10 * 2**20


class AttachmentAction(AuditAction, kind=followers.AUDIT_KIND):
    """What is recorded about attachments."""

    FETCH = "conversation.fetch_attachment", "查看市民发来的文件"


class AttachmentJob(JobName):
    """Jobs about attachments."""

    DOWNLOAD = "attachments.fetch", "下载市民发来的文件"


class AttachmentState(StrEnum):
    """Whether our copy exists."""

    REQUESTED = "requested"
    STORED = "stored"
    FAILED = "failed"


class Attachment(Base):
    """The picture, voice message or video of one inbox row."""

    __tablename__ = "attachments"

    inbox_id: Mapped[int] = mapped_column(
        BigKey,
        ForeignKey("inbox_messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    state: Mapped[AttachmentState]
    mime: Mapped[str]
    # deferred: a list of attachments must not load megabytes
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    problem: Mapped[str | None]
    requested_at: Mapped[datetime]


@dataclass(frozen=True)
class AttachmentSource:
    """Where WeChat keeps an attachment: the account it was sent to, and its media id there."""

    account_id: int
    media_id: str


def request(principal: Principal, follower_id: int, inbox_id: int, *, now: datetime) -> Attachment:
    """Ask for the download of a message's attachment.

    Asking again changes nothing, except after a failure, which is tried again. Leaves an audit row
    each time a download starts. Raises NotFound outside the principal's scope, Invalid for a
    message without an attachment.
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
            # without this, a second click would send a stored file back to REQUESTED
            where=Attachment.state == AttachmentState.FAILED,
        ).returning(Attachment.inbox_id)
    )
    if requested is not None:
        jobs.enqueue(
            AttachmentJob.DOWNLOAD, key=f"{AttachmentJob.DOWNLOAD}:{inbox_id}", inbox_id=inbox_id
        )
        account = session.get_one(Account, message.account_id)
        audit.record(
            AttachmentAction.FETCH,
            owner=account,
            object_id=follower_id,
            label=account.name,
            after={"message": inbox_id},
        )
    return session.get_one(Attachment, inbox_id, populate_existing=True)


def access_attachment(principal: Principal, follower_id: int, inbox_id: int) -> Attachment:
    """What is known of a message's attachment, for staff who may read it. Raises NotFound."""
    _access_message(principal, follower_id, inbox_id)
    found = session.get(Attachment, inbox_id)
    if found is None:
        raise NotFound(kind="attachment", id=inbox_id)
    return found


def by_message(inbox_ids: list[int]) -> dict[int, Attachment]:
    """Attachments by inbox id, without their bytes; a message nobody asked about is missing."""
    rows = session.scalars(select(Attachment).where(Attachment.inbox_id.in_(inbox_ids)))
    return {row.inbox_id: row for row in rows}


def _access_message(principal: Principal, follower_id: int, inbox_id: int) -> InboxMessage:
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_READ)
    return inbox.get_for_follower(follower, inbox_id)


# ---- for the download job ----


def find_requested(inbox_id: int) -> AttachmentSource | None:
    """Where to download an attachment that is still wanted; None when it came or was deleted."""
    found = session.get(Attachment, inbox_id)
    if found is None or found.state is not AttachmentState.REQUESTED:
        return None
    # the row is there: an attachment is deleted with its message
    message = session.get_one(InboxMessage, inbox_id)
    return AttachmentSource(message.account_id, str((message.content or {})["media_id"]))


def store(inbox_id: int, download: gateway.Download | gateway.VideoLink) -> None:
    """Keep what WeChat sent, or mark the attachment failed when it is not a file we can show."""
    # for videos WeChat may answer with a link that only works inside its own console
    if isinstance(download, gateway.VideoLink):
        mark_failed(inbox_id, "视频请到公众号后台查看")
    elif len(download.content) > MAX_BYTES:
        mark_failed(inbox_id, f"超过 {MAX_BYTES // 2**20} MB")
    # by its first bytes: the header comes from outside, and the
    # browser of staff will go by our type
    elif (mime := media.detect_mime(download.content)) is None:
        mark_failed(inbox_id, "文件格式无法识别")
    else:
        # compare-and-set, because two workers may have downloaded the same file
        to = {"state": AttachmentState.STORED, "mime": mime, "body": download.content}
        compare_and_set(Attachment, inbox_id, when={"state": AttachmentState.REQUESTED}, to=to)


def mark_failed(inbox_id: int, problem: str) -> None:
    """Note why there is no copy; `problem` is one Chinese phrase for staff."""
    compare_and_set(
        Attachment,
        inbox_id,
        when={"state": AttachmentState.REQUESTED},
        to={"state": AttachmentState.FAILED, "problem": problem},
    )
