"""Validation: one table of sentences, and where they are said."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field, StringConstraints

from config.validation import MESSAGES, Day, InvalidSpec, Says, Spec, Word, path, refuse

CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Window(Spec):
    """A window of a hall, for these tests."""

    sentences: ClassVar[Mapping[str, str]] = {"name:missing": "窗口要有名称。"}

    name: Annotated[str, StringConstraints(strict=True, max_length=4)]
    kind: Literal["open", "closed"] = "open"
    number: Annotated[int, Field(strict=True, ge=1), Says("编号从 1 起。")] = 1
    words: tuple[Word, ...] = Field(default=(), alias="with")
    since: Day | None = None


def refusals(**values: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as refused:
        Window.read(values)
    return [(one.field, one.problem) for one in refused.value.refusals]


def test_a_spec_is_made_by_names_or_read_by_aliases() -> None:
    made = Window(name="一号", words=("甲",), since=date(2026, 1, 31))
    assert Window.read({"name": "一号", "with": ["甲"], "since": "2026-01-31"}) == made
    with pytest.raises(InvalidSpec):
        Window.read({"name": "一号", "words": ["甲"]})
    with pytest.raises(InvalidSpec):
        Window(**{"name": "一号", "with": ("甲",)})


def test_every_wrong_value_is_told_by_its_path_in_chinese() -> None:
    assert refusals(
        name="一二三四五", kind="half", number=0, colour="red", since="明天", **{"with": ["甲", 5]}
    ) == [
        ("colour", "没有这个字段。"),
        ("name", "最长 4 个字符。"),
        ("kind", "只能是 open、closed。"),
        ("number", "编号从 1 起。"),
        ("with[2]", "应是不为空的文字；数字请加引号。"),
        ("since", "日期应写成 2026-01-31。"),
    ]


def test_a_spec_may_word_an_error_in_its_own_way() -> None:
    assert refusals() == [("name", "窗口要有名称。")]


def test_a_changed_spec_is_checked_again() -> None:
    window = Window(name="一号")
    assert window.replace(number=2).number == 2
    with pytest.raises(InvalidSpec, match="number：编号从 1 起。"):
        window.replace(number=0)


def test_the_table_is_in_chinese_and_paths_count_from_one() -> None:
    assert all(CHINESE.search(text) and text.endswith("。") for text in MESSAGES.values())
    assert path(("keywords", 1, "text")) == "keywords[2].text"
    assert refuse("不行。").message() == "不行。"
