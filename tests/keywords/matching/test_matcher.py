"""The matcher against what its rules say in plain words."""

from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords.language.normalize import fold
from keywords.matching.matcher import Matcher, MatchLevel
from keywords.rules.schedule import Schedule, Span
from keywords.rules.values import InputKind, Keyword, MatchInput, MatchMode, Rule, RuleScope
from tests.keywords import rule

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)  # a Tuesday, eleven o'clock in the city


def answer(rules: list[Rule], text: str, kind: InputKind = InputKind.TEXT) -> str | None:
    """The code of the rule that answers."""
    found = Matcher(rules).match(MatchInput(text, kind), now=NOW)
    return found.slug if found else None


# ---- the modes ----


@pytest.mark.parametrize(
    ("mode", "text", "fires"),
    [
        (MatchMode.EQUAL, "身份证", True),
        (MatchMode.EQUAL, "请问身份证，谢谢", True),
        (MatchMode.EQUAL, "身份证丢了", False),
        (MatchMode.CONTAINS, "我的身份证丢了", True),
        (MatchMode.CONTAINS, "我的身份丢了", False),
        (MatchMode.PREFIX, "你好，身份证丢了", True),
        (MatchMode.PREFIX, "我的身份证丢了", False),
    ],
)
def test_a_keyword_is_compared_in_its_mode(mode: MatchMode, text: str, fires: bool) -> None:
    assert (answer([rule("id", Keyword("身份证", mode))], text) == "id") is fires


@pytest.mark.parametrize(
    ("text", "fires"),
    [("水是黄的", True), ("自来水怎么这么浑", True), ("黄色的水管", True), ("黄河", False)],
)
def test_together_wants_one_word_of_each_group_in_any_order(text: str, fires: bool) -> None:
    listening = rule("quality", Keyword("水|自来水 黄|浑", MatchMode.TOGETHER))
    assert (answer([listening], text) == "quality") is fires


def test_patterns_see_the_folded_text() -> None:
    plate = rule("plate", Keyword("陕e[0-9a-z]{5}", MatchMode.PATTERN))
    assert answer([plate], "我的车牌是 陕Ｅ·12A45") == "plate"
    assert answer([plate], "我的车牌是陕A12345") is None


def test_many_patterns_answer_each_for_itself() -> None:
    rules = [
        rule(f"p{n}", Keyword(f"办.?{n}号.*(事|证)", MatchMode.PATTERN)) for n in range(100, 200)
    ]
    assert answer(rules, "我办的150号那个证呢") == "p150"


def test_menu_keys_and_scenes_are_keywords_of_their_own_kind() -> None:
    rules = [
        rule("menu", Keyword("BOOK", MatchMode.EQUAL, InputKind.CLICK)),
        rule("hall", Keyword("hall_", MatchMode.PREFIX, InputKind.SCAN)),
    ]
    assert answer(rules, "BOOK", InputKind.CLICK) == "menu"
    assert answer(rules, "book", InputKind.CLICK) is None
    assert answer(rules, "BOOK") is None
    assert answer(rules, "hall_7", InputKind.SCAN) == "hall"
    assert answer(rules, "hall_7", InputKind.CLICK) is None


# ---- how people write ----


@pytest.mark.parametrize(
    "text",
    [
        "身份证丢了",
        "身份證遺失",
        "身 份 证 咋 补",
        "身分正丢了",
        "shenfenzheng丢了",
        "shen份zheng丢了",
        "sfz 丢了",
        "ＳＦＺ咋补",
    ],
)
def test_one_keyword_is_found_however_it_is_written(text: str) -> None:
    assert answer([rule("id", "身份证")], text) == "id"


def test_dialect_finds_the_standard_word_and_the_other_way_round() -> None:
    assert answer([rule("school", "孩子上学")], "碎娃念书咋弄") == "school"
    assert answer([rule("menu", "咋用")], "这个号怎么用") == "menu"


def test_a_short_word_needs_one_right_character_unless_typed_in_pinyin() -> None:
    rules = [rule("aid", "法援"), rule("move", "户口")]
    assert answer(rules, "法院在哪") is None
    assert answer(rules, "湖寇") is None
    assert answer(rules, "护口咋迁") == "move"
    assert answer(rules, "hukou 咋迁") == "move"


def test_a_word_that_only_says_where_does_not_count() -> None:
    rules = [rule("office", "税务局"), rule("road", "修路")]
    assert answer(rules, "税务局门口修路") == "road"
    assert answer(rules, "税务局几点开门") == "office"


