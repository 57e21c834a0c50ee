"""Follow-ups: a question about the answer before, and what a rule asked the citizen for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from app.jobs import conversation_updates
from config import clock
from config.database import engine, session, transaction
from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText
from matrix import conversations, followers
from matrix.conversations import Conversation
from matrix.inbox import InboxMessage, Outcome, awaited_replies, fast_store
from matrix.inbox.awaited_replies import AwaitedReply
from tests.app.callback._dialogue import add_guide, add_rule, describe, rows, say, send
from tests.helpers.hub import Hub
from tests.helpers.principals import principal

THANKS = BUILTIN_TEXTS[StandardText.REPLY_RECEIVED]
LEAK = "请留言漏水位置。"


def age(span: timedelta) -> None:
    """Make all that was said as old as this."""
    with transaction():
        session.execute(update(InboxMessage).values(received_at=clock.now() - span))


@pytest.fixture
def guided(hub: Hub) -> Hub:
    """A rule with a guide that says everything but the phone."""
    describe("police", phone="0913-0000101")
    add_guide(
        "police",
        "svc-id-card",
        fee={"charge": True, "desc": "补领 40 元"},
        place="派出所户籍窗口",
        materials=[{"name": "户口簿", "required": False}],
        promised_days=20,
    )
    add_rule(
        "police",
        "police.lost",
        "身份证丢",
        text="可到派出所补领。",
        service="svc-id-card",
        priority=90,
    )
    return hub


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("要多少钱", "费用：补领 40 元"),
        ("那在哪办呢", "地点：派出所户籍窗口"),
        ("电话多少", "电话：0913-0000101"),
        ("要带什么材料", "材料：户口簿"),
        ("多久能办好", "办理时限：20 个工作日"),
    ],
)
def test_a_question_after_an_answer_is_about_its_guide(guided: Hub, words: str, line: str) -> None:
    say(guided, "身份证丢了")

    assert say(guided, words) == f"居民身份证补领：\n{line}"
    assert rows()[-1].outcome is Outcome.INFORMATION


def test_one_question_after_the_other_is_about_the_same_guide(guided: Hub) -> None:
    say(guided, "身份证丢了")
    say(guided, "要多少钱")
    say(guided, "好的")

    assert say(guided, "在哪办，要带啥") == "居民身份证补领：\n材料：户口簿\n地点：派出所户籍窗口"


def test_without_a_guide_the_department_of_the_answer_is_meant(hub: Hub) -> None:
    describe("police", phone="0913-0000101")
    describe("hrss", phone="0913-0000102")
    tapped = say(hub, "社保卡丢了是在你们这补吗")
    assert 'msgmenuid=rule:hrss.card"' in tapped
    say(hub, "社保卡", bizmsgmenuid="rule:hrss.card")

    assert say(hub, "电话多少") == "人社局\n电话：0913-0000102"


def test_after_five_minutes_or_another_subject_it_is_not(guided: Hub) -> None:
    say(guided, "身份证丢了")
    age(timedelta(minutes=6))
    assert "补领 40 元" not in say(guided, "要多少钱")

    say(guided, "身份证丢了", openid="o2")
    say(guided, "量子纠缠怎么报名", openid="o2")
    assert "补领 40 元" not in say(guided, "要多少钱", openid="o2")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a push asks the database beside the one statement that stores it."""
    statements: list[str] = []
    fetch_all = fast_store.fetch_all

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    def fetch(statement: fast_store.CompiledStatement, values: dict[str, Any]) -> Any:
        statements.append("history")
        return fetch_all(statement, values)

    monkeypatch.setattr(fast_store, "fetch_all", fetch)
    event.listen(engine(), "before_cursor_execute", note)
    yield statements
    event.remove(engine(), "before_cursor_execute", note)


def test_an_ordinary_message_costs_no_further_query(guided: Hub, reads: list[str]) -> None:
    for words in ("身份证丢了怎么办", "身份证", "谢谢", "公安局", "菜单", "人社局电话"):
        say(guided, words)

    assert reads == [], "the fast store of the inbox goes past SQLAlchemy"


