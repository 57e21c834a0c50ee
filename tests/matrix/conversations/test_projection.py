"""Projection: a conversation for each follower who wrote, as the last message leaves it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.jobs import conversation_updates
from config.database import session
from config.jobs import Job
from matrix import conversations
from matrix.conversations import Conversation, ConversationJob, projection
from matrix.inbox import Outcome, days
from tests.helpers import NOW
from tests.matrix.conversations.conftest import DAY, LATER, MINUTE, SECOND, City


def count() -> int:
    return session.scalar(select(func.count()).select_from(Conversation)) or 0


def test_the_last_message_makes_the_conversation(city: City) -> None:
    city.receive("o1", "身份证怎么办", outcome=Outcome.RULE)
    last = city.receive("o1", "有人吗", at=NOW + MINUTE)
    city.receive("o1", "别的账号", account=city.hrss)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert (talk.last_id, talk.preview, talk.outcome) == (last, "有人吗", Outcome.FALLBACK)
    assert (talk.last_at, talk.waiting_since) == (NOW + MINUTE, NOW + MINUTE)
    assert count() == 2


@pytest.mark.parametrize(
    ("outcome", "waits"),
    [
        (Outcome.RULE, False),
        (Outcome.SILENT, False),
        (Outcome.SUGGESTION, True),
        (Outcome.FALLBACK, True),
        (Outcome.EMERGENCY, True),
        (Outcome.FOR_STAFF, True),
        (Outcome.INFORMATION, False),
        (Outcome.SMALL_TALK, False),
        (Outcome.NOT_SHOWN, False),
    ],
)
def test_what_the_hub_could_not_answer_waits(city: City, outcome: Outcome, waits: bool) -> None:
    city.receive("o1", "话", outcome=outcome)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert (talk.waiting_since is not None) is waits


def test_it_waits_since_the_first_message_without_an_answer(city: City) -> None:
    city.receive("o1", "在吗")
    city.project()
    city.receive("o1", "有人吗", at=NOW + MINUTE)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert talk.waiting_since == NOW


def test_an_answer_by_rule_ends_the_waiting(city: City) -> None:
    city.receive("o1", "在吗")
    city.receive("o1", "身份证", outcome=Outcome.RULE, at=NOW + MINUTE)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert talk.waiting_since is None


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize(
    ("first", "later", "waits"),
    [
        (Outcome.FALLBACK, Outcome.RULE, False),
        (Outcome.FALLBACK, Outcome.SMALL_TALK, True),
        (Outcome.FALLBACK, Outcome.INFORMATION, True),
        (Outcome.FOR_STAFF, Outcome.RULE, True),
        (Outcome.FOR_STAFF, Outcome.NOT_SHOWN, True),
        (Outcome.RULE, Outcome.SMALL_TALK, False),
    ],
)
def test_what_only_a_person_can_answer_waits_for_one(
    city: City, first: Outcome, later: Outcome, waits: bool, in_one_batch: bool
) -> None:
    city.receive("o1", "一", outcome=first)
    if not in_one_batch:
        city.project()
    city.receive("o1", "二", outcome=later, at=NOW + MINUTE)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert talk.waiting_since == (NOW if waits else None)
    assert talk.outcome is (first if later in projection.NEUTRAL_OUTCOMES else later)


def test_once_a_person_has_dealt_with_it_the_hubs_answers_end_the_waiting(city: City) -> None:
    asked = city.receive("o1", "人工", outcome=Outcome.FOR_STAFF)
    city.project()
    conversations.dismiss(city.agent, city.follower("o1").id, seen_id=asked, now=NOW + SECOND)
    city.receive("o1", "身份证", outcome=Outcome.RULE, at=NOW + MINUTE)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert talk.waiting_since is None


def test_an_awaited_reply_stands_beside_its_question(city: City) -> None:
    question = city.receive("o1", "我家漏水，13800000001", outcome=Outcome.RULE)
    city.receive("o2", "别人的话", outcome=Outcome.RULE)
    content = {"reply_to": question, "label": "太华路"}
    city.receive("o1", "", kind="location", content=content, outcome=Outcome.FOR_STAFF)
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert talk.preview == "我家漏水，138****0001 → 太华路"


def test_a_click_is_no_message(city: City) -> None:
    city.receive("o1", "MENU", kind="menu_clicked")
    city.project()

    assert city.conversation("o1") is None


def test_numbers_of_persons_are_covered_before_they_are_kept(city: City) -> None:
    city.receive("o1", "我的电话\n13800000001")
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert talk.preview == "我的电话 138****0001"


def test_a_number_at_the_end_of_long_words_is_covered_too(city: City) -> None:
    city.receive("o1", "字" * 74 + "13800000001")
    city.project()

    talk = city.conversation("o1")
    assert talk is not None
    assert "1380" not in talk.preview
    assert len(talk.preview) == 80


def test_projecting_again_changes_nothing(city: City) -> None:
    city.receive("o1", "一")
    city.project(NOW)
    assert conversations.is_behind(), "the message is too young to be sure of those before it"
    city.project(NOW)
    city.project(LATER)

    assert not conversations.is_behind()
    assert count() == 1


def test_many_batches_are_projected_in_one_run(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "_READ_BATCH", 2)
    monkeypatch.setattr(projection, "_WRITE_BATCH", 1)
    ids = [city.receive(f"o{number}", "话", at=NOW + number * SECOND) for number in range(5)]
    city.project()

    assert sorted(session.scalars(select(Conversation.last_id))) == ids
    assert not conversations.is_behind()


def test_a_message_that_appears_late_is_found(city: City) -> None:
    young = city.receive("o1", "先到", at=NOW - SECOND)
    city.project(NOW)
    # as if the one before had only now been committed
    assert conversations.position() < young


def test_days_lead_to_ids(city: City) -> None:
    first = city.receive("o1", "昨天", at=NOW - DAY)
    second = city.receive("o1", "今天")
    city.receive("o2", "今天")
    city.project()

    today = NOW.date()
    assert days.first_id_of(today - DAY) == first
    assert days.first_id_of(today) == second
    assert days.first_id_of(today + DAY) is None
    assert days.first_id_of(today - timedelta(days=9)) == first


def test_the_job_is_asked_for_once(city: City) -> None:
    city.receive("o1", "一")
    conversations.request_refresh()
    conversations.request_refresh()

    asked = session.scalars(select(Job).where(Job.name == ConversationJob.REFRESH)).all()
    assert len(asked) == 1


def test_conversations_go_with_their_messages(city: City) -> None:
    city.receive("o1", "旧", at=NOW - DAY)
    city.receive("o2", "新")
    city.project()

    assert conversations.delete_older_than(before=NOW) == 1
    assert city.conversation("o1") is None
    assert city.conversation("o2") is not None


def test_what_is_too_much_for_one_job_is_left_to_another(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "_READ_BATCH", 2)
    monkeypatch.setattr(conversation_updates, "_MAX_BATCHES", 1)
    for number in range(3):
        city.receive(f"o{number}", "话")
    city.project()

    assert count() == 2
    asked = session.scalars(select(Job).where(Job.name == ConversationJob.REFRESH)).all()
    assert len(asked) == 1
    city.project()
    assert count() == 3
