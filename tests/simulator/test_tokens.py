"""Access tokens: one account each, two endpoints, two lives."""

from pathlib import Path
from typing import Any

import pytest

import simulator
from tests.simulator.conftest import NEWS, POLICE, WATER, Platform


def ask(platform: Platform, **changes: Any) -> dict[str, Any]:
    body = {
        "grant_type": "client_credential",
        "appid": POLICE.appid,
        "secret": POLICE.secret,
        **changes,
    }
    return dict(platform.client.post("/cgi-bin/stable_token", json=body).json)


def works(platform: Platform, token: str) -> int:
    return int(platform.api("user/get", token=token).get("errcode", 0))


def test_a_stable_token_stays_the_same_until_five_minutes_before_its_end(
    platform: Platform,
) -> None:
    first = ask(platform)
    assert first["expires_in"] == 7200
    platform.shift(6800)
    again = ask(platform)
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] == pytest.approx(400, abs=2)

    platform.shift(150)
    fresh = ask(platform)
    assert fresh["access_token"] != first["access_token"]
    assert works(platform, first["access_token"]) == 0
    platform.shift(300)
    assert works(platform, first["access_token"]) == 42001
    assert works(platform, fresh["access_token"]) == 0


def test_a_forced_token_kills_the_former_and_is_rationed(platform: Platform) -> None:
    first = ask(platform)["access_token"]
    forced = ask(platform, force_refresh=True)["access_token"]
    assert works(platform, first) == 40001
    assert works(platform, forced) == 0
    assert ask(platform)["access_token"] == forced
    assert ask(platform, force_refresh=True)["errcode"] == 45011
    for _ in range(19):
        platform.shift(31)
        assert "access_token" in ask(platform, force_refresh=True)
    platform.shift(31)
    assert ask(platform, force_refresh=True)["errcode"] == 45009


def test_the_ordinary_endpoint_gives_a_new_token_each_time_and_spares_the_stable_one(
    platform: Platform,
) -> None:
    stable = ask(platform)["access_token"]
    query = {
        "grant_type": "client_credential",
        "appid": POLICE.appid,
        "secret": POLICE.secret,
    }
    first = platform.client.get("/cgi-bin/token", query_string=query).json["access_token"]
    second = platform.client.get("/cgi-bin/token", query_string=query).json["access_token"]
    assert first != second
    assert works(platform, first) == 0
    platform.shift(301)
    assert [works(platform, one) for one in (first, second, stable)] == [42001, 0, 0]


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
    platform: Platform, changes: dict[str, Any], errcode: int
) -> None:
    answer = ask(platform, **changes)
    assert answer["errcode"] == errcode
    assert " rid: " in answer["errmsg"]


def test_a_frozen_secret_and_a_stranger_s_address_are_refused(platform: Platform) -> None:
    change = {"appid": POLICE.appid, "ip_allow_list": ["203.0.113.7"]}
    platform.client.post("/simulator/accounts", json=change)
    answer = ask(platform)
    assert answer["errcode"] == 40164
    assert "127.0.0.1" in answer["errmsg"]
    change = {"appid": POLICE.appid, "ip_allow_list": ["127.0.0.1"], "secret_frozen": True}
    platform.client.post("/simulator/accounts", json=change)
    assert ask(platform)["errcode"] == 40243


def test_a_missing_unknown_or_killed_token_is_told_apart(platform: Platform) -> None:
    assert platform.client.get("/cgi-bin/user/get").json["errcode"] == 41001
    assert works(platform, "invented") == 40001
    token = ask(platform)["access_token"]
    platform.client.post(f"/simulator/accounts/{POLICE.appid}/kill-tokens")
    assert works(platform, token) == 40001
    assert works(platform, ask(platform)["access_token"]) == 0


def test_a_token_reaches_only_its_own_account_s_followers(platform: Platform, openid: str) -> None:
    platform.act("follow", who=WATER)
    assert platform.api("user/info", openid=openid)["subscribe"] == 1
    assert platform.api("user/info", openid=openid, who=WATER)["errcode"] == 40003
    assert platform.send(openid, who=WATER) == 40003


def test_an_unverified_account_may_fetch_tokens_and_little_else(platform: Platform) -> None:
    answer = platform.api("user/get", who=NEWS)
    assert answer["errcode"] == 48001
    assert platform.api("get_current_autoreply_info", who=NEWS)["is_autoreply_open"] == 0


def test_fetches_are_counted_for_each_account(platform: Platform) -> None:
    ask(platform)
    ask(platform)
    accounts = platform.client.get("/simulator/state").json["accounts"]
    counts = {one["appid"]: one for one in accounts}
    assert counts[POLICE.appid]["token_fetches"] == {"stable_token": 2}
    assert counts[POLICE.appid]["tokens_issued"] == 1
    assert counts[WATER.appid]["token_fetches"] == {}


def test_a_restart_keeps_tokens_followers_and_messages(tmp_path: Path) -> None:
    def start() -> Platform:
        app = simulator.create([POLICE], "http://127.0.0.1:9", state=tmp_path / "sim" / "s.db")
        world = simulator.world_of(app)
        world.limits.change({"callback_attempts": 1})
        return Platform(app.test_client(), world)

    before = start()
    openid = before.act("follow")["openid"]
    before.act("text", text="还在吗")
    token = before.token()
    before.world.shelf.close()

    after = start()
    assert after.api("user/info", openid=openid, token=token)["subscribe"] == 1
    assert "还在吗" in [entry["body"].get("text") for entry in after.chat()]
    assert after.token() == token
    after.world.shelf.close()
