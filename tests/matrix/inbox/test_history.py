"""History: the last pushes of one follower."""

from datetime import timedelta

import pytest

from config import clock
from config.database import transaction
from matrix import accounts, departments, inbox
from matrix.inbox import NewInboxMessage, Outcome, fast_store, history
from matrix.inbox.history import PastPush
from tests.helpers import NOW
from tests.matrix.conftest import account_spec

MINUTE = timedelta(minutes=1)


def receive(account_id: int, words: str, *, openid: str = "o1", minute: int = 0) -> None:
    at = NOW + minute * MINUTE
    inbox.record(
        NewInboxMessage(
            account_id=account_id,
            dedupe_key=f"m:{openid}:{words}",
            openid=openid,
            kind="text",
            text=words,
            content=None,
            sent_at=at,
            received_at=at,
            local_day=clock.local_day(at),
            outcome=Outcome.RULE,
            rule_slug="police.id_card",
            answer=f"<xml>{words}</xml>",
        )
    )


@pytest.fixture
def account_ids(own_database: str) -> tuple[int, int]:
    """Two accounts, committed: the history is read past the session."""
    with transaction():
        owner = departments.create(slug="police", name="公安局", kind="", now=NOW)
        police, hrss = (accounts.create(account_spec(owner, n), now=NOW) for n in (1, 2))
        return police.id, hrss.id


def test_the_last_of_one_follower_come_newest_first(account_ids: tuple[int, int]) -> None:
    police, hrss = account_ids
    with transaction():
        for minute, words in enumerate(("一", "二", "三", "四")):
            receive(police, words, minute=minute)
        receive(police, "别人", openid="o2", minute=3)
        receive(hrss, "别处", minute=3)

    found = history.list_recent(police, "o1", since=NOW + MINUTE, at_most=2)
    everything = history.list_recent(police, "o1", since=NOW, at_most=10)

    assert found == [
        PastPush("text", NOW + minute * MINUTE, Outcome.RULE, "police.id_card", answer)
        for minute, answer in ((3, "<xml>四</xml>"), (2, "<xml>三</xml>"))
    ]
    assert len(everything) == 4
    assert history.list_recent(police, "o3", since=NOW, at_most=10) == []


def test_a_closed_connection_is_opened_again(account_ids: tuple[int, int]) -> None:
    police, _ = account_ids
    with transaction():
        receive(police, "一")
    for _ in range(2):
        assert len(history.list_recent(police, "o1", since=NOW, at_most=10)) == 1
        fast_store.reset()
