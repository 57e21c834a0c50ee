"""Sending: what leaves by a robot and by mail, and what a failure says, without a secret in it."""

import base64
import email
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import policy
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug import Request, Response

from config import settings
from config.alerts import Alert
from matrix.notifications import messages, robots, sending
from matrix.notifications.channels import ChannelKind, NotificationChannel
from matrix.notifications.messages import Message
from tests.helpers import NOW
from tests.matrix.notifications._servers import MailServer, serve_http, serve_mail

KEY = "the-secret-key-1"
MESSAGE = Message("【提醒】门坏了", ("【提醒】门坏了", "请看一下"))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFICATION_TIMEOUT", "0.5")
    settings.reset()


@contextmanager
def robot(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Request], Response],
    kind: ChannelKind = ChannelKind.WECOM,
    secret: str | None = None,
) -> Iterator[NotificationChannel]:
    """A channel whose robot answers as the test says."""
    with serve_http(answer) as url:
        monkeypatch.setenv("ROBOT_ORIGINS", url)
        settings.reset()
        path = "robot/send?access_token" if kind is ChannelKind.DINGTALK else "x/send?key"
        yield NotificationChannel(kind=kind, address=f"{url}/{path}={KEY}", secret=secret)


def ok(**more: Any) -> Response:
    return Response(json.dumps({"errcode": 0, "errmsg": "ok"} | more), mimetype="application/json")


def test_a_robot_is_given_plain_text_with_real_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bytes, str]] = []

    def answer(request: Request) -> Response:
        seen.append((request.args["key"], request.get_data(), request.content_type or ""))
        return ok()

    with robot(monkeypatch, answer) as channel:
        assert sending.send(channel, MESSAGE, now=NOW) == ""
    ((key, body, content_type),) = seen
    assert key == KEY
    assert json.loads(body) == {"msgtype": "text", "text": {"content": MESSAGE.text}}
    assert "门坏了".encode() in body
    assert content_type == "application/json; charset=utf-8"


def test_dingtalk_is_signed_as_its_documentation_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    def answer(request: Request) -> Response:
        seen.append(request.args.to_dict())
        return ok()

    moment = datetime(2026, 3, 10, 1, 2, 3, tzinfo=UTC)
    with robot(monkeypatch, answer, ChannelKind.DINGTALK, "SECthis is secret") as channel:
        assert sending.send(channel, MESSAGE, now=moment) == ""
        channel.secret = None
        assert sending.send(channel, MESSAGE, now=moment) == ""
    signed, plain = seen
    # HMAC-SHA256 of "1773104523000\nSECthis is secret", computed with openssl
    assert signed == {
        "access_token": KEY,
        "timestamp": "1773104523000",
        "sign": base64.b64encode(
            bytes.fromhex("f30db9808668f921ce470e515ef2f01b56e054e1ab730737aca45e55763420fc")
        ).decode(),
    }
    assert plain == {"access_token": KEY}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda r: ok(errcode=93000, errmsg="invalid webhook url"), "地址无效"),
        (lambda r: ok(errcode=45009), "太频繁"),
        (lambda r: ok(errcode=310000, errmsg="sign not match"), "加签"),
        (lambda r: ok(errcode=99999), "99999"),
        (lambda r: ok(errcode="0"), "没有接受"),
        (lambda r: Response("{}"), "没有接受"),
        (lambda r: Response("<html>"), "无法识别"),
        (lambda r: Response("[]"), "无法识别"),
        (lambda r: Response("", 502), "HTTP 502"),
        (lambda r: Response("", 302, {"Location": "http://127.0.0.1:9/steal"}), "HTTP 302"),
        (lambda r: Response("x" * 100_000), "太长"),
    ],
)
def test_what_a_robot_does_not_take_is_said_in_chinese_and_without_its_key(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[Request], Response],
    said: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines, robot(monkeypatch, answer) as channel:
        problem = sending.send(channel, MESSAGE, now=NOW)
    assert said in problem
    assert KEY not in problem + str(lines)
    assert [line["event"] for line in lines] == ["notification.failed"]


def test_a_robot_that_is_away_or_slow_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle(request: Request) -> Response:
        def drops() -> Iterator[bytes]:
            while True:
                yield b" " * 64

        return Response(drops())

    with robot(monkeypatch, trickle) as channel:
        assert "太慢" in sending.send(channel, MESSAGE, now=NOW) or "太长" in sending.send(
            channel, MESSAGE, now=NOW
        )
    # the server is gone, its address still allowed
    assert "连接不上" in sending.send(channel, MESSAGE, now=NOW)


