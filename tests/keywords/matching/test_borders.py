"""Borders: keywords are words and numbers of their own, and `explain` says where they are none."""

from datetime import UTC, datetime

import pytest

from keywords.language.normalize import normalize
from keywords.matching import borders
from keywords.matching.matcher import Matcher
from keywords.rules.values import Keyword, MatchInput, MatchMode, Rule
from tests.keywords import rule

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)


def answer(rules: list[Rule], text: str) -> str | None:
    """The code of the rule that answers."""
    found = Matcher(rules).match(MatchInput(text), now=NOW)
    return found.slug if found else None


def obstacles(rules: list[Rule], text: str) -> list[str]:
    """What `explain` says against each keyword that was found."""
    return [each.obstacle for each in Matcher(rules).explain(MatchInput(text), now=NOW)]


# ---- numbers and latin letters (field case A4) ----


@pytest.mark.parametrize(
    "text",
    [
        "我手机号13812345678收不到验证码",
        "陕E12345违章怎么查",
        "陕E·12345违章怎么查",
        "身份证610582199012345678能查社保吗",
        "订单2024123456789什么时候退款",
        "电话0913-12345转几",
    ],
)
def test_digits_in_a_longer_run_are_no_keyword(text: str) -> None:
    hotline = [rule("hotline", "12345")]
    assert answer(hotline, text) is None
    assert obstacles(hotline, text) == ["“12345”只是一串数字或字母的一部分"]


@pytest.mark.parametrize(
    "text", ["12345怎么打", "打12345没人接", "给12345打过电话了", "打12345 2次没人接", "１２３４５"]
)
def test_a_whole_run_of_digits_is_one(text: str) -> None:
    assert answer([rule("hotline", "12345")], text) == "hotline"


def test_latin_keywords_match_whole_runs_as_well() -> None:
    etc = [rule("etc", "etc")]
    assert answer(etc, "办ETC要啥") == "etc"
    assert answer(etc, "etcetera.cn打不开") is None
    assert answer([rule("app", "个税app")], "个税app申诉") == "app"
    assert answer([rule("app", "个税app")], "个税apple申诉") is None


def test_conditions_keep_to_whole_runs() -> None:
    listening = [rule("fee", "话费", required=("100",), excluded=("5g",))]
    assert answer(listening, "话费扣了100") == "fee"
    assert answer(listening, "话费扣了1005") is None
    assert answer(listening, "话费扣了100，是5g吗") is None
    assert answer(listening, "话费扣了100，手机15g") == "fee"


# ---- Chinese words ----


@pytest.mark.parametrize(
    ("keyword", "text", "across"),
    [
        ("年报", "今年报名", "今年、报名"),
        ("发票", "出发票价多少", "出发、票价"),
        ("离婚", "距离婚礼还有三天", "距离、婚礼"),
        ("低保", "今年最低保修几年", "最低、保修"),
    ],
)
def test_a_chinese_keyword_does_not_lie_across_two_words(
    keyword: str, text: str, across: str
) -> None:
    rules = [rule("a", keyword)]
    assert answer(rules, text) is None
    assert obstacles(rules, text) == [f"“{keyword}”在这里跨着词界（{across}）"]
    assert answer(rules, f"{keyword}怎么办理") == "a"


def test_a_piece_of_a_longer_word_is_no_keyword_unless_its_rule_has_that_word() -> None:
    assert answer([rule("a", "来水")], "自来水涨价") is None
    assert obstacles([rule("a", "来水")], "自来水涨价") == ["“来水”在这里只是“自来水”的一部分"]
    assert answer([rule("a", "来水", "自来水")], "自来水涨价") == "a"


def test_a_rule_may_speak_of_both_words_but_not_of_the_other_alone() -> None:
    assert answer([rule("a", "低保", "最低生活保障")], "最低保修几年") is None
    assert answer([rule("a", "上户", "上户口本")], "给娃上户口") == "a"


def test_one_character_and_long_keywords_have_no_borders() -> None:
    assert answer([rule("a", "水")], "自来水涨价") == "a"
    assert answer([rule("a", "距离婚礼")], "距离婚礼还有三天") == "a"


def test_words_of_a_group_may_be_parts_of_longer_ones() -> None:
    ticket = rule("a", Keyword("票 多少钱", MatchMode.TOGETHER))
    assert answer([ticket], "门票多少钱") == "a"


# ---- sounds ----


@pytest.mark.parametrize(
    ("keyword", "text"), [("假酒", "家酒店在哪"), ("报修", "保修几年"), ("税务局", "水务局在哪")]
)
def test_what_is_a_word_of_its_own_is_no_slip_for_another(keyword: str, text: str) -> None:
    assert answer([rule("a", keyword)], text) is None


def test_a_slip_is_still_heard() -> None:
    assert answer([rule("a", "社保卡")], "社保咔丢了") == "a"


def test_where_one_keyword_is_written_another_is_not_heard() -> None:
    rules = [rule("written", "无业", priority=10), rule("heard", "物业", priority=90)]
    assert answer(rules, "无业人员") == "written"
    assert (
        "这里写的就是另一个关键词" in obstacles(rules, "无业人员")
        or answer([rules[1]], "无业人员") is None
    )


@pytest.mark.parametrize(
    ("word", "raw", "is_one_piece"),
    [("家一", "回家，一分没有", False), ("家一", "大家一起", True), ("身份证", "身，份证", False)],
)
def test_a_comma_parts_what_folding_joined(word: str, raw: str, is_one_piece: bool) -> None:
    assert (borders.clause_obstacle(word, normalize(raw)) == "") is is_one_piece
