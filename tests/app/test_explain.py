"""Explaining: what the console shows is what the callback would answer, for every account."""

import pytest

from app import explain, snapshots
from app.explain import Explanation
from config.database import transaction
from config.permissions import PermissionScope
from keywords.rules import store
from keywords.rules.spec import RuleSpec
from keywords.rules.values import InputKind, MatchInput
from matrix import departments
from matrix.inbox import Outcome
from tests.helpers import NOW
from tests.helpers.hub import Hub

EVERYWHERE = PermissionScope(everywhere=True)


def ask(hub: Hub, to: str, text: str, kind: InputKind = InputKind.TEXT) -> Explanation:
    snapshot = snapshots.refresh()
    account = snapshot.accounts[hub.keys[to].appid]
    return explain.explain_one(MatchInput(text, kind), account, snapshot, now=NOW)


@pytest.mark.parametrize("text", ["身份证丢了", "被绑架了", "宠物狗怎么办证", "全部办理须知"])
def test_the_bench_says_what_the_callback_says(hub: Hub, text: str) -> None:
    judged = ask(hub, "police", text)

    assert judged.reply_texts[0] == hub.push("police", hub.text("o1", text)).text


def test_the_winner_stands_with_every_candidate_and_reason(hub: Hub) -> None:
    judged = ask(hub, "police", "身份证全部办理须知")

    assert judged.outcome_label == "由规则答复"
    assert judged.rule is not None
    found = explain.best_per_rule(judged.verdict.candidates)
    assert {each.rule.slug for each in found} == {"police.id_card", "police.long"}
    assert found[0].rule == judged.rule
    assert all("含有" in explain.describe(each) for each in found)


def test_a_suggestion_is_shown_without_its_link(hub: Hub) -> None:
    judged = ask(hub, "police", "社保卡丢了")

    assert judged.answer.outcome is Outcome.SUGGESTION
    assert [rule.slug for rule in judged.suggestions] == ["hrss.card"]
    assert "· 社保卡（华阴hrss）" in judged.reply_texts[0]
    assert "<a" not in judged.reply_texts[0]


def test_a_menu_click_and_a_scan_are_asked_the_same_way(hub: Hub) -> None:
    assert ask(hub, "hrss", "MENU_CARD", InputKind.CLICK).reply_texts == ["您点了菜单。"]
    assert ask(hub, "hrss", "hall", InputKind.SCAN).reply_texts == ["社保卡可到银行网点补办。"]
    nothing = ask(hub, "hrss", "nobody", InputKind.SCAN)
    assert (nothing.outcome_label, nothing.reply_texts) == ("不答复", [])

    said = ask(hub, "hrss", "社保卡", InputKind.CLICK)
    assert said.reply_texts == ["社保卡可到银行网点补办。"]
    assert [each.rule.slug for each in said.verdict.candidates] == ["hrss.card"]


def test_a_rule_whose_picture_is_missing_is_named(hub: Hub) -> None:
    shape = {
        "id": "police.map",
        "department": "police",
        "name": "地图",
        "exact": ["地图"],
        "reply": {"type": "image", "media": "大厅示意图"},
    }
    with transaction():
        owner = departments.get_by_slug("police")
        store.upsert(RuleSpec.parse(shape), department_id=owner.id, now=NOW)

    judged = ask(hub, "police", "地图")

    assert judged.unsendable_rule is not None
    assert judged.unsendable_rule.slug == "police.map"
    assert judged.rule is None


def test_all_accounts_of_an_area_are_asked_by_name(hub: Hub) -> None:
    snapshot = snapshots.refresh()
    answers = explain.explain_all(MatchInput("社保卡"), EVERYWHERE, snapshot, now=NOW)
    told = {judged.account.name: judged.answer.outcome for judged in answers}
    assert told == {
        "华阴hrss": Outcome.RULE,
        "华阴police": Outcome.SUGGESTION,
        "华阴release": Outcome.RULE,
    }
    assert list(told) == sorted(told)

    mine = PermissionScope(accounts=frozenset({snapshot.accounts[hub.keys["police"].appid].id}))
    (only,) = explain.explain_all(MatchInput("社保卡"), mine, snapshot, now=NOW)
    assert only.account.name == "华阴police"
    assert explain.explain_all(MatchInput("社保卡"), PermissionScope(), snapshot, now=NOW) == []


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
        owner = departments.get_by_slug("police")
        store.upsert(RuleSpec.parse(shape), department_id=owner.id, now=NOW)

    judged = ask(hub, "police", "值班")

    assert judged.rule is None
    (asleep,) = judged.verdict.candidates
    assert "不在生效时间内" in explain.describe(asleep)
    night = NOW.replace(hour=15)
    snapshot, appid = snapshots.current(), hub.keys["police"].appid
    told = explain.explain_one(MatchInput("值班"), snapshot.accounts[appid], snapshot, now=night)
    assert told.reply_texts == ["夜间值班。"]


def test_a_draft_is_tried_without_being_published(hub: Hub) -> None:
    shape = {
        "id": "police.dogs",
        "department": "police",
        "name": "犬证",
        "keywords": ["宠物狗"],
        "reply": {"type": "text", "content": "请到派出所。"},
    }
    judged = ask(hub, "police", "宠物狗怎么办证")
    snapshot = snapshots.current()
    with transaction():
        owner = departments.get_by_slug("police").id
    changed = RuleSpec.parse(shape).rule(department_id=owner)

    assert explain.winner_after(judged, changed, snapshot, now=NOW) == changed
    elsewhere = ask(hub, "hrss", "宠物狗怎么办证")
    assert explain.winner_after(elsewhere, changed, snapshot, now=NOW) is None
    danger = ask(hub, "police", "宠物狗被绑架了")
    assert explain.winner_after(danger, changed, snapshot, now=NOW) is None
