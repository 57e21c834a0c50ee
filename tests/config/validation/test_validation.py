"""Validation: one table of messages, and the paths of the fields they are about."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field, StringConstraints

from config.validation import (
    MESSAGES,
    ErrorMessage,
    InvalidSpec,
    IsoDate,
    NonBlankText,
    Spec,
    field_error,
    format_loc,
)

CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Window(Spec):
    """A window of a hall, for these tests."""

    messages: ClassVar[Mapping[str, str]] = {"name:missing": "窗口要有名称。"}

    name: Annotated[str, StringConstraints(strict=True, max_length=4)]
    kind: Literal["open", "closed"] = "open"
    number: Annotated[int, Field(strict=True, ge=1), ErrorMessage("编号从 1 起。")] = 1
    words: tuple[NonBlankText, ...] = Field(default=(), alias="with")
    since: IsoDate | None = None


def problems(**values: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as raised:
        Window.parse(values)
    return [(one.field, one.problem) for one in raised.value.problems]


def test_a_spec_is_made_by_names_or_parsed_by_aliases() -> None:
    made = Window(name="一号", words=("甲",), since=date(2026, 1, 31))
    assert Window.parse({"name": "一号", "with": ["甲"], "since": "2026-01-31"}) == made
    with pytest.raises(InvalidSpec):
        Window.parse({"name": "一号", "words": ["甲"]})
    with pytest.raises(InvalidSpec):
        Window(**{"name": "一号", "with": ("甲",)})


def test_every_wrong_value_is_named_by_its_path_in_chinese() -> None:
    assert problems(
        name="一二三四五", kind="half", number=0, colour="red", since="明天", **{"with": ["甲", 5]}
    ) == [
        ("colour", "没有这个字段。"),
        ("name", "最长 4 个字符。"),
        ("kind", "只能是 open、closed。"),
        ("number", "编号从 1 起。"),
        ("with[2]", "应是不为空的文字；数字请加引号。"),
        ("since", "日期应写成 2026-01-31。"),
    ]


def test_a_spec_may_override_a_message() -> None:
    assert problems() == [("name", "窗口要有名称。")]


def test_a_changed_spec_is_checked_again() -> None:
    window = Window(name="一号")
    assert window.replace(number=2).number == 2
    with pytest.raises(InvalidSpec, match="number：编号从 1 起。"):
        window.replace(number=0)


def test_the_table_is_in_chinese_and_paths_count_from_one() -> None:
    assert all(CHINESE.search(text) and text.endswith("。") for text in MESSAGES.values())
    assert format_loc(("keywords", 1, "text")) == "keywords[2].text"
    assert field_error("不行。").message() == "不行。"