# ---- which rule wins ----


def test_the_whole_message_beats_priority() -> None:
    rules = [
        rule("exact", Keyword("投诉", MatchMode.EQUAL), priority=1),
        rule("part", "投", priority=9),
    ]
    assert answer(rules, "投诉") == "exact"


def test_mandatory_beats_priority_then_priority_then_length_then_code() -> None:
    mandatory = rule("must", "停水", scope=RuleScope.MANDATORY, priority=1)
    high, low = rule("high", "停水", priority=70), rule("low", "停水通知", priority=60)
    longer, same = rule("longer", "停水通知", priority=70), rule("same", "停水", priority=70)
    assert answer([high, mandatory], "停水通知") == "must"
    assert answer([high, low], "停水通知") == "high"
    assert answer([high, longer], "停水通知") == "longer"
    assert answer([same, high], "停水通知") == "high"


def test_several_hits_beat_one_of_the_same_length() -> None:
    assert answer([rule("a", "水费"), rule("b", "水费", "缴费")], "水费怎么缴费") == "b"


def test_a_written_match_beats_a_phonetic_match_at_equal_priority() -> None:
    assert answer([rule("a", "物业"), rule("b", "无业")], "无业人员") == "b"


def test_a_mandatory_rule_matched_only_by_sound_does_not_beat_a_written_word() -> None:
    rules = [rule("must", "物业费", scope=RuleScope.MANDATORY), rule("mine", "误业费")]
    assert answer(rules, "误业费") == "mine"


def test_in_a_long_message_the_rule_spoken_of_most_wins() -> None:
    rules = [rule("move", "户口", priority=65), rule("id", "身份证", "证件到期", priority=60)]
    story = (
        "我在外地打工，身份证下个月就到期了，厂里请假扣钱，听说现在外地也能换身份证了，"
        "要不要带户口本，照片是自己照还是现场拍，大概多久能拿到"
    )
    assert answer(rules, story) == "id"


def test_in_a_long_message_conditions_look_around_the_hit() -> None:
    housing = rule("housing", "公租房", excluded=("贷款",))
    far = (
        "我想申请公租房，条件是什么。"
        + "家里四口人，两个老人身体都不太好。" * 3
        + "以前贷款都还完了"
    )
    assert answer([housing], far) == "housing"
    assert answer([housing], "公租房能贷款吗") is None


# ---- conditions ----


def test_required_and_excluded_words_are_conditions() -> None:
    listening = rule("fee", "水", required=("费", "价"), excluded=("水果",))
    assert answer([listening], "水价多少") == "fee"
    assert answer([listening], "水多少") is None
    assert answer([listening], "水果价多少") is None


def test_excluded_words_are_found_in_dialect_too() -> None:
    assert answer([rule("card", "卡", excluded=("孩子",))], "碎娃的卡") is None


def test_an_inactive_rule_leaves_the_answer_to_the_next() -> None:
    night = rule("night", "停水", priority=90, schedule=Schedule(hours=(Span(time(22), time(6)),)))
    rules = [night, rule("day", "停水", priority=10)]
    assert answer(rules, "停水") == "day"
    late = datetime(2026, 6, 2, 15, tzinfo=UTC)
    found = Matcher(rules).match(MatchInput("停水"), now=late)
    assert found is night


# ---- what is no request ----


@pytest.mark.parametrize(
    "text",
    ["谢谢律师老师", "小说里的律师都好帅", "找律师加我微信", "律师讲得真好"],
)
def test_small_talk_matches_no_rule(text: str) -> None:
    assert answer([rule("lawyer", "律师")], text) is None


@pytest.mark.parametrize("text", ["谢谢,请问怎么找律师", "律师态度真好,电话是多少", "律师不错吗"])
def test_praise_with_a_question_is_a_request(text: str) -> None:
    assert answer([rule("lawyer", "律师")], text) == "lawyer"


# ---- against an oracle ----

WORDS = ["停水", "水费", "公交", "身份证", "结婚", "低保", "停", "证", "12345"]
TEXTS = st.lists(st.sampled_from([*WORDS, "丙", "丁", "戊"]), max_size=6).map("".join)
RULES = st.lists(
    st.builds(
        lambda texts, mode, required, excluded, priority, mandatory: (
            tuple(Keyword(text, mode) for text in texts),
            tuple(required),
            tuple(excluded),
            priority,
            RuleScope.MANDATORY if mandatory else RuleScope.LOCAL,
        ),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True),
        st.sampled_from([MatchMode.EQUAL, MatchMode.CONTAINS, MatchMode.PREFIX]),
        st.lists(st.sampled_from(WORDS), max_size=1),
        st.lists(st.sampled_from(WORDS), max_size=1),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=6,
)


