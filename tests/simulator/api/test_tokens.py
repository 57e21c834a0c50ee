"""Access tokens: one account each, two endpoints, two lives."""

from pathlib import Path
from typing import Any

import pytest

import simulator
from tests.simulator.conftest import NEWS, POLICE, WATER, SimulatorClient


def request_token(wechat: SimulatorClient, **changes: Any) -> dict[str, Any]:
    body = {
        "grant_type": "client_credential",
        "appid": POLICE.appid,
        "secret": POLICE.secret,
        **changes,
    }
    return dict(wechat.client.post("/cgi-bin/stable_token", json=body).json)


def works(wechat: SimulatorClient, token: str) -> int:
    return int(wechat.api("user/get", token=token).get("errcode", 0))


def test_a_stable_token_stays_the_same_until_five_minutes_before_its_end(
    wechat: SimulatorClient,
) -> None:
    first = request_token(wechat)
    assert first["expires_in"] == 7200
    wechat.shift(6800)
    again = request_token(wechat)
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] == pytest.approx(400, abs=2)

    wechat.shift(150)
    fresh = request_token(wechat)
    assert fresh["access_token"] != first["access_token"]
    assert works(wechat, first["access_token"]) == 0
    wechat.shift(300)
    assert works(wechat, first["access_token"]) == 42001
    assert works(wechat, fresh["access_token"]) == 0


def test_a_forced_token_kills_the_former_and_is_rationed(wechat: SimulatorClient) -> None:
    first = request_token(wechat)["access_token"]
    forced = request_token(wechat, force_refresh=True)["access_token"]
    assert works(wechat, first) == 40001
    assert works(wechat, forced) == 0
    assert request_token(wechat)["access_token"] == forced
    assert request_token(wechat, force_refresh=True)["errcode"] == 45011
    for _ in range(19):
        wechat.shift(31)
        assert "access_token" in request_token(wechat, force_refresh=True)
    wechat.shift(31)
    assert request_token(wechat, force_refresh=True)["errcode"] == 45009


def test_the_ordinary_endpoint_gives_a_new_token_each_time_and_spares_the_stable_one(
    wechat: SimulatorClient,
) -> None:
    stable = request_token(wechat)["access_token"]
    query = {
        "grant_type": "client_credential",
        "appid": POLICE.appid,
        "secret": POLICE.secret,
    }
    first = wechat.client.get("/cgi-bin/token", query_string=query).json["access_token"]
    second = wechat.client.get("/cgi-bin/token", query_string=query).json["access_token"]
    assert first != second
    assert works(wechat, first) == 0
    wechat.shift(301)
    assert [works(wechat, one) for one in (first, second, stable)] == [42001, 0, 0]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"secret": "wrong" * 6}, 40125),
        ({"appid": "wxffffffffffffffff"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"grant_type": "password"}, 40002),
    ],
)
def test_a_wrong_credential_is_refused_with_its_own_code(
    wechat: SimulatorClient, changes: dict[str, Any], errcode: int
) -> None:
    answer = request_token(wechat, **changes)
    assert answer["errcode"] == errcode
    assert " rid: " in answer["errmsg"]


def test_a_frozen_secret_and_a_stranger_s_address_are_refused(wechat: SimulatorClient) -> None:
    change = {"appid": POLICE.appid, "ip_allow_list": ["203.0.113.7"]}
    wechat.client.post("/simulator/accounts", json=change)
    answer = request_token(wechat)
    assert answer["errcode"] == 40164
    assert "127.0.0.1" in answer["errmsg"]
    change = {"appid": POLICE.appid, "ip_allow_list": ["127.0.0.1"], "secret_frozen": True}
    wechat.client.post("/simulator/accounts", json=change)
    assert request_token(wechat)["errcode"] == 40243


def test_a_missing_unknown_or_killed_token_is_told_apart(wechat: SimulatorClient) -> None:
    assert wechat.client.get("/cgi-bin/user/get").json["errcode"] == 41001
    assert works(wechat, "invented") == 40001
    token = request_token(wechat)["access_token"]
    wechat.client.post(f"/simulator/accounts/{POLICE.appid}/kill-tokens")
    assert works(wechat, token) == 40001
    assert works(wechat, request_token(wechat)["access_token"]) == 0


def test_a_token_reaches_only_its_own_account_s_followers(
    wechat: SimulatorClient, openid: str
) -> None:
    wechat.act("follow", who=WATER)
    assert wechat.api("user/info", openid=openid)["subscribe"] == 1
    assert wechat.api("user/info", openid=openid, who=WATER)["errcode"] == 40003
    assert wechat.send(openid, who=WATER) == 40003


def test_an_unverified_account_may_fetch_tokens_and_little_else(wechat: SimulatorClient) -> None:
    answer = wechat.api("user/get", who=NEWS)
    assert answer["errcode"] == 48001
    assert wechat.api("get_current_autoreply_info", who=NEWS)["is_autoreply_open"] == 0


def test_fetches_are_counted_for_each_account(wechat: SimulatorClient) -> None:
    request_token(wechat)
    request_token(wechat)
    accounts = wechat.client.get("/simulator/state").json["accounts"]
    counts = {one["appid"]: one for one in accounts}
    assert counts[POLICE.appid]["token_fetches"] == {"stable_token": 2}
    assert counts[POLICE.appid]["tokens_issued"] == 1
    assert counts[WATER.appid]["token_fetches"] == {}


def test_a_restart_keeps_tokens_followers_and_messages(tmp_path: Path) -> None:
    def start() -> SimulatorClient:
        app = simulator.create([POLICE], "http://127.0.0.1:9", state=tmp_path / "sim" / "s.db")
        platform = simulator.platform_of(app)
        platform.limits.update({"callback_attempts": 1})
        return SimulatorClient(app.test_client(), platform)

    before = start()
    openid = before.act("follow")["openid"]
    before.act("text", text="还在吗")
    token = before.token()
    before.platform.storage.close()

    after = start()
    assert after.api("user/info", openid=openid, token=token)["subscribe"] == 1
    assert "还在吗" in [entry["body"].get("text") for entry in after.chat()]
    assert after.token() == token
    after.platform.storage.close()
