"""The book: every account answers with its own rules and points to the others'."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keywords.matching.emergencies import Danger, DangerKind, Tier
from keywords.matching.ruleset import RuleSet
from keywords.rules import store
from keywords.rules.default_replies import BUILTIN_EMERGENCY, DefaultReplies
from keywords.rules.inheritance import AccountPosition
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec
from keywords.rules.standard_texts import StandardText
from keywords.rules.values import InputKind, Keyword, MatchInput, RuleScope
from tests.helpers import NOW as MOMENT
from tests.keywords import rule

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
CITY = AccountPosition(1, own_and_below=(1, 2, 3))
POLICE = AccountPosition(2, own_and_below=(2,), ancestors=(1,))
WATER = AccountPosition(3, own_and_below=(3,), ancestors=(1,))
RULES = (
    rule("police.id", "身份证", "临时身份证", name="身份证办理", department_id=2),
    rule("police.move", "户口迁移", name="户口迁移", department_id=2),
    rule("water.fee", "水费", "阶梯水价", name="水费", department_id=3),
    rule("water.own", "抄表", name="抄表时间", account_id=3),
)


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return RuleSet().with_rules(
        RULES, [CITY, POLICE, WATER], DefaultReplies(emergency_words=("井喷",))
    )


def test_each_account_answers_with_its_own_rules_and_the_head_with_all(ruleset: RuleSet) -> None:
    asked = MatchInput("身份证丢了咋办")
    assert ruleset.match(2, asked, now=NOW) == RULES[0]
    assert ruleset.match(1, asked, now=NOW) == RULES[0]
    assert ruleset.match(3, asked, now=NOW) is None
    assert ruleset.match(99, asked, now=NOW) is None


def test_who_asks_the_wrong_department_is_pointed_to_the_right_one(ruleset: RuleSet) -> None:
    assert ruleset.suggest(3, "身份证丢了咋办", now=NOW) == (RULES[0],)


def test_a_near_miss_gets_the_accounts_own_suggestion(ruleset: RuleSet) -> None:
    assert ruleset.suggest(2, "户口的事想迁走", now=NOW)[:1] in [(RULES[1],), ()]
    assert ruleset.suggest(3, "水价是阶梯的么", now=NOW) == (RULES[2],)


@pytest.mark.parametrize("text", ["你好", "今天天气真不错", "加我微信办身份证", "哈哈", "？"])
def test_small_talk_and_adverts_get_no_suggestion(ruleset: RuleSet, text: str) -> None:
    for account in (1, 2, 3):
        assert ruleset.suggest(account, text, now=NOW) == ()


def test_a_rule_of_one_account_is_not_suggested_elsewhere(ruleset: RuleSet) -> None:
    assert ruleset.match(3, MatchInput("抄表是几号"), now=NOW) == RULES[3]
    assert ruleset.suggest(2, "抄表是几号", now=NOW) == ()


def test_an_explanation_agrees_with_the_answer(ruleset: RuleSet) -> None:
    told = ruleset.explain(2, MatchInput("身份证丢了咋办"), now=NOW)
    assert told.rule == RULES[0]
    assert told.candidates[0].rule == RULES[0]
    assert told.suggestions == ()

    told = ruleset.explain(3, MatchInput("身份证丢了咋办"), now=NOW)
    assert told.rule is None
    assert told.suggestions == (RULES[0],)


def test_an_emergency_goes_before_every_rule(ruleset: RuleSet) -> None:
    told = ruleset.explain(2, MatchInput("身份证着火了救命"), now=NOW)
    assert told.emergency
    assert told.rule is None
    assert told.suggestions == ()
    assert ruleset.find_emergency("矿上井喷") == "井喷"
    assert ruleset.find_emergency("身份证丢了咋办") is None


def test_menu_keys_are_explained_without_suggestions(ruleset: RuleSet) -> None:
    told = ruleset.explain(2, MatchInput("身份证", InputKind.CLICK), now=NOW)
    assert told.rule is None
    assert told.emergency is None
    assert told.suggestions == ()


def test_matchers_are_kept_while_their_rules_stay(ruleset: RuleSet) -> None:
    changed = (*RULES[:2], replace(RULES[2], priority=90), RULES[3])
    later = ruleset.with_rules(changed, [CITY, POLICE, WATER])
    assert later._matchers[2] is ruleset._matchers[2]
    assert later._matchers[3] is not ruleset._matchers[3]
    assert ruleset.match(3, MatchInput("水费"), now=NOW) == RULES[2]
    assert later.match(3, MatchInput("水费"), now=NOW) == changed[2]


@pytest.mark.usefixtures("rolled_back")
def test_a_ruleset_is_read_from_the_database(make_department: Callable[[str], int]) -> None:
    police, water = make_department("police"), make_department("water")
    spec = RuleSpec(
        slug="police.id", name="身份证", keywords=(Keyword("身份证"),), replies=(Text("答复"),)
    )
    store.create(spec, department_id=police, now=MOMENT)
    store.create(spec.replace(slug="city", scope=RuleScope.MANDATORY), now=MOMENT)

    ruleset = RuleSet().reloaded(
        [AccountPosition(1, own_and_below=(police,)), AccountPosition(2, own_and_below=(water,))]
    )

    assert [each.slug for each in ruleset.rules_of(1)] == ["city", "police.id"]
    assert [each.slug for each in ruleset.rules_of(2)] == ["city"]
    found = ruleset.find_rule("police.id")
    assert found is not None
    assert found.department_id == police
    assert ruleset.fallback_reply(1)
    assert ruleset.emergency_reply


def test_each_kind_of_danger_has_the_text_with_its_number() -> None:
    said = RuleSet().with_rules((), [CITY])
    numbers = {"fire": "119", "violence": "110", "stroke_heart": "120", "traffic": "122"}
    for kind, number in numbers.items():
        danger = Danger(Tier.CERTAIN, DangerKind(kind), "")
        assert number in said.emergency_reply(danger)
    suicide = said.emergency_reply(Danger(Tier.CERTAIN, DangerKind.SUICIDE, ""))
    assert "12356" in suicide
    assert not {"110", "119", "120", "122"} & set(re.findall(r"\d+", suicide))
    other = said.emergency_reply(Danger(Tier.CERTAIN, DangerKind.OTHER, ""))
    assert other == BUILTIN_EMERGENCY


def test_the_city_writes_the_text_for_a_kind_of_danger() -> None:
    texts = {StandardText.EMERGENCY_FIRE: "快打 119"}
    said = RuleSet().with_rules((), [CITY], DefaultReplies(texts=texts))
    assert said.emergency_reply(Danger(Tier.CERTAIN, DangerKind.GAS, "")) == "快打 119"
