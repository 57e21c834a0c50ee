"""Channels: a person's ways to be reached outside of the console.

    group robot of 企业微信   https://developer.work.weixin.qq.com/document/path/91770
    group robot of DingTalk  https://open.dingtalk.com/document/robots/custom-robot-access
    e-mail

The address of a robot holds its key: whoever has it can write into the group. It is encrypted as
other secrets are and never shown again, and only the origins of ROBOT_ORIGINS are called.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy import ForeignKey, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs, settings
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, compare_and_set, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version, update_unversioned
from config.errors import DomainError, Invalid, NotFound
from config.jobs import JobName
from config.labelled_enum import LabelledEnum
from config.permissions import Principal
from config.security.crypto import EncryptedText
from config.validation import ErrorMessage, Spec, field_error
from matrix.staff import members

MAX_PER_PERSON = 5
_MAX_NAME_LENGTH = 20
# the local part and domain that mail servers accept without quoting; others are mistyped
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_KEY = re.compile(r"[A-Za-z0-9_-]{8,128}")


class NotificationAction(AuditAction, kind=ObjectKind("notification", "通知设置")):
    """What is recorded about how people are told of alerts."""

    ADD_CHANNEL = "notification.add_channel", "添加通知方式"
    UPDATE_CHANNEL = "notification.update_channel", "修改通知方式"
    DELETE_CHANNEL = "notification.delete_channel", "删除通知方式"
    UPDATE = "notification.update", "修改通知设置"


class NotificationJob(JobName):
    """Jobs that tell people of alerts."""

    PLAN = "notifications.plan", "安排提醒的通知"
    DELIVER = "notifications.deliver", "发送提醒的通知"
    TEST = "notifications.test", "发送测试通知"


class ChannelKind(LabelledEnum):
    """The kinds of channel."""

    WECOM = "wecom", "企业微信群机器人"
    DINGTALK = "dingtalk", "钉钉群机器人"
    EMAIL = "email", "邮件"


# the path of each robot's address, and the parameter that holds its key
_ROBOT_ADDRESSES = {
    ChannelKind.WECOM: ("/cgi-bin/webhook/send", "key"),
    ChannelKind.DINGTALK: ("/robot/send", "access_token"),
}


class ChannelTest(StrEnum):
    """How the last test message fared."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class SendFailed(DomainError):
    """A channel did not take a message; the text says why."""

    text = "{problem}"

    def __init__(self, problem: str) -> None:
        super().__init__(problem=problem)


class NotificationChannel(Versioned, Base):
    """One way to reach one person. `position` is the person's order: the first is tried first.

    `address` is a robot's URL or a mail address, `secret` what DingTalk signs with.
    """

    __tablename__ = "notification_channels"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    kind: Mapped[ChannelKind]
    name: Mapped[str]
    address: Mapped[str] = mapped_column(EncryptedText)
    secret: Mapped[str | None] = mapped_column(EncryptedText)
    position: Mapped[int]
    test: Mapped[ChannelTest | None]
    test_problem: Mapped[str] = mapped_column(default="")
    tested_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def label(self) -> str:
        """The kind and the person's own name for it."""
        return f"{self.kind.label}“{self.name}”"

    @property
    def hint(self) -> str:
        """As much of the address as its owner needs to know it again."""
        if self.kind is ChannelKind.EMAIL:
            local, _, domain = self.address.partition("@")
            return f"{local[:1]}***@{domain}"
        return f"{urlsplit(self.address).hostname}，末尾 {self.address[-4:]}"


class ChannelSpec(Spec):
    """What a channel should be; `secret` is for DingTalk alone."""

    # the kind stands first, because the address is checked by it
    kind: ChannelKind
    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_NAME_LENGTH),
        ErrorMessage(f"请填写，最长 {_MAX_NAME_LENGTH} 个字"),
    ]
    # no repr of secrets: it would end up in tracebacks and logs
    address: str = Field(repr=False)
    secret: str = Field("", repr=False)

    @field_validator("address")
    @classmethod
    def _check_address(cls, address: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        if kind is ChannelKind.EMAIL:
            return _checked_email(address.strip())
        return address if kind is None else _checked_robot(kind, address.strip())

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, secret: str, info: ValidationInfo) -> str:
        if info.data.get("kind") is not ChannelKind.DINGTALK:
            return ""
        if secret.strip() and not _KEY.fullmatch(secret.strip()):
            raise field_error("应是机器人安全设置里“加签”下面以 SEC 开头的一串字符")
        return secret.strip()


def _checked_email(address: str) -> str:
    if not _EMAIL.fullmatch(address):
        raise field_error("应是一个邮箱地址")
    return address


def _checked_robot(kind: ChannelKind, address: str) -> str:
    """The address of a robot with its key and nothing else."""
    path, parameter = _ROBOT_ADDRESSES[kind]
    parts = urlsplit(address)
    keys = parse_qs(parts.query).get(parameter, [])
    if parts.path != path or len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise field_error(f"应是机器人的 Webhook 地址，形如 …{path}?{parameter}=…")
    origin = f"{parts.scheme}://{parts.netloc}"
    if not is_allowed(origin):
        raise field_error("不是允许的机器人地址，请从群机器人的设置页复制")
    return f"{origin}{path}?{urlencode({parameter: keys[0]})}"


def is_allowed(origin: str) -> bool:
    """Whether robots at this origin (scheme, host, port) may be called."""
    return origin in settings.get().robot_origins


