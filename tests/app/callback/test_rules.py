"""Answers by rules: two questions at once, names of suggestions, rules without their files."""

import re

import pytest
from sqlalchemy import select

from config.database import session, transaction
from matrix.inbox import Outcome
from matrix.outbound import OutboundMessage
from tests.app.callback._dialogue import add_rule, describe, rows, say
from tests.helpers.hub import Hub

MAP = {"type": "image", "media": "地图"}


@pytest.fixture
def two(hub: Hub) -> Hub:
    """Two things that the police answer."""
    add_rule("police", "police.passport", "护照", text="护照请先预约。")
    return hub


BOTH = ("身份证丢了怎么补，另外护照去哪办", "护照到期了；身份证也要换", "身份证和护照一起办行吗")


@pytest.mark.parametrize("words", BOTH)
def test_two_questions_get_two_answers(two: Hub, words: str) -> None:
    answered = say(two, words)

    assert answered in (
        "一、请到派出所办理。\n\n二、护照请先预约。",
        "一、护照请先预约。\n\n二、请到派出所办理。",
    )
    (row,) = rows()
    assert row.outcome is Outcome.RULE
    assert row.rule_slug in ("police.id_card", "police.passport")


@pytest.mark.parametrize(
    "words",
    [
        "身份证丢了，身份证怎么补",
        "不是护照，我问身份证",
        "护照不用办了，身份证丢了",
        "护照先不办，身份证丢了",
        "身份证丢了，天气真好",
        "我上次办护照的时候排了一上午的队，人真多，后来总算办好了，今天想问的是另一件事，身份证丢了",
    ],
)
def test_what_is_only_mentioned_is_no_second_question(two: Hub, words: str) -> None:
    assert "二、" not in say(two, words)


def test_a_second_answer_that_does_not_fit_follows(two: Hub) -> None:
    long = {"签注": "签注。" * 150, "通行证": "通行证。" * 120}
    for number, (word, text) in enumerate(long.items()):
        add_rule("police", f"police.long{number}", word, text=text)

    answered = say(two, "签注怎么弄，通行证怎么弄")

    with transaction():
        (later,) = session.scalars(select(OutboundMessage))
        assert {answered, later.content["content"]} == set(long.values())


# ---- suggestions ----


def test_a_suggestions_name_may_be_typed(hub: Hub) -> None:
    shown = say(hub, "社保卡丢了是在你们这补吗")
    assert re.findall(r">([^<]+)</a>", shown) == ["社保卡"]

    assert say(hub, "社保卡") == "社保卡可到银行网点补办。"
    assert "您问的可能" in say(hub, "社保卡", openid="o2"), "to whom it was not suggested"


def test_the_name_of_an_own_rule_is_enough(hub: Hub) -> None:
    assert say(hub, "身份证办理") == "请到派出所办理。"
    assert say(hub, "长答复").startswith("须知。")


def test_the_same_list_is_not_shown_again(hub: Hub) -> None:
    question = "社保卡丢了是在你们这补吗"

    assert "社保卡" in say(hub, question)
    assert "msgmenuid=rule:" not in say(hub, question)
    assert [row.outcome for row in rows()] == [Outcome.SUGGESTION, Outcome.FALLBACK]


def test_a_tapped_suggestion_that_cannot_answer_leads_to_no_list(hub: Hub) -> None:
    answered = say(hub, "社保卡", bizmsgmenuid="rule:gone.away")

    assert "msgmenuid=rule:" not in answered
    assert rows()[-1].outcome is Outcome.FALLBACK


def test_a_rule_without_its_file_says_its_words_or_is_not_there(hub: Hub) -> None:
    add_rule("police", "police.map", "路线图", replies=[MAP])
    add_rule(
        "police",
        "police.film",
        "宣传片",
        replies=[{"type": "video", "media": "片", "title": "反诈宣传片", "description": "请看"}],
    )
    add_rule(
        "police", "police.both", "示意图", replies=[MAP, {"type": "text", "content": "在一楼。"}]
    )

    assert say(hub, "示意图") == "在一楼。"
    assert say(hub, "宣传片") == "反诈宣传片\n请看"
    answered = say(hub, "路线图")
    assert "路线图" not in answered, "it is not suggested either: tapping it would lead nowhere"
    assert rows()[-1].outcome is Outcome.FALLBACK


def test_a_name_of_a_department_is_not_taken_for_a_rule(hub: Hub) -> None:
    describe("hrss", phone="0913-0000102")

    assert say(hub, "人社局").startswith("人社局\n电话：0913-0000102")
