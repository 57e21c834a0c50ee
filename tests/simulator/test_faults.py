"""Faults: each switch does what it says, as often as it says, and where."""

import threading
import time

import pytest

from tests.simulator.conftest import POLICE, WATER, Fields, Hub, Platform, text


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
def test_a_false_refusal_comes_as_often_as_asked_and_then_no_more(
    platform: Platform, openid: str, kind: str, errcode: int
) -> None:
    platform.api("user/get")  # has a token from here on
    platform.fault(kind, count=2)
    assert [platform.send(openid) for _ in range(3)] == [errcode, errcode, 0]


def test_a_token_fault_spares_the_token_endpoint(platform: Platform) -> None:
    platform.fault("wrong_token")
    assert platform.token()


def test_a_bad_gateway_answers_no_json(platform: Platform) -> None:
    token = platform.token()
    platform.fault("http_502", count=1)
    answer = platform.client.get("/cgi-bin/user/get", query_string={"access_token": token})
    assert answer.status_code == 502
    assert answer.mimetype == "text/html"
    assert platform.log(what="api", status="502")


def test_a_timeout_after_accepting_has_done_the_deed(platform: Platform, openid: str) -> None:
    platform.token()
    platform.api("user/get")
    platform.fault("timeout_after_accepting", count=1, seconds=0.3)
    started = time.monotonic()
    platform.send(openid, "到了")
    assert time.monotonic() - started >= 0.3
    assert platform.chat()[-1]["body"]["text"] == "到了"


def test_a_fault_may_be_for_one_account_and_one_path(platform: Platform, openid: str) -> None:
    platform.act("follow", who=WATER)
    other = platform.act("text", who=WATER, text="在吗")["openid"]
    platform.send(other, who=WATER)
    platform.fault("busy", appid=POLICE.appid, path="/cgi-bin/message/custom")
    assert platform.send(openid) == -1
    assert "errcode" not in platform.api("user/get")
    assert platform.send(other, who=WATER) == 0
    platform.client.delete("/simulator/faults")
    assert platform.send(openid) == 0


def test_a_fault_of_chance_strikes_sometimes(platform: Platform) -> None:
    platform.api("user/get")
    platform.fault("busy", probability=0.5)
    struck = [platform.api("user/get").get("errcode") for _ in range(60)]
    assert {None, -1} == set(struck)


def test_an_unknown_fault_is_refused(platform: Platform) -> None:
    answer = platform.client.post("/simulator/faults", json={"kind": "earthquake"})
    assert answer.status_code == 400
    assert answer.json["error"] == "没有这种故障：earthquake"


def test_a_duplicate_arrives_twice_at_the_same_time(
    platform: Platform, hub: Hub, openid: str
) -> None:
    both = threading.Barrier(2, timeout=5)

    def meet(message: Fields) -> Fields:
        both.wait()
        return text("一次")

    hub.answer = meet
    platform.world.limits.change({"callback_seconds": 5})
    platform.fault("duplicate", count=1)
    sent = platform.act("text", text="双")
    assert [m["MsgId"] for m in hub.seen if m.get("Content") == "双"] == [sent["message_id"]] * 2
    assert [entry["body"].get("text") for entry in platform.chat()].count("一次") == 1


def test_a_dropped_reply_is_asked_for_again(platform: Platform, hub: Hub, openid: str) -> None:
    hub.answer = lambda message: text("收到")
    platform.fault("drop_reply", count=1)
    sent = platform.act("text", text="丢")
    assert [one["outcome"] for one in sent["attempts"]] == ["dropped", "replied"]
    assert platform.chat()[-1]["body"]["text"] == "收到"


def test_a_held_push_is_overtaken_by_the_next(platform: Platform, hub: Hub, openid: str) -> None:
    platform.fault("out_of_order", count=1, seconds=0.4)
    first = threading.Thread(target=platform.act, args=("text",), kwargs={"text": "先说的"})
    first.start()
    while platform.client.get("/simulator/faults").json["faults"]:
        time.sleep(0.01)
    platform.act("text", text="后说的")
    first.join()
    said = [message["Content"] for message in hub.seen if "说的" in message.get("Content", "")]
    assert said == ["后说的", "先说的"]
