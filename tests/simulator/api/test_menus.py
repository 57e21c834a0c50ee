"""Menus: checked as the platform checks, and shown to whom they fit."""

from typing import Any

import pytest

from tests.simulator.conftest import NEWS, POLICE, SimulatorClient

CLICK = {"type": "click", "name": "叫号", "key": "Q"}


def test_a_menu_is_kept_shown_and_deleted(wechat: SimulatorClient, openid: str) -> None:
    assert wechat.api("menu/get")["errcode"] == 46003
    view = {"type": "view", "name": "指南", "url": "https://h.example/"}
    menu = {"button": [CLICK, {"name": "办事", "sub_button": [view]}]}
    assert wechat.api("menu/create", menu)["errcode"] == 0
    stored = wechat.api("menu/get")["menu"]["button"]
    assert [one["name"] for one in stored] == ["叫号", "办事"]
    query = {"citizen": "c1", "appid": POLICE.appid}
    assert wechat.client.get("/phone/chat", query_string=query).json["menu"] == stored
    current = wechat.api("get_current_selfmenu_info")
    assert current["is_menu_open"] == 1
    assert current["selfmenu_info"]["button"][1]["sub_button"]["list"][0]["url"] == view["url"]
    assert wechat.api("menu/delete")["errcode"] == 0
    assert wechat.api("menu/get")["errcode"] == 46003


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        ([], 40016),
        ([CLICK] * 4, 40016),
        ([{**CLICK, "name": "一二三四五六"}], 40018),
        ([{**CLICK, "type": "dance"}], 40017),
        ([{**CLICK, "key": "k" * 129}], 40019),
        ([{"type": "view", "name": "网", "url": "https://h/" + "x" * 1024}], 40020),
        ([{"type": "view", "name": "网", "url": "javascript:alert(1)"}], 40055),
        ([{"name": "多", "sub_button": [CLICK] * 6}], 40023),
        ([{"name": "深", "sub_button": [{"name": "层", "sub_button": [CLICK]}]}], 40022),
        ([{"name": "子", "sub_button": [{**CLICK, "name": "长" * 21}]}], 40025),
        ([{"name": "子", "sub_button": [{**CLICK, "key": ""}]}], 40026),
    ],
)
def test_a_menu_against_the_rules_is_refused(
    wechat: SimulatorClient, buttons: list[Any], errcode: int
) -> None:
    assert wechat.api("menu/create", {"button": buttons})["errcode"] == errcode


def test_a_conditional_menu_is_shown_to_whom_it_fits(wechat: SimulatorClient, openid: str) -> None:
    rule = {"matchrule": {"tag_id": "100"}}
    assert wechat.api("menu/addconditional", {"button": [CLICK], **rule})["errcode"] == 65303
    wechat.api("menu/create", {"button": [CLICK]})
    special = {**CLICK, "name": "专属"}
    assert wechat.api("menu/addconditional", {"button": [special]})["errcode"] == 65304
    menu_id = wechat.api("menu/addconditional", {"button": [special], **rule})["menuid"]

    def seen() -> str:
        return str(wechat.api("menu/trymatch", {"user_id": openid})["button"][0]["name"])

    assert seen() == "叫号"
    tag = wechat.api("tags/create", {"tag": {"name": "残疾人"}})["tag"]["id"]
    wechat.api("tags/members/batchtagging", {"openid_list": [openid], "tagid": tag})
    assert seen() == "专属"
    assert wechat.api("menu/delconditional", {"menuid": menu_id})["errcode"] == 0
    assert seen() == "叫号"
    assert wechat.api("menu/trymatch", {"user_id": "oNobody"})["errcode"] == 65302


def test_what_was_set_up_in_the_console_can_be_read(wechat: SimulatorClient) -> None:
    rules = {"is_autoreply_open": 1, "keyword_autoreply_info": {"list": [{"rule_name": "旧规则"}]}}
    console = {"autoreply": rules, "menu": {"button": [CLICK]}}
    wechat.client.post("/simulator/accounts", json={"appid": POLICE.appid, "console": console})
    assert wechat.api("get_current_autoreply_info") == rules
    assert wechat.api("get_current_selfmenu_info")["selfmenu_info"]["button"] == [CLICK]


def test_an_unverified_subscription_account_has_no_menu_api(wechat: SimulatorClient) -> None:
    assert wechat.api("menu/create", {"button": [CLICK]}, who=NEWS)["errcode"] == 48001


def test_a_button_that_is_gone_cannot_be_tapped(wechat: SimulatorClient, openid: str) -> None:
    answer = wechat.act("tap", button={**CLICK, "sub_button": []})
    assert answer["status"] == 400
    assert answer["error"] == "菜单已更新，请重新打开"
