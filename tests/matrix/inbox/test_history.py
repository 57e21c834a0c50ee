"""History: the last pushes of one follower."""

from datetime import timedelta

from config import clock
from matrix import inbox
from matrix.inbox import NewInboxMessage, Outcome, history
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

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
            answer="<xml/>",
        )
    )


def test_the_last_of_one_follower_come_newest_first(make_account: MakeAccount) -> None:
    police, hrss = make_account(1).id, make_account(2).id
    for minute, words in enumerate(("一", "二", "三", "四")):
        receive(police, words, minute=minute)
    receive(police, "别人", openid="o2", minute=3)
    receive(hrss, "别处", minute=3)

    found = history.list_recent(police, "o1", since=NOW + MINUTE, at_most=2)
    everything = history.list_recent(police, "o1", since=NOW, at_most=10)

    assert [push.text for push in found] == ["四", "三"]
    assert [push.text for push in everything] == ["四", "三", "二", "一"]
    assert (found[0].rule_slug, found[0].answer) == ("police.id_card", "<xml/>")
    assert found[0].received_at == NOW + 3 * MINUTE
    assert history.list_recent(police, "o3", since=NOW, at_most=10) == []
