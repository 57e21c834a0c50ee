"""Rehearsals: samples that must keep their answer, and conflicts with what is in force."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keywords import conflicts, samples
from keywords.book import Book
from keywords.conflicts import Clash
from keywords.rehearsal import Rehearsal
from keywords.replies import Text
from keywords.rules import Keyword, Mode, Occasion, Reach, Rule, Scope
from keywords.schedule import Days, Schedule
from keywords.texts import Texts
from tests.fixtures import NOW

CITY, POLICE, STATION, WATER = 1, 2, 3, 4
HEAD, POLICE_ACCOUNT, STATION_ACCOUNT, WATER_ACCOUNT = 11, 12, 13, 14
REACHES = (
    Reach(HEAD, (CITY, POLICE, WATER, STATION)),
    Reach(POLICE_ACCOUNT, (POLICE, STATION), (CITY,)),
    Reach(STATION_ACCOUNT, (STATION,), (POLICE, CITY)),
    Reach(WATER_ACCOUNT, (WATER,), (CITY,)),
)


def rule(code: str, *words: str, department: int | None = POLICE, **more: Any) -> Rule:
    scope = Scope.LOCAL if department else Scope.DEFAULT
    given = {"scope": scope, "department_id": department, **more}
    return Rule(code, code, tuple(map(Keyword, words)), (Text(code),), **given)


def book(*rules: Rule) -> Book:
    return Book().compiled(rules, REACHES)


CARD = rule("card", "身份证", samples=("身份证怎么办",))


def told(found: Iterable[samples.Broken]) -> list[tuple[str, str, str]]:
    return [
        (one.sample, one.rule.code, one.answering.code if one.answering else "") for one in found
    ]


def test_a_sample_that_another_rule_would_take_is_broken() -> None:
    noise = rule("noise", "户口", samples=("户口怎么办",))
    louder = rule("louder", "身份", priority=90)
    assert told(samples.broken(book(CARD, noise), louder, now=NOW)) == [
        ("身份证怎么办", "card", "louder")
    ]


def test_a_sample_of_the_rule_itself_must_be_answered_by_it() -> None:
    live = book(CARD, rule("strong", "身份证", priority=90))
    mended = replace(CARD, keywords=(Keyword("户口"),))
    assert told(samples.broken(live, mended, now=NOW)) == [("身份证怎么办", "card", "strong")]
    assert told(samples.broken(book(CARD), mended, now=NOW)) == [("身份证怎么办", "card", "")]
    assert samples.broken(book(CARD), CARD, now=NOW) == ()


def test_a_sample_is_lost_at_the_head_account_too() -> None:
    other = rule("other", "身份证", department=WATER, priority=90)
    (lost,) = samples.broken(book(CARD), other, now=NOW)
    assert (lost.account_id, lost.rule) == (HEAD, CARD)


def test_a_rule_of_another_department_breaks_nothing_it_does_not_reach() -> None:
    city = rule("city", "身份证", department=WATER, account_id=WATER_ACCOUNT, priority=90)
    assert samples.broken(book(CARD), city, now=NOW) == ()


def test_a_sample_that_had_lost_its_answer_before_is_nobodys_fault_now() -> None:
    lost = replace(CARD, samples=("下雨了",))
    assert samples.broken(book(lost), rule("new", "下雨"), now=NOW) == ()


def test_samples_are_tried_when_their_rule_is_awake() -> None:
    weekend = Schedule(days=Days.RESTDAYS)
    sleeping = replace(CARD, schedule=weekend)
    assert samples.broken(book(sleeping), sleeping, now=NOW) == ()
    assert told(samples.broken(book(sleeping), rule("louder", "身份", priority=90), now=NOW)) == [
        ("身份证怎么办", "card", "louder")
    ]
    louder_on_weekends = rule("louder", "身份", priority=90, schedule=weekend)
    assert samples.broken(book(CARD), louder_on_weekends, now=NOW) == ()


def test_a_sample_with_a_word_of_danger_is_answered_by_no_rule() -> None:
    said = Texts(emergency_words=("水漫金山",))
    live = Book().compiled((CARD,), REACHES, said)
    danger = replace(CARD, samples=("身份证水漫金山了",))
    (broken,) = samples.broken(live, danger, now=NOW)
    assert (broken.emergency, broken.answering) == ("水漫金山", None)


def test_an_override_that_goes_gives_the_default_back() -> None:
    city = rule("city", "身份证", department=None, priority=90)
    local = rule("local", "身份证", overrides="city", samples=("身份证",))
    assert told(samples.broken(book(city, local), replace(local, overrides=""), now=NOW)) == [
        ("身份证", "local", "city")
    ]


def test_overrides_of_overrides_are_rehearsed_as_well() -> None:
    must = rule("must", "户口本", department=None, scope=Scope.MANDATORY)
    middle = rule("middle", "身份证", overrides="must", samples=("身份证",))
    new = rule("new", "身份证", department=None, overrides="middle", priority=10)
    live, after = book(must, middle), book(must, middle, new)
    for reach in REACHES:
        (given,) = Rehearsal(live, new).answers(reach, ["身份证"], now=NOW)
        assert given == after.match(reach.account_id, Occasion("身份证"), now=NOW)
    assert told(samples.broken(live, new, now=NOW)) == [("身份证", "middle", "new")]


_words = st.sampled_from(["身份证", "身份", "户口本", "停水", "水费", "水", "办理停水", "证"])
_rules = st.builds(
    lambda number, words, department, scope, priority, overrides, without: Rule(
        f"r{number}",
        f"r{number}",
        tuple(map(Keyword, words)),
        (Text("答复"),),
        department_id=department,
        scope=scope if department or scope is not Scope.LOCAL else Scope.DEFAULT,
        priority=priority,
        overrides=f"r{overrides}" if overrides is not None else "",
        excluded=without,
    ),
    st.integers(0, 9),
    st.lists(_words, min_size=1, max_size=3, unique=True),
    st.sampled_from([None, CITY, POLICE, STATION, WATER]),
    st.sampled_from(Scope),
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
def test_a_rehearsal_answers_as_the_whole_city_would(
    live: list[Rule], changed: Rule, texts: list[str]
) -> None:
    kept = [one for one in live if one.code != changed.code]
    after = book(*kept, changed)
    rehearsal = Rehearsal(book(*live), changed)
    for reach in REACHES:
        expected = [after.match(reach.account_id, Occasion(text), now=NOW) for text in texts]
        assert rehearsal.answers(reach, texts, now=NOW) == expected


# ---- conflicts ----


def met(live: Book, draft: Rule) -> list[tuple[str, str]]:
    return [(one.clash.value, one.other.code) for one in conflicts.find(live, draft, now=NOW)]


def test_the_same_keyword_is_found_in_whatever_shape_it_is_written() -> None:
    other = rule("etc", "ＥＴＣ 办理", priority=60)
    noise = rule("noise", "户口")
    (found,) = conflicts.find(book(other, noise), rule("new", "etc办理"), now=NOW)
    assert (found.clash, found.other.code, found.word) == (Clash.TAKEN, "etc", "etc办理")


def test_a_phrase_that_the_draft_would_take_is_told() -> None:
    assert met(book(CARD), rule("new", "身份证", priority=90)) == [("takes", "card")]
    assert met(book(CARD), rule("new", "身份", priority=90)) == [("takes", "card")]


def test_words_within_words_are_told_where_nobody_loses_anything() -> None:
    assert met(book(CARD), rule("new", "身份证丢失")) == [("holds", "card")]
    assert met(book(rule("lost", "身份证丢失")), rule("new", "身份证")) == [("within", "lost")]


def test_a_sample_of_the_draft_that_another_rule_wins_is_told() -> None:
    draft = rule("new", "补办", samples=("身份证补办",))
    assert met(book(CARD), draft) == [("taken", "card")]


def test_a_pattern_that_swallows_other_rules_is_told() -> None:
    greedy = replace(rule("new", "x"), keywords=(Keyword("身.证|户口", Mode.PATTERN),))
    live = book(CARD, rule("home", "户口本"), rule("noise", "停水"))
    assert met(live, greedy) == [("swallows", "card"), ("swallows", "home")]


def test_the_same_pattern_and_the_same_groups_are_duplicates() -> None:
    for text, again, mode in (
        ("水.*停", "水.*停", Mode.PATTERN),
        ("水 停|断", "断|停 水", Mode.TOGETHER),
    ):
        live = book(replace(CARD, keywords=(Keyword(text, mode),)))
        draft = replace(rule("new", "x"), keywords=(Keyword(again, mode),))
        assert met(live, draft) == [("same", "card")]


def test_rules_that_no_account_shares_do_not_meet() -> None:
    own = rule("own", "身份证", department=None, account_id=WATER_ACCOUNT, scope=Scope.LOCAL)
    assert met(book(own), rule("new", "身份证")) == []


def test_what_is_met_only_further_up_comes_last() -> None:
    far = rule("a.far", "身份证", department=WATER)
    near = rule("b.near", "身份证")
    found = conflicts.find(book(far, near), rule("new", "身份证"), now=NOW)
    assert [(one.other.code, one.is_near) for one in found] == [("b.near", True), ("a.far", False)]


def test_a_rule_does_not_meet_itself_or_menus() -> None:
    assert met(book(CARD), replace(CARD, name="新名")) == []
    assert met(Book(), CARD) == []


@pytest.mark.parametrize("required", [(), ("丢失",)])
def test_with_words_required_a_keyword_alone_is_no_phrase(required: tuple[str, ...]) -> None:
    draft = replace(rule("new", "身份证"), required=required)
    found = met(book(replace(CARD, priority=90)), draft)
    assert found == ([("same", "card")] if required else [("taken", "card")])