def made(shapes: list[tuple[Any, ...]]) -> list[Rule]:
    return [
        rule(
            f"r{number}",
            *keywords,
            required=required,
            excluded=excluded,
            priority=priority,
            scope=scope,
        )
        for number, (keywords, required, excluded, priority, scope) in enumerate(shapes)
    ]


def reference_matcher(rules: list[Rule], text: str) -> str | None:
    """The ladder of `matching`, rule by rule and word by word."""
    ranked = []
    for each in rules:
        if any(word in text for word in each.excluded):
            continue
        has_required = not each.required or any(word in text for word in each.required)
        hits = []
        for keyword in each.keywords:
            word = keyword.text
            if keyword.mode is MatchMode.EQUAL:
                if text == word:
                    hits.append((1, len(word)))
            elif has_required:
                starts = [at for at in range(len(text)) if stands_at(word, text, at)]
                if keyword.mode is MatchMode.PREFIX:
                    starts = [at for at in starts if at == 0]
                hits += [(0, len(word))] * len(starts)
        if hits:
            is_equal, length = max(hits)
            mandatory = each.scope is RuleScope.MANDATORY
            count = len([hit for hit in hits if hit[0] == is_equal])
            ranked.append((-is_equal, -mandatory, -each.priority, -length, -count, each.slug))
    return min(ranked)[-1] if ranked else None


def stands_at(word: str, text: str, at: int) -> bool:
    """Whether a word stands there, and not within a longer number."""
    is_cut = word.isdigit() and (text[at - 1 : at] + text[at + len(word) :][:1]).isdigit()
    return text.startswith(word, at) and not is_cut


@given(RULES, TEXTS)
def test_the_matcher_agrees_with_a_slow_reading_of_the_rules(
    shapes: list[tuple[Any, ...]], text: str
) -> None:
    rules = made(shapes)
    wanted, got = reference_matcher(rules, text), answer(rules, text)
    if wanted is not None or got is None:
        assert got == wanted
    else:
        # nothing is written there: then it was heard, and says so
        found = Matcher(rules).explain(MatchInput(text), now=NOW)
        assert {each.level for each in found if not each.obstacle} == {MatchLevel.PHONETIC}


@given(RULES, TEXTS)
def test_the_order_of_rules_changes_nothing(shapes: list[tuple[Any, ...]], text: str) -> None:
    rules = made(shapes)
    assert answer(rules, text) == answer(rules[::-1], text)


@given(RULES, st.one_of(TEXTS, st.text(st.characters(exclude_categories=()), max_size=30)))
def test_explanations_begin_with_the_rule_that_answers(
    shapes: list[tuple[Any, ...]], text: str
) -> None:
    matcher = Matcher(made(shapes))
    found = matcher.match(MatchInput(text), now=NOW)
    told = matcher.explain(MatchInput(text), now=NOW)
    free = [each for each in told if not each.obstacle]
    assert (free[0].rule if free else None) == found
    assert all(each.reason for each in told)
    assert told[len(free) :] == tuple(each for each in told if each.obstacle)


def test_an_explanation_tells_every_candidate_and_why_it_did_not_answer() -> None:
    rules = [
        rule("card", "身份证", excluded=("户口",)),
        rule("move", "户口"),
        rule("night", "户口", schedule=Schedule(hours=(Span(time(22), time(6)),))),
    ]
    told = Matcher(rules).explain(MatchInput("身份证上的户口怎么改"), now=NOW)
    assert [(each.rule.slug, each.obstacle) for each in told] == [
        ("move", ""),
        ("card", "含有排除词"),
        ("night", "不在生效时间内"),
    ]
    assert all(left.score >= right.score for left, right in pairwise(told[1:]))


def test_a_long_hostile_message_is_answered_like_any_other() -> None:
    rules = [rule("a", "水水水"), rule("b", Keyword("(水+)+费", MatchMode.PATTERN))]
    assert answer(rules, "水" * 20_000) == "a"
    assert fold("水" * 20_000) == "水" * 2_000
