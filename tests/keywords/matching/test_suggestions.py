"""Suggestions: by shared words, by meaning with an encoder, and none that is not worth it."""

from datetime import UTC, datetime

import pytest

from keywords.language import meaning
from keywords.matching.ruleset import RuleSet
from keywords.matching.suggestions import MIN_SCORE, WEIGHTS, Evidence, ScoredRule, select_closest
from keywords.rules.inheritance import AccountPosition
from keywords.rules.values import MatchInput, Rule
from tests.helpers.topic_encoder import TopicEncoder
from tests.keywords import rule

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
CITY = AccountPosition(1, own_and_below=(1, 2, 3))
POLICE = AccountPosition(2, own_and_below=(2,), ancestors=(1,))
WATER = AccountPosition(3, own_and_below=(3,), ancestors=(1,))
PETS = rule("police.pets", "宠物狗", name="宠物狗办证", department_id=2)
MOVE = rule("police.move", "户口迁移", name="户口迁移", department_id=2)
OUTAGE = rule("water.outage", "停水", name="停水通知", department_id=3)
METER = rule("water.meter", "抄表", name="抄表时间", account_id=3)
RULES = (PETS, MOVE, OUTAGE, METER)


def ruleset(rules: tuple[Rule, ...] = RULES, before: RuleSet | None = None) -> RuleSet:
    made = (before or RuleSet()).with_rules(rules, [CITY, POLICE, WATER])
    assert made.update_meanings(seconds=60)
    return made


# ---- without an encoder ----


def test_switched_off_rules_are_found_by_words_alone() -> None:
    assert not meaning.is_enabled()
    assert ruleset().suggest(2, "户口的事想迁走移过来", now=NOW) == (MOVE,)
    assert ruleset().suggest(2, "喵星人怎么登记", now=NOW) == ()


# ---- with an encoder ----


@pytest.mark.usefixtures("topic_encoder")
def test_a_rule_is_found_by_what_it_means() -> None:
    assert ruleset().suggest(2, "喵星人怎么登记", now=NOW) == (PETS,)
    assert ruleset().suggest(1, "喵星人怎么登记", now=NOW) == (PETS,)


@pytest.mark.usefixtures("topic_encoder")
def test_a_message_that_means_no_rule_gets_none() -> None:
    assert ruleset().suggest(2, "今天天气好热啊", now=NOW) == ()
    assert ruleset().suggest(2, "miaoxingren", now=NOW) == ()


@pytest.mark.usefixtures("topic_encoder")
def test_rules_of_the_account_and_of_others_stand_in_one_list() -> None:
    assert ruleset().suggest(3, "小狗办证，水龙头一滴都不出", now=NOW) == (OUTAGE, PETS)


@pytest.mark.usefixtures("topic_encoder")
def test_a_rule_of_a_single_account_is_suggested_by_no_other() -> None:
    # by its words it would be
    assert ruleset().suggest(3, "抄水表几号", now=NOW)[:1] in [(METER,), ()]
    assert METER not in ruleset().suggest(2, "抄表时间是几号抄表", now=NOW)


@pytest.mark.usefixtures("topic_encoder")
def test_until_rules_are_encoded_their_words_find_them() -> None:
    fresh = RuleSet().with_rules(RULES, [CITY, POLICE, WATER])
    assert fresh.suggest(2, "户口的事想迁走移过来", now=NOW) == (MOVE,)
    assert fresh.suggest(2, "喵星人怎么登记", now=NOW) == ()


@pytest.mark.usefixtures("topic_encoder")
def test_only_changed_rules_are_encoded_again() -> None:
    before = ruleset()
    known = TopicEncoder.encoded
    lamps = rule("police.lamps", "路灯", name="路灯", department_id=2)
    after = ruleset((*RULES, lamps), before)
    assert TopicEncoder.encoded == known + 1
    assert after.suggest(2, "黑灯瞎火的谁管", now=NOW) == (lamps,)
    assert after.suggest(2, "喵星人怎么登记", now=NOW) == (PETS,)


@pytest.mark.usefixtures("topic_encoder")
def test_where_a_keyword_decides_the_encoder_is_not_asked() -> None:
    made = ruleset()
    known = TopicEncoder.encoded
    told = made.explain(2, MatchInput("宠物狗怎么办证"), now=NOW)
    assert told.rule == PETS
    assert made.suggest(2, "谢谢", now=NOW) == ()
    assert TopicEncoder.encoded == known


# ---- scores ----


def test_every_evidence_speaks_for_a_rule_and_none_is_not_enough() -> None:
    nothing = Evidence(bigrams=0, meaning=0, is_own=False, is_matched=False)
    base = WEIGHTS.score(nothing)
    assert base < WEIGHTS.score(Evidence(0, 0, is_own=True, is_matched=False)) < MIN_SCORE
    assert base < WEIGHTS.score(Evidence(1, 0, is_own=False, is_matched=False))
    assert base < WEIGHTS.score(Evidence(0, 0.5, is_own=False, is_matched=False))
    assert base < WEIGHTS.score(Evidence(0, 0, is_own=False, is_matched=True))


def test_what_lies_far_below_the_best_is_left_out() -> None:
    scored = [
        ScoredRule(each, score) for each, score in zip(RULES, (2.0, 1.0, -1.1, -2.0), strict=True)
    ]
    assert select_closest(scored) == [PETS, MOVE]
    assert select_closest([]) == []


def test_only_the_best_needs_the_threshold() -> None:
    close = [ScoredRule(PETS, MIN_SCORE), ScoredRule(MOVE, MIN_SCORE - 1)]
    assert select_closest(close) == [PETS, MOVE]
    assert select_closest(close[1:]) == []
