"""Scope: what is ruled out, over, a fraud or another city's is not asked."""

from datetime import UTC, datetime

import pytest

from keywords.language.normalize import normalize
from keywords.matching import scope
from keywords.matching.matcher import Matcher
from keywords.matching.ruleset import RuleSet
from keywords.rules.inheritance import AccountPosition
from keywords.rules.values import MatchInput
from tests.keywords import rule

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
CARD = rule("card", "社保卡")
MEDICAL = rule("medical", "医保")
IDENTITY = rule("identity", "身份证")
FRAUD = rule("fraud", "骗子", "诈骗")
RULES = (CARD, MEDICAL, IDENTITY, FRAUD)


def answer(text: str) -> str | None:
    """The code of the rule that answers."""
    found = Matcher(RULES).match(MatchInput(text), now=NOW)
    return found.slug if found else None


def told(text: str) -> dict[str, str]:
    """The obstacle of each rule that was found, by its code."""
    return {
        each.rule.slug: each.obstacle for each in Matcher(RULES).explain(MatchInput(text), now=NOW)
    }


# ---- not this but that ----


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("不是社保卡，是洗澡的卡在哪充", None),
        ("不是社保卡，是身份证丢了", "identity"),
        ("不要医保，我问社保卡", "card"),
        ("我不是问医保，我想问社保卡", "card"),
        # a question that begins with 不是
        ("不是本人能办社保卡吗", "card"),
        ("是不是要带社保卡", "card"),
        # a refusal alone rules nothing out
        ("不想用医保", "medical"),
    ],
)
def test_what_is_ruled_out_is_not_asked(text: str, code: str | None) -> None:
    assert answer(text) == code


def test_explain_says_what_was_ruled_out() -> None:
    assert told("不要医保，我问社保卡") == {"card": "", "medical": "前后文说了不是问这个"}


# ---- over ----


@pytest.mark.parametrize(
    "text",
    [
        "身份证已经补好了，谢谢",
        "社保卡不用办了",
        "身份证找到了",
        "社保卡的事当我没问",
        "医保不办了",
    ],
)
def test_what_is_over_is_not_asked(text: str) -> None:
    assert answer(text) is None
    assert set(told(text).values()) == {"事情已经办完或撤回"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("身份证补好了没有", "identity"),
        ("身份证补好了在哪领", "identity"),
        ("身份证还没补好", "identity"),
        ("社保卡领到了，可是密码锁了", "card"),
        ("办社保卡麻烦不麻烦", "card"),
        ("社保卡他们说不办了", "card"),
    ],
)
def test_a_question_beside_it_is_asked_all_the_same(text: str, code: str) -> None:
    assert answer(text) == code


def test_what_follows_the_end_of_a_matter_is_a_new_request() -> None:
    assert answer("社保卡办好了，身份证丢了") == "identity"


# ---- frauds ----


def test_a_question_about_a_fraud_is_for_rules_about_frauds_only() -> None:
    text = "说我社保卡被取消，让我转账，是不是骗子"
    assert answer(text) == "fraud"
    assert told(text)["card"] == "问的是真假，可能是诈骗"
    assert answer("被取消让我转账，这可信吗，社保卡还在呢") is None


# ---- elsewhere ----


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("西安的社保卡密码锁了", None),
        ("西安社保卡密码锁了", None),
        ("我在西安，社保卡密码锁了", "card"),
        ("从西安转回来，社保卡咋办", "card"),
        ("西安的社保卡华阴能用不", "card"),
        ("在西安路补社保卡", "card"),
    ],
)
def test_what_another_city_does_is_not_asked_here(text: str, code: str | None) -> None:
    assert answer(text) == code


def test_explain_names_the_other_city() -> None:
    assert told("西安的社保卡密码锁了") == {"card": "说的是别处（西安）"}


def test_a_rule_that_names_the_city_may_answer() -> None:
    coach = Matcher([rule("coach", "去西安", "西安大巴", "大巴")])
    found = coach.match(MatchInput("西安大巴几点"), now=NOW)
    assert found is not None


# ---- where nothing is limited ----


def test_most_messages_are_asked_as_they_stand() -> None:
    normal = normalize("社保卡丢了怎么补")
    assert scope.read(normal) == scope.Scope(normal)


def test_suggestions_go_by_what_is_asked() -> None:
    ruleset = RuleSet().with_rules(RULES, [AccountPosition(1, own_and_below=(1,))])
    assert ruleset.suggest(1, "西安的社保的卡密码锁了，西安的社保卡", now=NOW) == ()
    assert CARD not in ruleset.suggest(1, "不是社保卡，是洗澡的卡在哪充", now=NOW)
