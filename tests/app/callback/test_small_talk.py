"""Small talk and refusals: short kind answers, and never the same refusal again."""

import itertools
import re

import pytest

from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText
from matrix.inbox import Outcome
from tests.app.callback._dialogue import add_rule, describe, rows, say
from tests.helpers.hub import Hub


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("你好", StandardText.GREETING),
        ("谢谢！", StandardText.THANKS),
        ("在吗？", StandardText.PRESENCE),
        ("？？", StandardText.QUESTION_MARK),
        ("。。。", StandardText.QUESTION_MARK),
        ("😀😀", StandardText.EMOJI),
        ("👍", StandardText.EMOJI),
        ("/::)", StandardText.STICKER),
        ("/:strong/:strong", StandardText.STICKER),
        ("[微笑][玫瑰]", StandardText.STICKER),
        ("测试", StandardText.TEST),
        ("再见", StandardText.GOODBYE),
        ("好的", StandardText.AFFIRMATION),
        ("垃圾", StandardText.ABUSE),
    ],
)
def test_small_talk_gets_a_short_answer_of_its_own(
    hub: Hub, words: str, kind: StandardText
) -> None:
    assert say(hub, words) == BUILTIN_TEXTS[kind]
    assert rows()[-1].outcome is Outcome.SMALL_TALK


@pytest.mark.parametrize("words", ["你好，身份证丢了", "身份证/::)", "[微笑]身份证", "[身份证]"])
def test_a_request_beside_small_talk_is_a_request(hub: Hub, words: str) -> None:
    assert say(hub, words) == "请到派出所办理。"


def test_a_rule_for_a_greeting_goes_before(hub: Hub) -> None:
    add_rule("police", "police.hello", "你好", text="公安局向您问好。", exact=["你好"])

    assert say(hub, "你好") == "公安局向您问好。"


def test_no_two_refusals_in_a_row_are_the_same_and_the_later_show_ways_out(hub: Hub) -> None:
    describe("police", phone="0913-0000101")
    refusals = [say(hub, f"量子纠缠第{number}回怎么报名") for number in "甲乙丙丁戊"]

    assert {row.outcome for row in rows()} == {Outcome.FALLBACK}
    assert all(one != after for one, after in itertools.pairwise(refusals))
    assert refusals[3] != refusals[0]
    for later in refusals[1:]:
        assert re.findall(r'msgmenuid=command:(\w+)"', later) == ["help", "departments", "staff"]
    assert any("0913-0000101" in later for later in refusals[1:])


def test_a_refusal_of_somebody_else_does_not_count(hub: Hub) -> None:
    first = say(hub, "量子纠缠怎么报名")

    assert say(hub, "量子纠缠怎么报名", openid="o2") == first
