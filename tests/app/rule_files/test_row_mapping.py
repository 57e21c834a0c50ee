"""Columns: a rule goes into a row and comes back, and a clerk's way of writing is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rule_files import reply_cells, row_mapping
from config.errors import Invalid
from keywords.rules import replies
from keywords.rules.spec import RuleSpec

FULL: dict[str, Any] = {
    "id": "police.full",
    "department": "police",
    "name": "样样都有",
    "scope": "default",
    "exact": ["身份证、户口"],
    "keywords": [
        "补身份证",
        "身份证，丢了",
        {"text": "请问", "mode": "prefix"},
        {"text": "MENU:1", "mode": "equal", "kind": "click"},
        {"text": "MENU_", "mode": "prefix", "kind": "click"},
        {"text": "hall", "mode": "equal", "kind": "scan"},
        {"text": "h", "mode": "prefix", "kind": "scan"},
    ],
    "together": ["公交|班车 几点|末班"],
    "patterns": ["补.{0,4}证"],
    "with": ["办"],
    "without": ["捡到", "拾到"],
    "priority": 60,
    "weekdays": [1, 5, 7],
    "hours": ["08:30-12:00", "22:00-06:00"],
    "days": "workdays",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "choice": "all",
    "replies": [
        {"type": "text", "content": "=1+1\n第二行"},
        {"type": "news", "title": "指南", "url": "https://example.org/a", "description": "一\n二"},
        {"type": "transfer"},
        {"type": "music", "thumb": "封面", "url": "https://example.org/m.mp3"},
        {"type": "text", "content": "【图文】\n这是文字"},
    ],
    "service": "svc",
    "expects_reply": True,
    "overrides": "city.default",
    "state": "off",
    "review_by": "2027-01-01",
    "samples": ["身份证丢了咋办", "补办，要多久"],
}


def read(**cells: str) -> tuple[dict[str, Any], list[str]]:
    shape, problems = row_mapping.read_row(cells)
    return shape, [f"{each.field} {each.problem}" for each in problems]


def test_a_rule_with_everything_comes_back_as_it_was() -> None:
    rule_spec = RuleSpec.parse(FULL)
    cells = row_mapping.write_row(rule_spec)

    shape, problems = row_mapping.read_row(cells)

    assert problems == []
    assert set(cells) <= set(row_mapping.BY_TITLE)
    assert RuleSpec.parse(shape | {"state": "off"}) == rule_spec


def test_a_small_rule_has_few_cells() -> None:
    rule_spec = RuleSpec.parse(
        {"id": "a", "department": "x", "name": "甲", "keywords": ["乙"], "reply": _text("丙")}
    )
    said = {title: cell for title, cell in row_mapping.write_row(rule_spec).items() if cell}
    assert said == {
        "编号": "a",
        "名称": "甲",
        "单位": "x",
        "范围": "本地",
        "包含": "乙",
        "优先级": "50",
        "回复1": "丙",
        "状态": "生效",
    }


def _text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("补身份证、身份证丢了", ["补身份证", "身份证丢了"]),
        ("a,b；c;d，e", ["a", "b", "c", "d", "e"]),
        ("一、二\n三", ["一、二", "三"]),
        ("一、二\n", ["一、二"]),
        ("  ", []),
    ],
)
def test_words_are_split_as_people_write_them(cell: str, words: list[str]) -> None:
    assert row_mapping.split_words(cell) == words


@pytest.mark.parametrize(
    ("cell", "days"),
    [("一、三、五", [1, 3, 5]), ("周一 周日", [1, 7]), ("1,2,7", [1, 2, 7]), ("星期天", [7])],
)
def test_weekdays_are_read_in_words_and_numbers(cell: str, days: list[int]) -> None:
    assert read(星期=cell)[0]["weekdays"] == days


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("优先级", "高"),
        ("优先级", "-1"),
        ("范围", "全部"),
        ("星期", "八"),
        ("日子", "节假日"),
        ("多条回复时", "任意"),
        ("开头、菜单与场景", "MENU_CARD"),
        ("开头、菜单与场景", "菜单："),
        ("回复2", "【图文】\n标题 指南"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_column(title: str, cell: str) -> None:
    _, problems = read(**{title: cell})

    (problem,) = problems
    assert problem.startswith(title)


@pytest.mark.parametrize(
    ("field", "title"),
    [
        ("keywords[2]", "包含"),
        ("replies[3].media", "回复3"),
        ("reply.content", "回复1"),
        ("valid_to", "截止日期"),
        ("with[1]", "还须含有"),
        ("something", "something"),
    ],
)
def test_a_refused_field_is_named_by_its_column(field: str, title: str) -> None:
    assert row_mapping.title_of_field(field) == title


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=60))
def test_any_text_comes_back_from_a_reply_cell(content: str) -> None:
    reply = replies.Text(content)
    assert (
        replies.parse(reply_cells.read_cell(reply_cells.write_cell(reply))) == reply
        if content.strip()
        else 1
    )


def test_a_reply_with_a_line_of_no_part_is_refused() -> None:
    with pytest.raises(Invalid, match="标题：补办指南"):
        reply_cells.read_cell("【图文】\n补办指南")
