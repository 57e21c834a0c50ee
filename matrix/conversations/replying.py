"""Replying: what an agent answers in a conversation, and its way to the follower.

    AgentReply --> OutboundMessage --> sent
                                  +--> refused     the conversation waits for an answer again

Each reply carries the key of the form it was written in, so a double click or a reload finds the
first reply instead of sending it twice. A reply settles the conversation up to the message its
writer had seen; a message that came later still waits. A picture the account has not uploaded to
WeChat yet is uploaded first, by a job.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, case, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.audit.actions import AuditAction
from config.database import Base, BigKey, compare_and_set, get_for_update, session
from config.errors import DomainError, Invalid, NotFound, Temporary
from config.permissions import Permission, Principal
from matrix import accounts, followers, outbound
from matrix.accounts import Account
from matrix.conversations.projection import Conversation, ConversationJob
from matrix.followers import Follower
from matrix.inbox import days
from matrix.media import MediaFile, MediaUpload
from matrix.outbound import OutboundMessage
from matrix.wechat import gateway, passive_replies

# bytes; WeChat's limit for a text is 2048 (wechat-platform.md 5.2)
MAX_BYTES = 2000


class ReplyAction(AuditAction, kind=followers.AUDIT_KIND):
    """What is recorded about answering."""

    REPLY = "conversation.reply", "回复市民"
    DISMISS = "conversation.dismiss", "标为无需回复"


class WindowClosed(DomainError):
    """WeChat lets nobody write to this follower now (wechat-platform.md 5.1)."""

    text = "现在不能回复：超过 48 小时没有收到对方消息，或可发送的条数已用完。"


class CannotSend(DomainError):
    """The account may not send customer-service messages: paused, or not verified."""

    text = "{name}已暂停，或未经微信认证，不能发送消息。"


class AgentReply(Base):
    """One reply by one agent. While `outbound_id` is None its picture is still being uploaded."""

    __tablename__ = "agent_replies"
    __table_args__ = (
        Index("ix_agent_replies_follower_id_created_at", "follower_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    # the last guard against a second row when two submits race
    key: Mapped[str] = mapped_column(unique=True)
    follower_id: Mapped[int] = mapped_column(ForeignKey("followers.id"))
    outbound_id: Mapped[int | None] = mapped_column(
        ForeignKey("outbound_messages.id", ondelete="CASCADE"), unique=True
    )
    file_id: Mapped[int | None] = mapped_column(ForeignKey("media_files.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    # a copy: the thread shows the name the agent had then
    staff_name: Mapped[str]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class ReplyForm:
    """The form a reply came from: its key, and the newest message its writer had seen."""

    key: str
    seen_id: int

    def validate(self) -> None:
        """Raises Invalid for a key that no form of ours has."""
        if not 16 <= len(self.key) <= 64:
            raise Invalid(field="key", problem="页面已过期，请刷新后重新填写")


def reply_text(
    principal: Principal, follower_id: int, content: str, *, form: ReplyForm, now: datetime
) -> AgentReply:
    """Send a text to the follower. A second submit of the same form returns the first reply.

    Raises Invalid for an empty or long text, WindowClosed, CannotSend, NotFound.
    """
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_REPLY)
    content = content.strip()
    if not content:
        raise Invalid(field="content", problem="请填写回复内容")
    # refused and not split: parts would use up the window of five messages unnoticed
    if len(content.encode()) > MAX_BYTES:
        raise Invalid(field="content", problem=f"太长，最多 {MAX_BYTES // 3} 个汉字")
    agent_reply = _get_or_create(principal, follower, form, now, file_id=None)
    if agent_reply.outbound_id is None:
        _send(agent_reply, follower, passive_replies.Text(content), now)
    return agent_reply


def reply_image(
    principal: Principal, follower_id: int, file_id: int, *, form: ReplyForm, now: datetime
) -> AgentReply:
    """Send a picture of the media library. A second submit returns the first reply.

    Raises Invalid for a picture the principal may not use, WindowClosed, CannotSend, NotFound.
    """
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_REPLY)
    file = session.scalar(
        select(MediaFile).where(MediaFile.id == file_id, *_sendable_filter(principal))
    )
    if file is None:
        raise Invalid(field="picture", problem="请选择一张图片")
    agent_reply = _get_or_create(principal, follower, form, now, file_id=file_id)
    if agent_reply.outbound_id is None:
        media_id = _find_media_id(follower.account_id, file, now)
        if media_id is not None:
            _send(agent_reply, follower, passive_replies.Image(media_id), now)
        else:
            # by a job: uploading takes seconds, and no transaction may
            # be open while WeChat is called
            key = f"{ConversationJob.SEND_IMAGE}:{agent_reply.id}"
            jobs.enqueue(ConversationJob.SEND_IMAGE, key=key, agent_reply_id=agent_reply.id)
    return agent_reply


def images_for_staff(principal: Principal, *, at_most: int = 200) -> dict[int, str]:
    """Names by id of the pictures the principal may send, newest first."""
    rows = select(MediaFile.id, MediaFile.name).where(*_sendable_filter(principal))
    return dict(session.execute(rows.order_by(MediaFile.id.desc()).limit(at_most)).all())


def _sendable_filter(principal: Principal) -> tuple[ColumnElement[bool], ...]:
    """Pictures of the whole city, and of the departments whose citizens the principal answers."""
    scope = principal.scope(Permission.CONVERSATIONS_REPLY)
    owners = select(Account.department_id).where(scope.sql_filter(account=Account.id))
    own = scope.sql_filter(department=MediaFile.department_id) | MediaFile.department_id.in_(owners)
    return MediaFile.kind == gateway.MediaKind.IMAGE, or_(MediaFile.department_id.is_(None), own)


def _find_media_id(account_id: int, file: MediaFile, now: datetime) -> str | None:
    return session.scalar(
        select(MediaUpload.media_id).where(
            MediaUpload.account_id == account_id,
            MediaUpload.file_id == file.id,
            # an id of former content is still valid at WeChat, but shows another picture
            MediaUpload.digest == file.digest,
            MediaUpload.expires_at > now,
        )
    )


def _get_or_create(
    principal: Principal, follower: Follower, form: ReplyForm, now: datetime, *, file_id: int | None
) -> AgentReply:
    """The reply with the form's key; created, with its audit row, the first time."""
    form.validate()
    get_for_update(Follower, follower.id)  # a second click waits here for the first
    before = session.scalars(select(AgentReply).where(AgentReply.key == form.key)).one_or_none()
    if before is not None:
        # a key belongs to one form of one person; anything else is a stale or forged form
        if (before.follower_id, before.staff_id) != (follower.id, principal.staff_id):
            raise Invalid(field="key", problem="页面已过期，请刷新后重新填写")
        return before
    _check_window(follower, now)
    agent_reply = AgentReply(
        key=form.key,
        follower_id=follower.id,
        file_id=file_id,
        staff_id=principal.staff_id,
        staff_name=principal.name,
        created_at=now,
    )
    session.add(agent_reply)
    session.flush()  # the audit row needs the id
    _mark_handled(principal, follower, form.seen_id, now)
    _audit(ReplyAction.REPLY, follower, answer=agent_reply.id)
    return agent_reply


