"""Sending: a message by a channel of any kind. No transaction may be open during the call."""

from datetime import datetime

from config import logs
from matrix.notifications import mail, robots
from matrix.notifications.channels import ChannelKind, NotificationChannel, SendFailed
from matrix.notifications.messages import Message

_log = logs.get_logger(__name__)


def send(channel: NotificationChannel, message: Message, *, now: datetime) -> str:
    """Send a message; why it failed, as a Chinese text for staff, or "" when it was taken."""
    sender = mail if channel.kind is ChannelKind.EMAIL else robots
    try:
        sender.send(channel, message, now=now)
    except SendFailed as error:
        problem = str(error)
        _log.warning("notification.failed", channel=channel.id, kind=channel.kind, problem=problem)
        return problem
    return ""
