"""Awaited replies: known to every process, for ten minutes, and forgotten in all of them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from config import clock
from config.database import session
from matrix import inbox
from matrix.inbox import NewInboxMessage, Outcome, awaited_replies
from matrix.inbox.awaited_replies import WAIT, AwaitedReply
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

SECOND = timedelta(seconds=1)


@pytest.fixture
def account_id(make_account: MakeAccount) -> Iterator[int]:
    awaited_replies.reset()
    yield make_account(1).id
    awaited_replies.reset()


def ask(account_id: int, number: int = 1, openid: str = "o1") -> int:
    """A message whose answer asks for something. Returns its inbox id."""
    recorded = inbox.record(
        NewInboxMessage(
            account_id=account_id,
            dedupe_key=f"m:{openid}:{number}",
            openid=openid,
            kind="text",
            text="我家漏水了",
            content=None,
            sent_at=NOW,
            received_at=NOW,
            local_day=clock.local_day(NOW),
            outcome=Outcome.RULE,
            rule_slug="water.leak",
            answer="",
        )
    )
    awaited_replies.open_for(account_id, openid, recorded.id, now=NOW)
    return recorded.id


def find(account_id: int, openid: str = "o1", *, after: timedelta = SECOND) -> int | None:
    return awaited_replies.find_question(account_id, openid, now=NOW + after)


def test_the_process_that_asked_knows_at_once_and_others_when_they_look(account_id: int) -> None:
    question = ask(account_id)
    assert find(account_id) is None
    awaited_replies.remember(account_id, "o1", question, now=NOW)
    assert find(account_id) == question
    assert find(account_id, "o2") is None

    awaited_replies.reset()
    awaited_replies.refresh(now=NOW + SECOND)
    assert find(account_id) == question


def test_it_is_awaited_for_ten_minutes(account_id: int) -> None:
    question = ask(account_id)
    awaited_replies.refresh(now=NOW)

    assert find(account_id, after=WAIT) == question
    assert find(account_id, after=WAIT + SECOND) is None
    awaited_replies.refresh(now=NOW + WAIT)
    assert find(account_id) is None, "memory keeps nothing that is over"


def test_what_is_closed_is_forgotten_everywhere(account_id: int) -> None:
    ask(account_id)
    other = ask(account_id, openid="o2")
    awaited_replies.refresh(now=NOW)

    awaited_replies.close_for(account_id, "o1")
    awaited_replies.refresh(now=NOW + 6 * SECOND)

    assert find(account_id) is None
    assert find(account_id, "o2") == other


def test_a_look_does_not_forget_what_is_just_being_written(account_id: int) -> None:
    awaited_replies.remember(account_id, "o1", 7, now=NOW)
    awaited_replies.refresh(now=NOW + SECOND)
    assert find(account_id) == 7

    awaited_replies.refresh(now=NOW + 6 * SECOND)
    assert find(account_id) is None


def test_the_last_question_counts(account_id: int) -> None:
    ask(account_id)
    last = ask(account_id, 2)
    awaited_replies.refresh(now=NOW)

    assert find(account_id) == last
    assert session.scalar(select(func.count()).select_from(AwaitedReply)) == 1


def test_what_nobody_answered_is_deleted(account_id: int) -> None:
    ask(account_id)

    assert awaited_replies.delete_older_than(before=NOW) == 0
    assert awaited_replies.delete_older_than(before=NOW + SECOND) == 1
