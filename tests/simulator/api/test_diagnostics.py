"""Counters, diagnosis, and how the door answers what is not a proper call."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.accounts.followers import openid_of
from simulator.api.dispatch import ROUTES
from tests.simulator.conftest import POLICE, WATER, SimulatorClient

SEND = "/cgi-bin/message/custom/send"


def test_a_used_up_day_is_refused_until_tomorrow_or_cleared(
    wechat: SimulatorClient, openid: str
) -> None:
    limit = {"appid": POLICE.appid, "path": SEND, "daily": 2}
    wechat.client.post("/simulator/quotas", json=limit)
    assert [wechat.send(openid) for _ in range(3)] == [0, 0, 45009]
    quota = wechat.api("openapi/quota/get", {"cgi_path": SEND})["quota"]
    assert quota == {"daily_limit": 2, "used": 2, "remain": 0}
    assert wechat.api("clear_quota", {"appid": POLICE.appid})["errcode"] == 0
    assert [wechat.send(openid) for _ in range(3)] == [0, 0, 45009]
    wechat.shift(86_400)
    wechat.act("text", text="明天再问")
    assert wechat.send(openid, token=wechat.token()) == 0


def test_a_minute_has_its_own_limit(wechat: SimulatorClient, openid: str) -> None:
    limit = {"appid": POLICE.appid, "path": SEND, "minute": 1}
    wechat.client.post("/simulator/quotas", json=limit)
    assert 45011 in [wechat.send(openid) for _ in range(3)]
    wechat.shift(60)
    assert wechat.send(openid) == 0


def test_counters_are_cleared_ten_times_a_month_and_only_one_s_own(wechat: SimulatorClient) -> None:
    body = {"appid": POLICE.appid}
    assert wechat.api("clear_quota", body, who=WATER)["errcode"] == 40013
    assert [wechat.api("clear_quota", body)["errcode"] for _ in range(11)] == [0] * 10 + [48006]


def test_a_wrong_path_has_no_counter(wechat: SimulatorClient) -> None:
    assert wechat.api("openapi/quota/get", {"cgi_path": "menu/get"})["errcode"] == 76003
    assert wechat.api("openapi/quota/get", {"cgi_path": "/sns/x"})["errcode"] == 76022


def test_an_error_can_be_explained_by_its_rid_to_its_own_account(wechat: SimulatorClient) -> None:
    errmsg = wechat.api("menu/get")["errmsg"]
    rid = errmsg.rpartition("rid: ")[2]
    explained = wechat.api("openapi/rid/get", {"rid": rid})["request"]
    assert explained["request_url"] == "/cgi-bin/menu/get"
    assert wechat.api("openapi/rid/get", {"rid": rid}, who=WATER)["errcode"] == 76002
    assert wechat.api("openapi/rid/get", {"rid": "none"})["errcode"] == 76001


def test_the_network_can_be_checked(wechat: SimulatorClient) -> None:
    assert wechat.api("getcallbackip")["ip_list"] == ["127.0.0.1"]
    checked = wechat.api("callback/check", {"action": "dns"})
    assert checked["dns"]
    assert checked["ping"] == []


def test_dispatch_checks_method_path_and_body(wechat: SimulatorClient) -> None:
    query = {"access_token": wechat.token()}
    client = wechat.client
    assert client.get("/cgi-bin/menu/create", query_string=query).json["errcode"] == 43002
    assert client.post("/cgi-bin/menu/get", query_string=query).json["errcode"] == 43001
    assert client.get("/cgi-bin/no/such", query_string=query).json["errcode"] == 404
    post = {"query_string": query}
    assert client.post("/cgi-bin/menu/create", data=b"", **post).json["errcode"] == 44002
    assert client.post("/cgi-bin/menu/create", data=b"{", **post).json["errcode"] == 47001
    assert client.post("/cgi-bin/menu/create", data=b"[]", **post).json["errcode"] == 47001
    assert client.post("/cgi-bin/menu/create", data=b"\xff{}", **post).json["errcode"] == 47001


def test_the_request_log_counts_calls_and_holds_no_secret(
    wechat: SimulatorClient, openid: str
) -> None:
    wechat.send(openid, "只此一次")
    lines = wechat.log(what="api", appid=POLICE.appid, path=SEND)
    assert [line["errcode"] for line in lines] == [0]
    assert "只此一次" in lines[0]["request"]
    everything = str(wechat.log())
    assert POLICE.secret not in everything
    assert wechat.token() not in everything


def test_threads_that_ask_together_get_one_stable_token_and_no_call_beyond_the_limit(
    wechat: SimulatorClient, openid: str
) -> None:
    with ThreadPoolExecutor(16) as pool:
        tokens = set(pool.map(lambda _: wechat.token(), range(64)))
        assert len(tokens) == 1
        sends = list(pool.map(lambda _: wechat.send(openid), range(16)))
    assert sorted(sends) == [0] * 5 + [45047] * 11


_WORDS = (
    "touser msgtype text image news msgmenu content articles list button name type key url tag id"
    " sub_button matchrule tag_id openid openid_list tagid action_name action_info scene scene_id"
    " scene_str expire_seconds template_id data value thing1 media_id offset count appid cgi_path"
    " user_list remark command customservice aimsgcontext client_msg_id menuid rid"
)
NAMES = sorted(_WORDS.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from(sorted(ROUTES)), body=st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_body_breaks_dispatch(wechat: SimulatorClient, path: str, body: dict[str, Any]) -> None:
    wechat.platform.followers.follow("c1", POLICE.appid, now=0, scene="")
    body = {
        "touser": openid_of("c1", POLICE.appid),
        "openid": openid_of("c1", POLICE.appid),
        **body,
    }
    query = {"access_token": wechat.token()}
    data = json.dumps(body, ensure_ascii=False).encode(errors="replace")
    answer = wechat.client.open(path, method=ROUTES[path].method, query_string=query, data=data)
    assert answer.status_code == 200


@pytest.mark.parametrize("value", [[], {}])
def test_a_value_of_the_wrong_kind_is_an_answer_for_each_name_of_each_path(
    wechat: SimulatorClient, value: object
) -> None:
    token, broken = wechat.token(), []
    for path, name in product(sorted(ROUTES), NAMES):
        data = json.dumps({"touser": "o", "openid": "o", "msgtype": "text", name: value})
        answer = wechat.client.open(
            path, method=ROUTES[path].method, query_string={"access_token": token}, data=data
        )
        if answer.status_code != 200:
            broken.append(f"{path} {name}")
    assert not broken
