"""Gathering: a talk for each follower who wrote, as the last message leaves it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from config.database import session
from config.jobs import Job
from matrix import talks
from matrix.inbox import Outcome
from matrix.talks import Talk, gathering
from tests.fixtures import NOW
from tests.matrix.talks.conftest import DAY, LATER, MINUTE, SECOND, Town


def count() -> int:
    return session.scalar(select(func.count()).select_from(Talk)) or 0


def test_the_last_message_makes_the_talk(town: Town) -> None:
    town.hears("o1", "身份证怎么办", outcome=Outcome.RULE)
    last = town.hears("o1", "有人吗", at=NOW + MINUTE)
    town.hears("o1", "别的账号", account=town.hrss)
    town.gather()

    talk = town.talk("o1")
    assert talk is not None
    assert (talk.last_id, talk.words, talk.outcome) == (last, "有人吗", Outcome.FALLBACK)
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
    ],
)
def test_what_the_hub_could_not_answer_waits(town: Town, outcome: Outcome, waits: bool) -> None:
    town.hears("o1", "话", outcome=outcome)
    town.gather()

    talk = town.talk("o1")
    assert talk is not None
    assert (talk.waiting_since is not None) is waits


def test_it_waits_since_the_first_message_without_an_answer(town: Town) -> None:
    town.hears("o1", "在吗")
    town.gather()
    town.hears("o1", "有人吗", at=NOW + MINUTE)
    town.gather()

    talk = town.talk("o1")
    assert talk is not None
    assert talk.waiting_since == NOW


def test_an_answer_by_rule_ends_the_waiting(town: Town) -> None:
    town.hears("o1", "在吗")
    town.hears("o1", "身份证", outcome=Outcome.RULE, at=NOW + MINUTE)
    town.gather()

    talk = town.talk("o1")
    assert talk is not None
    assert talk.waiting_since is None


def test_a_click_is_no_message(town: Town) -> None:
    town.hears("o1", "MENU", kind="menu_clicked")
    town.gather()

    assert town.talk("o1") is None


def test_numbers_of_persons_are_covered_before_they_are_kept(town: Town) -> None:
    town.hears("o1", "我的电话\n13800000001")
    town.gather()

    talk = town.talk("o1")
    assert talk is not None
    assert talk.words == "我的电话 138****0001"


def test_a_number_at_the_end_of_long_words_is_covered_too(town: Town) -> None:
    town.hears("o1", "字" * 74 + "13800000001")
    town.gather()

    talk = town.talk("o1")
    assert talk is not None
    assert "1380" not in talk.words
    assert len(talk.words) == 80


def test_walking_again_changes_nothing(town: Town) -> None:
    town.hears("o1", "一")
    town.gather(NOW)
    assert talks.is_behind(), "the message is too young to be sure of those before it"
    town.gather(NOW)
    town.gather(LATER)

    assert not talks.is_behind()
    assert count() == 1


def test_many_batches_are_walked_in_one_go(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_READ_AT_ONCE", 2)
    monkeypatch.setattr(gathering, "_WRITTEN_AT_ONCE", 1)
    ids = [town.hears(f"o{number}", "话", at=NOW + number * SECOND) for number in range(5)]
    town.gather()

    assert sorted(session.scalars(select(Talk.last_id))) == ids
    assert not talks.is_behind()


def test_a_message_that_appears_late_is_found(town: Town) -> None:
    young = town.hears("o1", "先到", at=NOW - SECOND)
    town.gather(NOW)
    # as if the one before had only now been committed
    progress = session.get_one(gathering.Progress, 1)

    assert progress.settled_id < young


def test_days_lead_to_ids(town: Town) -> None:
    first = town.hears("o1", "昨天", at=NOW - DAY)
    second = town.hears("o1", "今天")
    town.hears("o2", "今天")
    town.gather()

    today = NOW.date()
    assert gathering.first_id_of(today - DAY) == first
    assert gathering.first_id_of(today) == second
    assert gathering.first_id_of(today + DAY) is None
    assert gathering.first_id_of(today - timedelta(days=9)) == first


def test_the_job_is_asked_for_once(town: Town) -> None:
    town.hears("o1", "一")
    talks.ask_to_gather()
    talks.ask_to_gather()

    asked = session.scalars(select(Job).where(Job.name == talks.GATHER)).all()
    assert len(asked) == 1


def test_talks_go_with_their_messages(town: Town) -> None:
    town.hears("o1", "旧", at=NOW - DAY)
    town.hears("o2", "新")
    town.gather()

    assert talks.forget(before=NOW) == 1
    assert town.talk("o1") is None
    assert town.talk("o2") is not None


def test_what_is_too_much_for_one_job_is_left_to_another(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_READ_AT_ONCE", 2)
    monkeypatch.setattr(gathering, "_MOST_BATCHES", 1)
    for number in range(3):
        town.hears(f"o{number}", "话")
    town.gather()

    assert count() == 2
    asked = session.scalars(select(Job).where(Job.name == talks.GATHER)).all()
    assert len(asked) == 1
    town.gather()
    assert count() == 3