def test_a_refusal_and_a_follow_up_cost_one_short_query(guided: Hub, reads: list[str]) -> None:
    for words in ("量子纠缠怎么报名", "要多少钱", "社保卡丢了是在你们这补吗"):
        reads.clear()
        say(guided, words)
        assert reads == ["history"], words


# ---- what a rule asks for ----


@pytest.fixture
def asked(hub: Hub) -> Hub:
    """A rule that asks for the place of a leak, and a citizen who was just asked."""
    add_rule("police", "water.leak", "漏水", text=LEAK, expects_reply=True)
    add_rule("police", "water.pipe", "水管", text="水管归水务。")
    assert say(hub, "我家漏水了") == LEAK
    return hub


def place(hub: Hub) -> str:
    keys = hub.keys["police"]
    return (
        f"<xml><ToUserName>{keys.original_id}</ToUserName><FromUserName>o1</FromUserName>"
        "<CreateTime>1760003710</CreateTime><MsgType>location</MsgType><MsgId>77</MsgId>"
        "<Location_X>34.5</Location_X><Location_Y>110.1</Location_Y><Label>太华路</Label></xml>"
    )


def test_the_next_message_is_taken_as_what_was_asked_for(asked: Hub) -> None:
    answered = say(asked, "太华路 12 号门口的水管")

    question, reply = rows()
    assert answered == THANKS
    assert (reply.outcome, reply.rule_slug) == (Outcome.FOR_STAFF, None)
    assert reply.content == {"reply_to": question.id}
    assert say(asked, "太华路 12 号门口的水管") == "水管归水务。", "only the next one is"


def test_a_place_is_taken_as_well_and_stands_beside_the_question(asked: Hub) -> None:
    assert send(asked, place(asked)).text == THANKS
    conversation_updates.update_conversations(now=clock.now())

    with transaction():
        (talk,) = session.scalars(select(Conversation))
        assert talk.preview == "我家漏水了 → 太华路"
        assert talk.waiting_since is not None
        follower = followers.find(talk.account_id, "o1")
        assert follower is not None
        lines = conversations.read(principal(), follower.id).lines
        (line,) = [each for each in lines if each.kind == "location"]
        assert line.question == "我家漏水了"
        assert line.question_ref == lines[0].ref


def test_danger_is_heard_and_the_reply_still_awaited(asked: Hub) -> None:
    assert "110" in say(asked, "救命，有人落水了")
    assert say(asked, "太华路 12 号") == THANKS


def test_small_talk_commands_and_questions_about_the_answer_are_no_reply(asked: Hub) -> None:
    describe("police", phone="0913-0000101")

    assert say(asked, "好的") == BUILTIN_TEXTS[StandardText.AFFIRMATION]
    assert "公安局" in say(asked, "部门")
    assert say(asked, "电话多少") == "公安局\n电话：0913-0000101"
    assert say(asked, "太华路 12 号") == THANKS


def test_a_departments_name_may_be_the_place_but_a_question_for_its_phone_is_none(
    asked: Hub,
) -> None:
    describe("hrss", phone="0913-0000102")

    assert say(asked, "人社局电话多少") == "人社局\n电话：0913-0000102"
    assert say(asked, "人社局") == THANKS
    assert say(asked, "人社局").startswith("人社局\n")


def test_after_ten_minutes_nothing_is_awaited(asked: Hub) -> None:
    with transaction():
        session.execute(update(AwaitedReply).values(asked_at=clock.now() - timedelta(minutes=11)))
    awaited_replies.reset()
    read_again()

    assert say(asked, "水管") == "水管归水务。"


def read_again() -> None:
    with transaction():
        awaited_replies.refresh(now=clock.now())


def test_another_process_learns_what_is_awaited_and_what_no_longer(asked: Hub) -> None:
    awaited_replies.reset()
    read_again()
    assert say(asked, "水管在太华路") == THANKS

    read_again()
    assert say(asked, "水管") == "水管归水务。"


def test_a_repeated_push_is_answered_alike_and_awaits_once(asked: Hub) -> None:
    xml = asked.text("o1", "太华路 12 号")

    assert [send(asked, xml).text for _ in range(2)] == [THANKS, THANKS]
    assert len(rows()) == 2