def _check_window(follower: Follower, now: datetime) -> None:
    account = session.get_one(Account, follower.account_id)
    if not account.verified or account.state is accounts.AccountState.PAUSED:
        raise CannotSend(name=account.name)
    # messages that are queued will each take one out of the window
    if followers.window(follower, now=now).left <= outbound.count_queued(follower.id):
        raise WindowClosed(follower=follower.id)


def _send(
    agent_reply: AgentReply, follower: Follower, reply: gateway.Message, now: datetime
) -> None:
    outbound_message = outbound.enqueue(follower, reply, now=now)
    agent_reply.outbound_id = outbound_message.id
    session.flush()  # a page rendered in this request already shows the reply as sent


def _mark_handled(principal: Principal, follower: Follower, seen_id: int, now: datetime) -> bool:
    """Settle a conversation up to a message; False when the follower has written since."""
    seen_id = min(seen_id, days.newest_id())  # nobody has dealt with what is still to come
    session.execute(
        update(Conversation)
        .where(Conversation.follower_id == follower.id)
        .values(
            waiting_since=case(
                (Conversation.last_id > seen_id, Conversation.waiting_since), else_=None
            ),
            handled_id=seen_id,
            handled_at=now,
            handled_by=principal.name,
        )
        .execution_options(synchronize_session=False)
    )
    later = select(Conversation.follower_id).where(
        Conversation.follower_id == follower.id, Conversation.last_id > seen_id
    )
    return session.scalar(later) is None


