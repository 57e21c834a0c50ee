"""The wire: nothing hangs, nothing is done twice unasked, nothing secret is shown."""

import json
import socket
from dataclasses import replace
from typing import Any

import pytest
import structlog

from config import settings
from matrix.wechat import gateway
from matrix.wechat.errors import (
    GatewayError,
    NotAuthorised,
    QuotaUsed,
    Refused,
    StaleToken,
    Temporary,
    Unconfirmed,
)
from matrix.wechat.passive_replies import Text
from tests.matrix.wechat._scripted_server import ScriptedResponse, ScriptedServer
from tests.matrix.wechat.conftest import CREDENTIALS, SECRET

SEND = "/cgi-bin/message/custom/send"
USER = "/cgi-bin/user/info"
OK = {"errcode": 0, "errmsg": "ok"}
STALE = {"errcode": 40001, "errmsg": "invalid credential rid: 65a1b2c3-0d1e2f3a-4b5c6d7e"}
PROFILE = {"subscribe": 1, "openid": "o1"}


def send() -> None:
    gateway.send(CREDENTIALS, "o1", Text("您好"))


def request() -> gateway.Profile:
    return gateway.get_user(CREDENTIALS, "o1")


def test_requests_are_json_with_real_characters(scripted_server: ScriptedServer) -> None:
    scripted_server.respond(SEND, OK)

    gateway.send(CREDENTIALS, "o1", Text('您好 🇨🇳 "引号" \ud800'))

    asked = scripted_server.calls(SEND)[0]
    assert b"\\u" not in asked.body
    assert json.loads(asked.body.decode("utf-8"))["text"] == {"content": '您好 🇨🇳 "引号" ?'}
    assert asked.headers["Content-Type"] == "application/json; charset=utf-8"
    assert asked.query == {"access_token": ["token-1"]}


def test_the_secret_is_sent_in_the_body_and_nothing_is_forced(
    scripted_server: ScriptedServer,
) -> None:
    scripted_server.respond(SEND, OK)

    send()

    asked = scripted_server.calls("/cgi-bin/stable_token")[0]
    assert asked.query == {}
    assert json.loads(asked.body)["force_refresh"] is False


def test_an_answer_without_a_code_is_a_success(scripted_server: ScriptedServer) -> None:
    scripted_server.respond(SEND, {})
    send()


def test_answers_are_utf_8_whatever_they_say_they_are(scripted_server: ScriptedServer) -> None:
    body = json.dumps(PROFILE | {"remark": "老王"}, ensure_ascii=False).encode()
    scripted_server.respond(
        USER, ScriptedResponse(body, content_type="text/plain; charset=iso-8859-1")
    )

    assert request().remark == "老王"


def test_raw_and_escaped_control_characters_in_an_answer_do_no_harm(
    scripted_server: ScriptedServer,
) -> None:
    body = '{"subscribe":1,"openid":"o1","nickname":"\x1e老\t年\n人","remark":"\\u0000\\u001e好"}'
    scripted_server.respond(USER, ScriptedResponse(body.encode()))

    profile = request()

    assert profile.remark == "好"
    assert "\x1e" not in repr(profile)
    scripted_server.respond(USER, ScriptedResponse(b'{"openid":'))
    with pytest.raises(Temporary):  # what is no JSON at all stays an error
        request()


def test_a_send_that_ends_with_an_unknown_busy_is_unconfirmed(
    scripted_server: ScriptedServer,
) -> None:
    scripted_server.respond(SEND, {"errcode": -1000, "errmsg": "system error hints: [x!]"})
    with pytest.raises(Unconfirmed):
        send()
    assert len(scripted_server.calls(SEND)) == 1


def test_a_post_without_fields_has_an_empty_object(scripted_server: ScriptedServer) -> None:
    scripted_server.respond("/cgi-bin/menu/addconditional", {"menuid": 7})

    gateway.add_conditional_menu(CREDENTIALS, (), gateway.Audience())

    assert json.loads(scripted_server.calls("/cgi-bin/menu/addconditional")[0].body) == {
        "button": [],
        "matchrule": {},
    }


def test_connections_are_kept(scripted_server: ScriptedServer) -> None:
    scripted_server.respond(USER, PROFILE)

    for _ in range(3):
        request()

    assert len({one.connection for one in scripted_server.requests}) == 1


