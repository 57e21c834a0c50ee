"""Mail: one message by the server of SMTP_URL (RFC 5321).

smtp://   port 25, or the one given; STARTTLS where the server offers it, and demanded before a
          password is sent
smtps://  TLS from the first byte, port 465
"""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import SplitResult, unquote, urlsplit

from config import clock, settings
from matrix.notifications.channels import NotificationChannel, SendFailed
from matrix.notifications.messages import Message


def send(channel: NotificationChannel, message: Message, *, now: datetime) -> None:
    """Send a message to a mail address. Raises SendFailed."""
    current = settings.get()
    if not current.smtp_url:
        raise SendFailed("本系统没有设置邮件服务器")
    server = urlsplit(current.smtp_url)
    try:
        with _connect(server, current.notification_timeout) as connection:
            _secure(connection, server)
            connection.send_message(_mail(channel.address, message, now))
    # from None: the errors of smtplib quote what was sent, which may be a password
    except smtplib.SMTPResponseException as error:
        raise SendFailed(f"邮件服务器拒绝了（{error.smtp_code}）") from None
    except (smtplib.SMTPException, OSError) as error:
        raise SendFailed(f"邮件没有发出（{type(error).__name__}）") from None


def _connect(server: SplitResult, timeout: float) -> smtplib.SMTP:
    host = server.hostname or ""
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, server.port or 465, timeout=timeout, context=context)
    return smtplib.SMTP(host, server.port or 25, timeout=timeout)


def _secure(connection: smtplib.SMTP, server: SplitResult) -> None:
    connection.ehlo()
    if server.scheme == "smtp" and (connection.has_extn("starttls") or server.username):
        # raises when the server does not offer it: a password never goes in the clear
        connection.starttls(context=ssl.create_default_context())
        connection.ehlo()
    if server.username:
        connection.login(unquote(server.username), unquote(server.password or ""))


def _mail(address: str, message: Message, now: datetime) -> EmailMessage:
    sender = settings.get().smtp_from
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.subject, sender, address
    mail["Date"] = format_datetime(clock.local(now))
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    # no out-of-office replies to a machine (RFC 3834)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    return mail