def test_an_address_that_is_no_longer_allowed_is_not_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(request: Request) -> Response:
        raise AssertionError("called")

    with robot(monkeypatch, answer) as channel:
        monkeypatch.setenv("ROBOT_ORIGINS", "https://qyapi.weixin.qq.com")
        settings.reset()
        assert "不再是允许的" in sending.send(channel, MESSAGE, now=NOW)


# ---- mail ----


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with serve_mail() as server:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        monkeypatch.setenv("SMTP_FROM", "hub@example.cn")
        settings.reset()
        yield server


def mailbox(address: str = "duty@example.cn") -> NotificationChannel:
    return NotificationChannel(kind=ChannelKind.EMAIL, address=address)


def test_a_mail_has_sender_subject_and_text(mail: MailServer) -> None:
    assert sending.send(mailbox(), MESSAGE, now=NOW) == ""
    (received,) = mail.received
    parsed = email.message_from_bytes(received, policy=policy.default)
    assert (parsed["From"], parsed["To"]) == ("hub@example.cn", "duty@example.cn")
    assert parsed["Subject"] == "【提醒】门坏了"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed.get_content().splitlines() == list(MESSAGE.lines)


def test_a_password_never_goes_in_the_clear(
    mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_URL", f"smtp://hub:pass%20word@127.0.0.1:{mail.port}")
    settings.reset()
    problem = sending.send(mailbox(), MESSAGE, now=NOW)
    assert "没有发出" in problem
    assert "pass" not in problem
    assert mail.received == []
    assert not any(line.startswith("AUTH") for line in mail.heard)


def test_what_a_mail_server_refuses_is_said(mail: MailServer) -> None:
    mail.refuse = "RCPT"
    assert sending.send(mailbox(), MESSAGE, now=NOW) == "邮件没有发出（SMTPRecipientsRefused）"
    mail.refuse = "MAIL"
    assert sending.send(mailbox(), MESSAGE, now=NOW) == "邮件服务器拒绝了（550）"


def test_a_mail_server_that_is_away_or_unset_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "没有设置" in sending.send(mailbox(), MESSAGE, now=NOW)
    monkeypatch.setenv("SMTP_URL", "smtps://127.0.0.1:9")
    monkeypatch.setenv("SMTP_FROM", "hub@example.cn")
    settings.reset()
    assert "没有发出" in sending.send(mailbox(), MESSAGE, now=NOW)


# ---- what is told ----


def alert(**values: Any) -> Alert:
    given = {
        "kind": "inbox.emergency",
        "message": "华阴公安收到疑似紧急求助，含“跳河”",
        "urgent": True,
        "count": 1,
        "last_raised_at": NOW,
        "details": {"text": "有人跳河了\n电话138****0000"},
    }
    return Alert(**given | values)


def test_a_message_quotes_the_citizen_and_leads_to_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = messages.of_alert(alert(), path="/console/alarms/7", kind_label="紧急求助")
    assert told.subject == "【紧急提醒】华阴公安收到疑似紧急求助，含“跳河”"
    assert "市民原话：有人跳河了 电话138****0000" in told.lines
    assert told.lines[-1] == "查看并接手：https://hub.example/console/alarms/7"

    monkeypatch.setenv("NOTIFICATION_QUOTES", "false")
    settings.reset()
    assert "有人跳河了" not in messages.of_alert(alert(), path="/x", kind_label="").text


@pytest.mark.parametrize("character", ["救", "🆘", "\ud83c"])
def test_a_long_message_is_shortened_to_what_a_robot_takes(character: str) -> None:
    long = alert(message=character * 1300, details={"text": character * 1300}, count=3)
    told = messages.of_alert(long, path="/x" * 20, kind_label="紧急求助", on_behalf_of="某甲" * 9)
    assert len(told.text.encode()) < 2048, "what 企业微信 takes"
    assert told.lines[0].endswith("…")
    assert told.lines[1].endswith("…")
    assert "第 3 次" in told.text
    assert "还没有接手" in told.text
    assert "查看并接手" in told.lines[-1]


def test_every_message_has_the_keyword_that_robots_may_demand() -> None:
    for told in (
        messages.of_alert(alert(), path="/x", kind_label=""),
        messages.of_alert(alert(urgent=False, details={}), path="/x", kind_label=""),
        messages.of_test("某甲"),
    ):
        assert messages.KEYWORD in told.subject
        assert "\n" not in told.subject


def test_the_signature_is_that_of_the_robots() -> None:
    assert robots.signature("s", now=NOW).keys() == {"timestamp", "sign"}
