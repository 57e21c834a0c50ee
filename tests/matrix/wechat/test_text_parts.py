"""Long texts are cut where a reader does not notice, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.wechat.text_parts import split_text


def size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def test_a_short_text_is_one_part() -> None:
    assert split_text("您好") == ("您好",)
    assert split_text("") == ("",)


def test_a_text_of_exactly_the_limit_is_one_part() -> None:
    assert split_text("好" * 10 + "aa", 32) == ("好" * 10 + "aa",)


def test_a_longer_text_is_cut_between_characters() -> None:
    assert split_text("好" * 21, 32) == ("好" * 10, "好" * 10, "好")


def test_a_line_break_near_the_end_is_where_it_is_cut() -> None:
    assert split_text("a" * 26 + "\n" + "b" * 20, 32) == ("a" * 26 + "\n", "b" * 20)
    assert split_text("a" * 10 + "\n" + "b" * 30, 32) == ("a" * 10 + "\n" + "b" * 21, "b" * 9)


@pytest.mark.parametrize(
    "whole",
    ["👨‍👩‍👧", "👍🏽", "🇨🇳", "é", "1️⃣", "\r\n", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
)
def test_what_looks_like_one_character_stays_whole(whole: str) -> None:
    for before in range(20, 40):
        parts = split_text("a" * before + whole + "b" * 40, 40)
        assert sum(whole in part for part in parts) == 1, (before, parts)


def test_flags_in_a_row_are_cut_between_flags() -> None:
    assert split_text("🇨🇳" * 9, 20) == ("🇨🇳" * 2,) * 4 + ("🇨🇳",)


def test_a_link_stays_whole_when_it_can() -> None:
    link = '<a href="https://hall.example/1">办理入口</a>'
    parts = split_text("介绍" * 10 + link + "再见" * 10, 80)

    assert "".join(parts) == "介绍" * 10 + link + "再见" * 10
    assert any(link in part for part in parts)


def test_a_link_longer_than_a_part_is_cut_after_all() -> None:
    link = f'<a href="https://hall.example/{"x" * 100}">办理</a>'

    assert "".join(split_text(link, 50)) == link


def test_marks_without_end_do_not_stop_the_cutting() -> None:
    parts = split_text("e" + "\u0301" * 500, 50)

    assert all(size(part) <= 50 for part in parts)


@given(
    st.text(st.one_of(st.characters(), st.sampled_from("\u200d🇨🇳👍🏽é\n<a href>")), max_size=300),
    st.integers(16, 120),
)
def test_parts_fit_and_make_the_text_again(text: str, limit: int) -> None:
    parts = split_text(text, limit)

    assert "".join(parts) == text
    assert all(size(part) <= limit for part in parts)
    assert all(parts) or parts == ("",)


def test_a_part_too_small_for_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        split_text("您好", 3)
