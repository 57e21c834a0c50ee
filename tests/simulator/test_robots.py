"""The group robots: what they take, what they refuse and how, and what a developer sees."""

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

import simulator
from simulator.messaging.robots import MAX_PER_MINUTE

WECOM = "/cgi-bin/webhook/send?key=simulated-wecom-duty"
DINGTALK = "/robot/send?access_token=simulated-dingtalk-duty"
SECRET = "SECsimulated0000000000000000000000000000"


@pytest.fixture
def client() -> FlaskClient:
    return simulator.create([], callback_base="http://127.0.0.1:9").test_client()


def text(content: str = "一条提醒") -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": content}}


def errcode(client: FlaskClient, address: str, body: Any) -> int:
    answer = client.post(address, json=body)
    assert answer.status_code == 200, "errors have HTTP 200, as at the real ones"
    assert answer.json is not None
    return int(answer.json["errcode"])


def signed(*, secret: str = SECRET, at: float | None = None) -> str:
    timestamp = str(int((time.time() if at is None else at) * 1000))
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    sign = base64.b64encode(digest).decode().replace("+", "%2B").replace("/", "%2F")
    return f"{DINGTALK}&timestamp={timestamp}&sign={sign}"


def shown(client: FlaskClient) -> list[str]:
    answer = client.get("/simulator/robots").json
    assert answer is not None
    return [each["text"] for each in answer["messages"]]


def test_a_message_is_shown_in_the_group(client: FlaskClient) -> None:
    assert errcode(client, WECOM, text("门坏了")) == 0
    assert errcode(client, signed(), text("提醒：窗坏了")) == 0
    assert shown(client) == ["门坏了", "提醒：窗坏了"]
    page = client.get("/robots").text
    assert "门坏了" in page
    assert "simulated-wecom-duty" in page
    newest = client.get("/simulator/robots?after=1").json
    assert newest is not None
    assert [each["number"] for each in newest["messages"]] == [2]
    client.delete("/simulator/robots")
    assert shown(client) == []


@pytest.mark.parametrize(
    ("address", "body", "code"),
    [
        ("/cgi-bin/webhook/send?key=nobodys", text(), 93000),
        ("/cgi-bin/webhook/send", text(), 93000),
        ("/robot/send?access_token=nobodys", text(), 300005),
        (WECOM, {"msgtype": "picture"}, 40008),
        (WECOM, {"msgtype": "text", "text": "门坏了"}, 40008),
        (WECOM, text(" "), 40008),
        (WECOM, text("字" * 683), 40008),
        (WECOM, [], 40008),
        (DINGTALK, text(), 310000),
        (DINGTALK + "&timestamp=x&sign=x", text(), 310000),
    ],
)
def test_what_a_robot_does_not_take(
    client: FlaskClient, address: str, body: Any, code: int
) -> None:
    assert errcode(client, address, body) == code
    assert shown(client) == []


def test_the_signature_and_the_keyword_are_checked(client: FlaskClient) -> None:
    assert errcode(client, signed(secret="SECanother"), text()) == 310000
    assert errcode(client, signed(at=time.time() - 3700), text()) == 310000
    assert errcode(client, signed(), text("没有那个词")) == 310000
    assert errcode(client, signed(at=time.time() - 3000), text()) == 0


def test_a_robot_takes_twenty_messages_a_minute(client: FlaskClient) -> None:
    codes = [errcode(client, WECOM, text()) for _ in range(MAX_PER_MINUTE + 1)]
    assert codes == [0] * MAX_PER_MINUTE + [45009]
    client.post("/simulator/clock", json={"offset_seconds": 61})
    assert errcode(client, WECOM, text()) == 0


@pytest.mark.parametrize(
    ("kind", "code"), [("busy", -1), ("frequency", 45009), ("http_502", None), ("slow", 0)]
)
def test_robots_can_be_told_to_fail(client: FlaskClient, kind: str, code: int | None) -> None:
    fault = {"kind": kind, "path": "/cgi-bin/webhook", "count": 1, "seconds": 0.01}
    client.post("/simulator/faults", json=fault)
    answer = client.post(WECOM, json=text())
    if code is None:
        assert answer.status_code == 502
    else:
        assert answer.json is not None
        assert answer.json["errcode"] == code
    assert errcode(client, WECOM, text()) == 0


def test_a_message_may_be_taken_although_its_answer_is_late(client: FlaskClient) -> None:
    fault = {"kind": "timeout_after_accepting", "path": "/robot", "seconds": 0.01}
    client.post("/simulator/faults", json=fault)
    client.post(signed(), json=text())
    assert shown(client) == ["一条提醒"]


def test_robots_are_added_and_the_log_has_no_key(client: FlaskClient) -> None:
    added = client.post(
        "/simulator/robots", json={"kind": "wecom", "key": "mine-key-1", "name": "我的群"}
    ).json
    assert added is not None
    assert errcode(client, added["address"], text()) == 0
    assert client.post("/simulator/robots", json={"kind": "pigeon", "key": "x"}).status_code == 400
    log = client.get("/simulator/log?what=robot").text
    assert "/cgi-bin/webhook/send" in log
    assert "mine-key-1" not in log
