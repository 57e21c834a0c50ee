"""Texts are cleaned where they enter, and what is clean stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.text_cleaning import clean, has_literal_line_break


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("第一行\r\n\r\n第三行", "第一行\n\n第三行"),
        ("旧系统\r的行", "旧系统\n的行"),
        ("社保\u200b卡\ufeff", "社保卡"),
        ("向左\u202e写", "向左写"),
        (
            "一家\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "一家\U0001f468\u200d\U0001f469\u200d\U0001f467",
        ),
        ("响\x07铃\x1e", "响铃"),
        ("空\0字", "空\0字"),
        ("  两边\t", "  两边\t"),
    ],
)
def test_line_breaks_are_alike_and_nothing_invisible_stays(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@given(st.text())
def test_a_cleaned_text_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert "\r" not in clean(text)


def test_a_line_break_in_a_programmers_spelling_is_seen() -> None:
    assert has_literal_line_break("材料：\\n身份证")
    assert not has_literal_line_break("材料：\n身份证")