def dismiss(principal: Principal, follower_id: int, *, seen_id: int, now: datetime) -> bool:
    """Mark a conversation as needing no answer; False when the follower has written since.

    What came before `seen_id` is settled in either case. Raises NotFound outside the principal's
    scope.
    """
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_REPLY)
    # also when it is False: what came before was read, and the audit says by whom
    done = _mark_handled(principal, follower, seen_id, now)
    _audit(ReplyAction.DISMISS, follower, message=seen_id)
    return done


def _audit(action: ReplyAction, follower: Follower, **facts: int) -> None:
    account = session.get_one(Account, follower.account_id)
    audit.record(
        action,
        owner=account,
        object_id=follower.id,
        label=account.name,
        after=facts,
    )


# ---- for the upload and delivery jobs ----


def find_image_to_upload(reply_id: int) -> tuple[int, int] | None:
    """(account id, file id) to upload before a reply can go; None when nothing is left to do."""
    agent_reply = session.get(AgentReply, reply_id)
    if agent_reply is None:
        raise NotFound(kind="reply", id=reply_id)
    if agent_reply.outbound_id is not None or agent_reply.problem or agent_reply.file_id is None:
        return None
    follower = session.get_one(Follower, agent_reply.follower_id)
    return follower.account_id, agent_reply.file_id


def send_image(reply_id: int, *, now: datetime) -> None:
    """Queue a reply whose picture has been uploaded; calling it again changes nothing.

    Raises Temporary while the account still has no media id for the picture.
    """
    agent_reply = get_for_update(AgentReply, reply_id)
    if agent_reply.outbound_id is not None or agent_reply.problem or agent_reply.file_id is None:
        return
    follower = session.get_one(Follower, agent_reply.follower_id)
    media_id = _find_media_id(
        follower.account_id, session.get_one(MediaFile, agent_reply.file_id), now
    )
    if media_id is None:
        # the upload may have lapsed between the two transactions of the job
        raise Temporary(kind="upload", answer=reply_id)
    _send(agent_reply, follower, passive_replies.Image(media_id), now)


def mark_image_failed(reply_id: int, problem: str) -> None:
    """Note that the picture cannot be uploaded; the conversation waits for an answer again."""
    agent_reply = compare_and_set(
        AgentReply, reply_id, when={"outbound_id": None, "problem": None}, to={"problem": problem}
    )
    if agent_reply is not None:
        _reopen(agent_reply)


def record_delivery(outbound_id: int) -> None:
    """After an outbound message is settled: reopen the conversation when it was a refused reply."""
    agent_reply = session.scalars(
        select(AgentReply)
        .join(OutboundMessage, OutboundMessage.id == AgentReply.outbound_id)
        .where(
            AgentReply.outbound_id == outbound_id,
            OutboundMessage.state == outbound.OutboundState.REFUSED,
        )
    ).one_or_none()
    if agent_reply is not None:
        _reopen(agent_reply)


def _reopen(agent_reply: AgentReply) -> None:
    # handled_at equals this reply's time only while nobody has answered after it
    session.execute(
        update(Conversation)
        .where(
            Conversation.follower_id == agent_reply.follower_id,
            Conversation.handled_at == agent_reply.created_at,
        )
        .values(waiting_since=Conversation.last_at, handled_id=0, handled_at=None, handled_by="")
        .execution_options(synchronize_session=False)
    )