# ---- queries ----


def access_channel(principal: Principal, channel_id: int) -> NotificationChannel:
    """The principal's own channel. Raises NotFound, also for those of others."""
    channel = session.get(NotificationChannel, channel_id)
    if channel is None or channel.staff_id != principal.staff_id:
        raise NotFound(kind="notification channel", id=channel_id)
    return channel


def find(channel_id: int) -> NotificationChannel | None:
    """The channel with this id; None when its owner has deleted it."""
    return session.get(NotificationChannel, channel_id)


def list_for_person(staff_id: int) -> Sequence[NotificationChannel]:
    """A person's channels in the order in which they are tried."""
    rows = select(NotificationChannel).where(NotificationChannel.staff_id == staff_id)
    return session.scalars(rows.order_by(NotificationChannel.position)).all()


def kinds_by_person(staff_ids: Collection[int]) -> dict[int, dict[int, ChannelKind]]:
    """Ids and kinds of people's channels, in their order, by staff id; no address is decrypted."""
    channel = NotificationChannel
    rows = select(channel.staff_id, channel.id, channel.kind).where(channel.staff_id.in_(staff_ids))
    found: dict[int, dict[int, ChannelKind]] = {}
    for staff_id, channel_id, kind in session.execute(rows.order_by(channel.position)):
        found.setdefault(staff_id, {})[channel_id] = kind
    return found


# ---- verbs ----


def add(principal: Principal, spec: ChannelSpec, *, now: datetime) -> NotificationChannel:
    """Add a channel of the principal's own, as the last one. Raises Invalid."""
    own = list_for_person(principal.staff_id)
    if len(own) >= MAX_PER_PERSON:
        raise Invalid(field="name", problem=f"最多 {MAX_PER_PERSON} 种通知方式")
    _check_mail_server(spec)
    channel = NotificationChannel(
        staff_id=principal.staff_id,
        kind=spec.kind,
        name=spec.name,
        address=spec.address,
        secret=spec.secret or None,
        position=max((each.position for each in own), default=0) + 1,
        created_at=now,
    )
    session.add(channel)
    session.flush()  # the audit row needs the id
    _audit(NotificationAction.ADD_CHANNEL, channel)
    return channel


def update(principal: Principal, channel_id: int, spec: ChannelSpec, *, version: int) -> None:
    """Change a channel of the principal's own; what its last test said is forgotten.

    Raises Invalid, Stale, NotFound.
    """
    access_channel(principal, channel_id)
    _check_mail_server(spec)
    channel = get_for_update(NotificationChannel, channel_id)
    check_version(channel, version, "这种通知方式", channel=channel_id)
    channel.name, channel.address, channel.secret = spec.name, spec.address, spec.secret or None
    channel.test, channel.test_problem = None, ""
    session.flush()
    _audit(NotificationAction.UPDATE_CHANNEL, channel)


def _check_mail_server(spec: ChannelSpec) -> None:
    if spec.kind is ChannelKind.EMAIL and not settings.get().smtp_url:
        raise Invalid(field="kind", problem="本系统还没有设置邮件服务器，请联系管理员")


def move_first(principal: Principal, channel_id: int) -> None:
    """Let a channel of the principal's own be tried first. Raises NotFound."""
    channel = access_channel(principal, channel_id)
    first = session.scalar(
        select(func.min(NotificationChannel.position)).where(
            NotificationChannel.staff_id == principal.staff_id
        )
    )
    update_unversioned(channel, position=(first or 0) - 1)


def remove(principal: Principal, channel_id: int) -> None:
    """Delete a channel of the principal's own. Raises NotFound."""
    channel = access_channel(principal, channel_id)
    _audit(NotificationAction.DELETE_CHANNEL, channel)
    session.execute(delete(NotificationChannel).where(NotificationChannel.id == channel.id))


def delete_of_person(staff_id: int) -> None:
    """Delete the channels of somebody who left: their groups must not hear of citizens any more."""
    for channel in list_for_person(staff_id):
        _audit(NotificationAction.DELETE_CHANNEL, channel)
        session.execute(delete(NotificationChannel).where(NotificationChannel.id == channel.id))


def request_test(principal: Principal, channel_id: int) -> None:
    """Send a test message by a channel of the principal's own, after the commit. Raises
    NotFound.
    """
    channel = access_channel(principal, channel_id)
    update_unversioned(channel, test=ChannelTest.WAITING, test_problem="")
    # one at a time, however often the button is pressed
    key = f"{NotificationJob.TEST}:{channel_id}"
    jobs.enqueue(NotificationJob.TEST, key=key, channel_id=channel_id)


def record_test(channel_id: int, *, problem: str, now: datetime) -> None:
    """Record how a test message fared; `problem` is empty when it was sent."""
    state = ChannelTest.FAILED if problem else ChannelTest.SENT
    compare_and_set(
        NotificationChannel,
        channel_id,
        when={"test": ChannelTest.WAITING},
        to={"test": state, "test_problem": problem, "tested_at": now},
    )


def _audit(action: NotificationAction, channel: NotificationChannel) -> None:
    # never the address: whoever reads it could write into the group
    audit.record(
        action,
        owner=members.get(channel.staff_id),
        object_id=channel.staff_id,
        label=channel.label,
        after={"kind": channel.kind.value, "name": channel.name},
    )
