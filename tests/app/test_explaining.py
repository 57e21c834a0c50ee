"""Explaining: what the console shows is what the callback would answer, for every account."""

import pytest

from app import explaining, live
from app.explaining import Judgement
from config.database import transaction
from config.tenancy import Area
from keywords import drafts, stored
from keywords.rules import Kind, Occasion
from matrix import departments
from matrix.inbox import Outcome
from tests.fixtures import NOW
from tests.fixtures.hub import Hub

EVERYWHERE = Area(everywhere=True)


def ask(hub: Hub, to: str, text: str, kind: Kind = Kind.TEXT) -> Judgement:
    picture = live.refresh()
    account = picture.accounts[hub.keys[to].appid]
    return explaining.judge(Occasion(text, kind), account, picture, now=NOW)


@pytest.mark.parametrize("text", ["身份证丢了", "被绑架了", "宠物狗怎么办证", "全部办理须知"])
def test_the_bench_says_what_the_callback_says(hub: Hub, text: str) -> None:
    judged = ask(hub, "police", text)

    assert judged.spoken[0] == hub.push("police", hub.text("o1", text)).text


def test_the_winner_stands_with_every_candidate_and_reason(hub: Hub) -> None:
    judged = ask(hub, "police", "身份证全部办理须知")

    assert judged.told == "由规则答复"
    assert judged.rule is not None
    found = explaining.best_of_each(judged.verdict.candidates)
    assert {each.rule.code for each in found} == {"police.id_card", "police.long"}
    assert found[0].rule == judged.rule
    assert all("含有" in explaining.reason(each) for each in found)


def test_a_suggestion_is_shown_without_its_link(hub: Hub) -> None:
    judged = ask(hub, "police", "社保卡丢了")

    assert judged.answer.outcome is Outcome.SUGGESTION
    assert [rule.code for rule in judged.suggestions] == ["hrss.card"]
    assert "· 社保卡（华阴hrss）" in judged.spoken[0]
    assert "<a" not in judged.spoken[0]


def test_a_menu_click_and_a_scan_are_asked_the_same_way(hub: Hub) -> None:
    assert ask(hub, "hrss", "MENU_CARD", Kind.CLICK).spoken == ["您点了菜单。"]
    assert ask(hub, "hrss", "hall", Kind.SCAN).spoken == ["社保卡可到银行网点补办。"]
    nothing = ask(hub, "hrss", "nobody", Kind.SCAN)
    assert (nothing.told, nothing.spoken) == ("不答复", [])

    said = ask(hub, "hrss", "社保卡", Kind.CLICK)
    assert said.spoken == ["社保卡可到银行网点补办。"]
    assert [each.rule.code for each in said.verdict.candidates] == ["hrss.card"]


def test_a_rule_whose_picture_is_missing_is_named(hub: Hub) -> None:
    shape = {
        "id": "police.map",
        "department": "police",
        "name": "地图",
        "exact": ["地图"],
        "reply": {"type": "image", "media": "大厅示意图"},
    }
    with transaction():
        owner = departments.by_code("police")
        stored.put(drafts.parse_rule(shape), department_id=owner.id, now=NOW)

    judged = ask(hub, "police", "地图")

    assert judged.unsendable is not None
    assert judged.unsendable.code == "police.map"
    assert judged.rule is None


def test_all_accounts_of_an_area_are_asked_by_name(hub: Hub) -> None:
    picture = live.refresh()
    answers = explaining.across(Occasion("社保卡"), EVERYWHERE, picture, now=NOW)
    told = {judged.account.name: judged.answer.outcome for judged in answers}
    assert told == {
        "华阴hrss": Outcome.RULE,
        "华阴police": Outcome.SUGGESTION,
        "华阴release": Outcome.RULE,
    }
    assert list(told) == sorted(told)

    mine = Area(accounts=frozenset({picture.accounts[hub.keys["police"].appid].id}))
    (only,) = explaining.across(Occasion("社保卡"), mine, picture, now=NOW)
    assert only.account.name == "华阴police"
    assert explaining.across(Occasion("社保卡"), Area(), picture, now=NOW) == []


def test_the_answer_is_that_of_the_chosen_time(hub: Hub) -> None:
    shape = {
        "id": "police.night",
        "department": "police",
        "name": "夜间",
        "exact": ["值班"],
        "hours": ["22:00-06:00"],
        "reply": {"type": "text", "content": "夜间值班。"},
    }
    with transaction():
        owner = departments.by_code("police")
        stored.put(drafts.parse_rule(shape), department_id=owner.id, now=NOW)

    judged = ask(hub, "police", "值班")

    assert judged.rule is None
    (asleep,) = judged.verdict.candidates
    assert "不在生效时间内" in explaining.reason(asleep)
    night = NOW.replace(hour=15)
    picture, appid = live.current(), hub.keys["police"].appid
    told = explaining.judge(Occasion("值班"), picture.accounts[appid], picture, now=night)
    assert told.spoken == ["夜间值班。"]


def test_a_draft_is_tried_without_being_published(hub: Hub) -> None:
    shape = {
        "id": "police.dogs",
        "department": "police",
        "name": "犬证",
        "keywords": ["宠物狗"],
        "reply": {"type": "text", "content": "请到派出所。"},
    }
    judged = ask(hub, "police", "宠物狗怎么办证")
    picture = live.current()
    with transaction():
        owner = departments.by_code("police").id
    changed = drafts.parse_rule(shape).rule(department_id=owner)

    assert explaining.after(judged, changed, picture, now=NOW) == changed
    elsewhere = ask(hub, "hrss", "宠物狗怎么办证")
    assert explaining.after(elsewhere, changed, picture, now=NOW) is None
    danger = ask(hub, "police", "宠物狗被绑架了")
    assert explaining.after(danger, changed, picture, now=NOW) is None
