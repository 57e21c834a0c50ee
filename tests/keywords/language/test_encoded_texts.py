"""Encoded texts: made little by little, and never twice."""

import pytest

from keywords.language.encoded_texts import EncodedTexts
from tests.helpers.topic_encoder import TopicEncoder

pytestmark = pytest.mark.usefixtures("topic_encoder")

TEXTS = ["宠物办证", "路灯维修", "停水通知"]


def encoded(texts: list[str], previous: EncodedTexts | None = None) -> EncodedTexts:
    made = EncodedTexts(texts, previous)
    assert made.update(seconds=60)
    return made


def test_the_nearest_text_is_found_by_what_it_means() -> None:
    found = encoded(TEXTS).nearest("喵星人怎么登记", 1)
    assert list(found) == [0]
    assert found[0] > 0.6


def test_nothing_is_found_before_it_is_encoded() -> None:
    assert EncodedTexts(TEXTS).nearest("喵星人", 1) == {}


def test_pinyin_is_not_compared() -> None:
    assert encoded(TEXTS).nearest("chongwu", 1) == {}


def test_only_new_texts_are_encoded() -> None:
    before = encoded(TEXTS)
    known = TopicEncoder.encoded
    after = encoded(["全新的", *TEXTS], before)
    assert TopicEncoder.encoded == known + 1
    assert list(after.nearest("喵星人怎么登记", 1)) == [1]
    # those that stayed are found at once, before the new one is encoded
    assert list(EncodedTexts(["又一个", *TEXTS], after).nearest("喵星人怎么登记", 1)) == [1]


def test_it_stops_when_its_seconds_are_over_and_goes_on_later() -> None:
    many = EncodedTexts([f"第{number}条" for number in range(40)])
    assert not many.update(seconds=0)
    assert 0 < len(many.nearest("第3条", 40)) < 40
    assert many.update(seconds=60)
    assert len(many.nearest("第3条", 40)) == 40
