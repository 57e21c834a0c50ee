"""Faults: each switch does what it says, as often as it says, and where."""

import threading
import time

import pytest

from tests.simulator.conftest import POLICE, WATER, AccountServer, PushFields, SimulatorClient, text


@pytest.mark.parametrize(
    ("kind", "errcode"),
    [
        ("busy", -1),
        ("wrong_token", 40001),
        ("token_expired", 42001),
        ("quota_used", 45009),
        ("frequency", 45011),
        ("unauthorised", 48001),
    ],
)
def test_an_injected_error_occurs_as_often_as_configured(
    wechat: SimulatorClient, openid: str, kind: str, errcode: int
) -> None:
    wechat.api("user/get")  # has a token from here on
    wechat.fault(kind, count=2)
    assert [wechat.send(openid) for _ in range(3)] == [errcode, errcode, 0]


def test_a_token_fault_spares_the_token_endpoint(wechat: SimulatorClient) -> None:
    wechat.fault("wrong_token")
    assert wechat.token()


def test_a_bad_gateway_answers_no_json(wechat: SimulatorClient) -> None:
    token = wechat.token()
    wechat.fault("http_502", count=1)
    answer = wechat.client.get("/cgi-bin/user/get", query_string={"access_token": token})
    assert answer.status_code == 502
    assert answer.mimetype == "text/html"
    assert wechat.log(what="api", status="502")


def test_a_timeout_after_accepting_has_taken_effect(wechat: SimulatorClient, openid: str) -> None:
    wechat.token()
    wechat.api("user/get")
    wechat.fault("timeout_after_accepting", count=1, seconds=0.3)
    started = time.monotonic()
    wechat.send(openid, "到了")
    assert time.monotonic() - started >= 0.3
    assert wechat.chat()[-1]["body"]["text"] == "到了"


def test_a_fault_may_be_for_one_account_and_one_path(wechat: SimulatorClient, openid: str) -> None:
    wechat.act("follow", who=WATER)
    other = wechat.act("text", who=WATER, text="在吗")["openid"]
    wechat.send(other, who=WATER)
    wechat.fault("busy", appid=POLICE.appid, path="/cgi-bin/message/custom")
    assert wechat.send(openid) == -1
    assert "errcode" not in wechat.api("user/get")
    assert wechat.send(other, who=WATER) == 0
    wechat.client.delete("/simulator/faults")
    assert wechat.send(openid) == 0


def test_a_random_fault_occurs_sometimes(wechat: SimulatorClient) -> None:
    wechat.api("user/get")
    wechat.fault("busy", probability=0.5)
    struck = [wechat.api("user/get").get("errcode") for _ in range(60)]
    assert {None, -1} == set(struck)


def test_an_unknown_fault_is_refused(wechat: SimulatorClient) -> None:
    answer = wechat.client.post("/simulator/faults", json={"kind": "earthquake"})
    assert answer.status_code == 400
    assert answer.json["error"] == "没有这种故障：earthquake"


def test_a_duplicate_arrives_twice_at_the_same_time(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    both = threading.Barrier(2, timeout=5)

    def meet(message: PushFields) -> PushFields:
        both.wait()
        return text("一次")

    account_server.answer = meet
    wechat.platform.limits.update({"callback_seconds": 5})
    wechat.fault("duplicate", count=1)
    sent = wechat.act("text", text="双")
    assert [m["MsgId"] for m in account_server.seen if m.get("Content") == "双"] == [
        sent["message_id"]
    ] * 2
    assert [entry["body"].get("text") for entry in wechat.chat()].count("一次") == 1


def test_a_dropped_reply_is_asked_for_again(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    account_server.answer = lambda message: text("收到")
    wechat.fault("drop_reply", count=1)
    sent = wechat.act("text", text="丢")
    assert [one["outcome"] for one in sent["attempts"]] == ["dropped", "replied"]
    assert wechat.chat()[-1]["body"]["text"] == "收到"


def test_a_delayed_push_is_overtaken_by_the_next(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    wechat.fault("out_of_order", count=1, seconds=0.4)
    first = threading.Thread(target=wechat.act, args=("text",), kwargs={"text": "先说的"})
    first.start()
    while wechat.client.get("/simulator/faults").json["faults"]:
        time.sleep(0.01)
    wechat.act("text", text="后说的")
    first.join()
    said = [
        message["Content"]
        for message in account_server.seen
        if "说的" in message.get("Content", "")
    ]
    assert said == ["后说的", "先说的"]
