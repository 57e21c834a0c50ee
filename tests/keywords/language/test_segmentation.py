"""Segmentation: which words lie across the ends of a piece of text."""

import pytest

from keywords.language import segmentation


def place_of(piece: str, text: str) -> tuple[str, int, int]:
    """The arguments that say where a piece stands in a text."""
    start = text.index(piece)
    return text, start, start + len(piece)


@pytest.mark.parametrize(
    ("text", "is_word"), [("年报", True), ("报名", True), ("离婚", True), ("名怎", False)]
)
def test_words_are_those_of_the_dictionary(text: str, is_word: bool) -> None:
    assert segmentation.is_word(text) is is_word


@pytest.mark.parametrize(
    ("piece", "text", "across"),
    [
        ("年报", "今年报名", ["今年", "报名"]),
        ("离婚", "距离婚礼还有三天", ["距离", "婚礼"]),
        ("低保", "最低保修几年", ["最低", "保修"]),
    ],
)
def test_what_a_segmentation_has_in_place_of_a_piece(
    piece: str, text: str, across: list[str]
) -> None:
    place = place_of(piece, text)
    assert segmentation.may_cross(*place)
    assert set(across) <= set(segmentation.crossing_words(*place))
    instead, advantage = segmentation.words_instead(*place)
    assert instead == across
    assert advantage > 0


@pytest.mark.parametrize(
    ("piece", "text"),
    [("年报", "年报怎么填"), ("离婚", "我要离婚"), ("户口", "户口本丢了"), ("12345", "拨打12345")],
)
def test_a_word_that_stands_for_itself_has_nothing_in_its_place(piece: str, text: str) -> None:
    assert segmentation.words_instead(*place_of(piece, text)) == ([], 0.0)


def test_a_text_of_nothing_but_the_piece_has_no_borders() -> None:
    assert not segmentation.may_cross("年报", 0, 2)
    assert segmentation.crossing_words("年报", 0, 2) == []
    assert segmentation.words_across("年报", 0, 2) == []


def test_counting_words_say_nothing_of_a_border() -> None:
    # 三年 is a word, as 五年 and 十年 are, and every noun may follow
    assert segmentation.words_across(*place_of("年报", "三年报一次")) == []


def test_characters_of_other_scripts_are_words_of_their_own() -> None:
    assert segmentation.words_instead(*place_of("年报", "2025年报a怎么填")) == ([], 0.0)