def test_a_refused_token_is_fetched_again_and_tried_once_more(
    scripted_server: ScriptedServer,
) -> None:
    fresh = {"access_token": "token-2", "expires_in": 7200}
    scripted_server.respond(
        "/cgi-bin/stable_token", {"access_token": "token-1", "expires_in": 7200}, fresh
    )
    scripted_server.respond(SEND, STALE, OK)

    send()

    assert [one.query["access_token"] for one in scripted_server.calls(SEND)] == [
        ["token-1"],
        ["token-2"],
    ]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_token_refused_twice_is_no_endless_loop(
    scripted_server: ScriptedServer, code: int
) -> None:
    scripted_server.respond(SEND, STALE | {"errcode": code})

    with pytest.raises(StaleToken) as refusal:
        send()

    assert refusal.value.rid == "65a1b2c3-0d1e2f3a-4b5c6d7e"
    assert len(scripted_server.calls(SEND)) == 2
    assert len(scripted_server.calls("/cgi-bin/stable_token")) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"errcode": -1, "errmsg": "system error"}, Temporary),
        ({"errcode": 45011, "errmsg": "slower"}, Temporary),
        ({"errcode": 45009, "errmsg": "quota"}, QuotaUsed),
        ({"errcode": 48001, "errmsg": "unauthorized"}, NotAuthorised),
        ({"errcode": 45015, "errmsg": "window"}, Refused),
        ({"errcode": 40003, "errmsg": "openid"}, Refused),
        ({"errcode": 987654, "errmsg": "news from Shenzhen"}, Refused),
        ({"errcode": "odd"}, Unconfirmed),
        (ScriptedResponse(b"<html>502</html>", 502, "text/html"), Unconfirmed),
        (ScriptedResponse(b"", 412), Unconfirmed),
        (ScriptedResponse(b"", 503), Unconfirmed),
        (ScriptedResponse(b"<html>404</html>", 404, "text/html"), Temporary),
        (ScriptedResponse(b"", 302, headers={"Location": "http://127.0.0.1:9/"}), Temporary),
        (ScriptedResponse(b"<html>hello</html>"), Unconfirmed),
        (ScriptedResponse(b""), Unconfirmed),
        (ScriptedResponse(b"[1]"), Unconfirmed),
        (ScriptedResponse(b"{" * 100_000), Unconfirmed),
        (ScriptedResponse(b"\xff\xfe"), Unconfirmed),
        (ScriptedResponse(b"{}", hang=1.0), Unconfirmed),
        (ScriptedResponse(b"{}", status=-1), Unconfirmed),
        (ScriptedResponse(b"{}" + b" " * 100, drip=0.25), Unconfirmed),
        (ScriptedResponse(b" " * (21 * 1024 * 1024)), Unconfirmed),
    ],
)
def test_a_message_that_may_have_arrived_is_unconfirmed(
    scripted_server: ScriptedServer, answer: Any, kind: type[GatewayError]
) -> None:
    scripted_server.respond(SEND, answer)

    with pytest.raises(GatewayError) as refusal:
        send()

    assert type(refusal.value) is kind
    assert len(scripted_server.calls(SEND)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedResponse(b"", 502),
        ScriptedResponse(b"<html>"),
        ScriptedResponse(b"{}", hang=1.0),
        ScriptedResponse(b"{}", status=-1),
        {"errcode": -1},
        {},
        {"openid": None},
    ],
)
def test_a_question_without_an_answer_may_be_asked_again(
    scripted_server: ScriptedServer, answer: Any
) -> None:
    scripted_server.respond(USER, answer, PROFILE)

    with pytest.raises(Temporary):
        request()

    assert request().follows


def test_an_unsent_request_may_be_sent_again(
    scripted_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_server.respond(SEND, OK)
    send()  # from here a token is in memory, only the message itself must leave
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("WECHAT_API_URL", f"http://127.0.0.1:{port}")
    settings.reset()

    with pytest.raises(Temporary) as refusal:
        send()

    assert refusal.value.facts["cause"] == "ConnectionError"


def test_quota_and_frequency_say_when_to_come_back(scripted_server: ScriptedServer) -> None:
    scripted_server.respond(
        SEND, {"errcode": 45011, "errmsg": ""}, {"errcode": 45009, "errmsg": ""}
    )

    with pytest.raises(Temporary) as slower:
        send()
    with pytest.raises(QuotaUsed) as used:
        send()

    assert slower.value.retry_after == 60
    assert used.value.until.utcoffset()


def test_nothing_shown_holds_a_token_a_secret_or_an_address(
    scripted_server: ScriptedServer,
) -> None:
    for answer in (
        STALE,
        ScriptedResponse(b"", 502),
        ScriptedResponse(b"{}", hang=1.0),
        {"errcode": 48001},
    ):
        scripted_server.respond(SEND, answer)
        with structlog.testing.capture_logs() as lines, pytest.raises(GatewayError) as refusal:
            send()
        error: BaseException | None = refusal.value
        shown = repr(lines)
        while error is not None:
            shown += repr(error) + repr(vars(error))
            error = None if error.__suppress_context__ else error.__context__
        assert lines
        assert "token-1" not in shown
        assert SECRET not in shown
        assert scripted_server.url not in shown


def test_an_account_of_the_platform_cannot_be_asked_yet(scripted_server: ScriptedServer) -> None:
    with pytest.raises(NotAuthorised):
        gateway.get_user(replace(CREDENTIALS, by_platform=True), "o1")
    assert not scripted_server.requests
