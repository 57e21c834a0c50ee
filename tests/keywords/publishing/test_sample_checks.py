"""Rehearsals: samples that must keep their answer, and conflicts with what is in force."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keywords.matching.ruleset import RuleSet
from keywords.publishing import conflicts, sample_checks
from keywords.publishing.conflicts import ConflictKind
from keywords.publishing.what_if import WhatIf
from keywords.rules.default_replies import DefaultReplies
from keywords.rules.replies import Text
from keywords.rules.schedule import Days, Schedule
from keywords.rules.values import AccountPosition, Keyword, MatchInput, MatchMode, Rule, RuleScope
from tests.helpers import NOW

CITY, POLICE, STATION, WATER = 1, 2, 3, 4
HEAD, POLICE_ACCOUNT, STATION_ACCOUNT, WATER_ACCOUNT = 11, 12, 13, 14
REACHES = (
    AccountPosition(HEAD, (CITY, POLICE, WATER, STATION)),
    AccountPosition(POLICE_ACCOUNT, (POLICE, STATION), (CITY,)),
    AccountPosition(STATION_ACCOUNT, (STATION,), (POLICE, CITY)),
    AccountPosition(WATER_ACCOUNT, (WATER,), (CITY,)),
)


def rule(code: str, *words: str, department: int | None = POLICE, **more: Any) -> Rule:
    scope = RuleScope.LOCAL if department else RuleScope.DEFAULT
    given = {"scope": scope, "department_id": department, **more}
    return Rule(code, code, tuple(map(Keyword, words)), (Text(code),), **given)


def book(*rules: Rule) -> RuleSet:
    return RuleSet().with_rules(rules, REACHES)


CARD = rule("card", "身份证", samples=("身份证怎么办",))


def problems(found: Iterable[sample_checks.FailingSample]) -> list[tuple[str, str, str]]:
    return [
        (one.sample, one.rule.slug, one.answered_by.slug if one.answered_by else "")
        for one in found
    ]


def test_a_sample_that_another_rule_would_take_is_broken() -> None:
    noise = rule("noise", "户口", samples=("户口怎么办",))
    louder = rule("louder", "身份", priority=90)
    assert problems(sample_checks.failing_samples(book(CARD, noise), louder, now=NOW)) == [
        ("身份证怎么办", "card", "louder")
    ]


def test_a_sample_of_the_rule_itself_must_be_answered_by_it() -> None:
    live = book(CARD, rule("strong", "身份证", priority=90))
    mended = replace(CARD, keywords=(Keyword("户口"),))
    assert problems(sample_checks.failing_samples(live, mended, now=NOW)) == [
        ("身份证怎么办", "card", "strong")
    ]
    assert problems(sample_checks.failing_samples(book(CARD), mended, now=NOW)) == [
        ("身份证怎么办", "card", "")
    ]
    assert sample_checks.failing_samples(book(CARD), CARD, now=NOW) == ()


def test_a_sample_is_lost_at_the_head_account_too() -> None:
    other = rule("other", "身份证", department=WATER, priority=90)
    (lost,) = sample_checks.failing_samples(book(CARD), other, now=NOW)
    assert (lost.account_id, lost.rule) == (HEAD, CARD)


def test_a_rule_of_another_department_breaks_nothing_it_does_not_reach() -> None:
    city = rule("city", "身份证", department=WATER, account_id=WATER_ACCOUNT, priority=90)
    assert sample_checks.failing_samples(book(CARD), city, now=NOW) == ()


def test_a_sample_that_had_lost_its_answer_before_is_nobodys_fault_now() -> None:
    lost = replace(CARD, samples=("下雨了",))
    assert sample_checks.failing_samples(book(lost), rule("new", "下雨"), now=NOW) == ()


def test_samples_are_tried_when_their_rule_is_active() -> None:
    weekend = Schedule(days=Days.RESTDAYS)
    sleeping = replace(CARD, schedule=weekend)
    assert sample_checks.failing_samples(book(sleeping), sleeping, now=NOW) == ()
    assert problems(
        sample_checks.failing_samples(book(sleeping), rule("louder", "身份", priority=90), now=NOW)
    ) == [("身份证怎么办", "card", "louder")]
    louder_on_weekends = rule("louder", "身份", priority=90, schedule=weekend)
    assert sample_checks.failing_samples(book(CARD), louder_on_weekends, now=NOW) == ()


def test_a_sample_with_a_word_of_danger_is_answered_by_no_rule() -> None:
    said = DefaultReplies(emergency_words=("水漫金山",))
    live = RuleSet().with_rules((CARD,), REACHES, said)
    danger = replace(CARD, samples=("身份证水漫金山了",))
    (broken,) = sample_checks.failing_samples(live, danger, now=NOW)
    assert (broken.emergency, broken.answered_by) == ("水漫金山", None)


def test_an_override_that_goes_gives_the_default_back() -> None:
    city = rule("city", "身份证", department=None, priority=90)
    local = rule("local", "身份证", overrides="city", samples=("身份证",))
    assert problems(
        sample_checks.failing_samples(book(city, local), replace(local, overrides=""), now=NOW)
    ) == [("身份证", "local", "city")]


def test_overrides_of_overrides_are_evaluated_too() -> None:
    must = rule("must", "户口本", department=None, scope=RuleScope.MANDATORY)
    middle = rule("middle", "身份证", overrides="must", samples=("身份证",))
    new = rule("new", "身份证", department=None, overrides="middle", priority=10)
    live, after = book(must, middle), book(must, middle, new)
    for reach in REACHES:
        (given,) = WhatIf(live, new).answers_after(reach, ["身份证"], now=NOW)
        assert given == after.match(reach.account_id, MatchInput("身份证"), now=NOW)
    assert problems(sample_checks.failing_samples(live, new, now=NOW)) == [
        ("身份证", "middle", "new")
    ]


_words = st.sampled_from(["身份证", "身份", "户口本", "停水", "水费", "水", "办理停水", "证"])
_rules = st.builds(
    lambda number, words, department, scope, priority, overrides, without: Rule(
        f"r{number}",
        f"r{number}",
        tuple(map(Keyword, words)),
        (Text("答复"),),
        department_id=department,
        scope=scope if department or scope is not RuleScope.LOCAL else RuleScope.DEFAULT,
        priority=priority,
        overrides=f"r{overrides}" if overrides is not None else "",
        excluded=without,
    ),
    st.integers(0, 9),
    st.lists(_words, min_size=1, max_size=3, unique=True),
    st.sampled_from([None, CITY, POLICE, STATION, WATER]),
    st.sampled_from(RuleScope),
    st.sampled_from([50, 60]),
    st.none() | st.integers(0, 9),
    st.lists(_words, max_size=1).map(tuple),
)


@settings(deadline=None)  # a busy machine is no failure
@given(
    live=st.lists(_rules, max_size=8, unique_by=lambda one: one.code),
    changed=_rules,
    texts=st.lists(st.lists(_words, min_size=1, max_size=3).map("".join), min_size=1, max_size=3),
)
def test_a_what_if_ruleset_answers_as_the_whole_city_would(
    live: list[Rule], changed: Rule, texts: list[str]
) -> None:
    kept = [one for one in live if one.slug != changed.slug]
    after = book(*kept, changed)
    rehearsal = WhatIf(book(*live), changed)
    for reach in REACHES:
        expected = [after.match(reach.account_id, MatchInput(text), now=NOW) for text in texts]
        assert rehearsal.answers_after(reach, texts, now=NOW) == expected


# ---- conflicts ----


def met_conflicts(live: RuleSet, draft: Rule) -> list[tuple[str, str]]:
    return [(one.kind.value, one.other.slug) for one in conflicts.detect(live, draft, now=NOW)]


def test_the_same_keyword_is_found_in_whatever_shape_it_is_written() -> None:
    other = rule("etc", "ＥＴＣ 办理", priority=60)
    noise = rule("noise", "户口")
    (found,) = conflicts.detect(book(other, noise), rule("new", "etc办理"), now=NOW)
    assert (found.kind, found.other.slug, found.keyword) == (
        ConflictKind.ANSWERED_BY_OTHER,
        "etc",
        "etc办理",
    )


def test_a_phrase_that_the_draft_would_take_is_told() -> None:
    assert met_conflicts(book(CARD), rule("new", "身份证", priority=90)) == [
        ("answers_for_other", "card")
    ]
    assert met_conflicts(book(CARD), rule("new", "身份", priority=90)) == [
        ("answers_for_other", "card")
    ]


def test_words_within_words_are_told_where_nobody_loses_anything() -> None:
    assert met_conflicts(book(CARD), rule("new", "身份证丢失")) == [("contains_other", "card")]
    assert met_conflicts(book(rule("lost", "身份证丢失")), rule("new", "身份证")) == [
        ("contained_in_other", "lost")
    ]


def test_a_sample_of_the_draft_that_another_rule_wins_is_told() -> None:
    draft = rule("new", "补办", samples=("身份证补办",))
    assert met_conflicts(book(CARD), draft) == [("answered_by_other", "card")]


def test_a_pattern_that_swallows_other_rules_is_told() -> None:
    greedy = replace(rule("new", "x"), keywords=(Keyword("身.证|户口", MatchMode.PATTERN),))
    live = book(CARD, rule("home", "户口本"), rule("noise", "停水"))
    assert met_conflicts(live, greedy) == [("pattern_matches", "card"), ("pattern_matches", "home")]


def test_the_same_pattern_and_the_same_groups_are_duplicates() -> None:
    for text, again, mode in (
        ("水.*停", "水.*停", MatchMode.PATTERN),
        ("水 停|断", "断|停 水", MatchMode.TOGETHER),
    ):
        live = book(replace(CARD, keywords=(Keyword(text, mode),)))
        draft = replace(rule("new", "x"), keywords=(Keyword(again, mode),))
        assert met_conflicts(live, draft) == [("same_keyword", "card")]


def test_rules_that_no_account_shares_do_not_meet() -> None:
    own = rule("own", "身份证", department=None, account_id=WATER_ACCOUNT, scope=RuleScope.LOCAL)
    assert met_conflicts(book(own), rule("new", "身份证")) == []


def test_what_is_met_only_further_up_comes_last() -> None:
    far = rule("a.far", "身份证", department=WATER)
    near = rule("b.near", "身份证")
    found = conflicts.detect(book(far, near), rule("new", "身份证"), now=NOW)
    assert [(one.other.slug, one.at_own_accounts) for one in found] == [
        ("b.near", True),
        ("a.far", False),
    ]


def test_a_rule_does_not_meet_itself_or_menus() -> None:
    assert met_conflicts(book(CARD), replace(CARD, name="新名")) == []
    assert met_conflicts(RuleSet(), CARD) == []


@pytest.mark.parametrize("required", [(), ("丢失",)])
def test_with_words_required_a_keyword_alone_is_no_phrase(required: tuple[str, ...]) -> None:
    draft = replace(rule("new", "身份证"), required=required)
    found = met_conflicts(book(replace(CARD, priority=90)), draft)
    assert found == ([("same_keyword", "card")] if required else [("answered_by_other", "card")])
