"""Likeness: the same question in other words is found, another one is not taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords.language.normalize import normalize
from keywords.statistics.similarity import MIN_SIMILARITY, SKETCH_SIZE, dice_coefficient, sketch


def plain(text: str) -> str:
    return normalize(text).standard


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("小区停水什么时候恢复", "请问小区停水啥时候能恢复"),
        ("宠物狗怎么办证", "宠物狗办证怎么办理"),
        ("宠物狗办证", "宠物勾办证"),
        ("寵物狗辦證！！", "宠物狗办证"),
    ],
)
def test_the_same_question_in_other_words_is_alike(one: str, other: str) -> None:
    assert dice_coefficient(plain(one), plain(other)) >= MIN_SIMILARITY
    assert set(sketch(plain(one))) & set(sketch(plain(other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("停水通知", "停电通知"),
        ("公园几点开门", "图书馆几点开门"),
        ("宠物狗怎么办证", "怎么办理营业执照"),
        ("灯", "树"),
    ],
)
def test_another_question_is_not(one: str, other: str) -> None:
    assert dice_coefficient(plain(one), plain(other)) < MIN_SIMILARITY


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_can_be_compared(one: str, other: str) -> None:
    left, right = plain(one) or "空", plain(other) or "空"

    assert 0 <= dice_coefficient(left, right) <= 1
    assert dice_coefficient(left, right) == dice_coefficient(right, left)
    assert dice_coefficient(left, left) == 1
    assert 0 < len(sketch(left)) <= SKETCH_SIZE
