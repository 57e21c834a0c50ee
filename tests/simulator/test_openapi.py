"""Counters, diagnosis, and how the door answers what is not a proper call."""

from tests.simulator.conftest import POLICE, WATER, Platform

SEND = "/cgi-bin/message/custom/send"


def test_a_used_up_day_is_refused_until_tomorrow_or_cleared(
    platform: Platform, openid: str
) -> None:
    limit = {"appid": POLICE.appid, "path": SEND, "daily": 2}
    platform.client.post("/simulator/quotas", json=limit)
    assert [platform.send(openid) for _ in range(3)] == [0, 0, 45009]
    quota = platform.api("openapi/quota/get", {"cgi_path": SEND})["quota"]
    assert quota == {"daily_limit": 2, "used": 2, "remain": 0}
    assert platform.api("clear_quota", {"appid": POLICE.appid})["errcode"] == 0
    assert [platform.send(openid) for _ in range(3)] == [0, 0, 45009]
    platform.shift(86_400)
    platform.act("text", text="明天再问")
    assert platform.send(openid, token=platform.token()) == 0


def test_a_minute_has_its_own_limit(platform: Platform, openid: str) -> None:
    limit = {"appid": POLICE.appid, "path": SEND, "minute": 1}
    platform.client.post("/simulator/quotas", json=limit)
    assert 45011 in [platform.send(openid) for _ in range(3)]
    platform.shift(60)
    assert platform.send(openid) == 0


def test_counters_are_cleared_ten_times_a_month_and_only_one_s_own(platform: Platform) -> None:
    body = {"appid": POLICE.appid}
    assert platform.api("clear_quota", body, who=WATER)["errcode"] == 40013
    assert [platform.api("clear_quota", body)["errcode"] for _ in range(11)] == [0] * 10 + [48006]


def test_a_wrong_path_has_no_counter(platform: Platform) -> None:
    assert platform.api("openapi/quota/get", {"cgi_path": "menu/get"})["errcode"] == 76003
    assert platform.api("openapi/quota/get", {"cgi_path": "/sns/x"})["errcode"] == 76022


def test_an_error_can_be_explained_by_its_rid_to_its_own_account(platform: Platform) -> None:
    errmsg = platform.api("menu/get")["errmsg"]
    rid = errmsg.rpartition("rid: ")[2]
    explained = platform.api("openapi/rid/get", {"rid": rid})["request"]
    assert explained["request_url"] == "/cgi-bin/menu/get"
    assert platform.api("openapi/rid/get", {"rid": rid}, who=WATER)["errcode"] == 76002
    assert platform.api("openapi/rid/get", {"rid": "none"})["errcode"] == 76001


def test_the_network_can_be_checked(platform: Platform) -> None:
    assert platform.api("getcallbackip")["ip_list"] == ["127.0.0.1"]
    checked = platform.api("callback/check", {"action": "dns"})
    assert checked["dns"]
    assert checked["ping"] == []


def test_the_door_tells_method_path_and_body_apart(platform: Platform) -> None:
    query = {"access_token": platform.token()}
    client = platform.client
    assert client.get("/cgi-bin/menu/create", query_string=query).json["errcode"] == 43002
    assert client.post("/cgi-bin/menu/get", query_string=query).json["errcode"] == 43001
    assert client.get("/cgi-bin/no/such", query_string=query).json["errcode"] == 404
    post = {"query_string": query}
    assert client.post("/cgi-bin/menu/create", data=b"", **post).json["errcode"] == 44002
    assert client.post("/cgi-bin/menu/create", data=b"{", **post).json["errcode"] == 47001
    assert client.post("/cgi-bin/menu/create", data=b"[]", **post).json["errcode"] == 47001
    assert client.post("/cgi-bin/menu/create", data=b"\xff{}", **post).json["errcode"] == 47001


def test_the_journal_counts_calls_and_holds_no_secret(platform: Platform, openid: str) -> None:
    platform.send(openid, "只此一次")
    lines = platform.log(what="api", appid=POLICE.appid, path=SEND)
    assert [line["errcode"] for line in lines] == [0]
    assert "只此一次" in lines[0]["request"]
    everything = str(platform.log())
    assert POLICE.secret not in everything
    assert platform.token() not in everything
