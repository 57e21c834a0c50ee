"""Surveys: who still waits for an answer, and what did not arrive, found by ids alone."""

from datetime import datetime, timedelta

import pytest

from config import clock
from config.database import session
from matrix import followers, inbox
from matrix.accounts import Account
from matrix.health import statistics
from matrix.health.statistics import AccountStatsValues
from matrix.inbox import NewInboxMessage, Outcome
from matrix.outbound import OutboundMessage, OutboundState
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")


def receive(
    account: Account, openid: str, at: datetime, outcome: Outcome = Outcome.FALLBACK
) -> int:
    """A citizen's message and what the hub did with it. Gives its id."""
    followers.record_message(account.id, openid, now=at)
    entry = NewInboxMessage(
        account_id=account.id,
        dedupe_key=f"{openid}-{at.timestamp()}",
        openid=openid,
        kind="text",
        text="问一下",
        content=None,
        sent_at=at,
        received_at=at,
        local_day=clock.local_day(at),
        outcome=outcome,
        rule_slug=None,
        answer="",
    )
    return inbox.record(entry).id


def add_outbound(
    account: Account,
    openid: str,
    at: datetime,
    *,
    state: OutboundState = OutboundState.SENT,
    part_of: int | None = None,
) -> None:
    """A message to a citizen outside of a reply."""
    follower = followers.find(account.id, openid)
    assert follower is not None
    session.add(
        OutboundMessage(
            account_id=account.id,
            follower_id=follower.id,
            inbox_id=part_of,
            content={"kind": "text", "content": "答复"},
            state=state,
            created_at=at,
        )
    )
    session.flush()


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def test_a_citizen_waits_until_a_person_answers(make_account: MakeAccount) -> None:
    account, noise = make_account(1), make_account(2)
    receive(account, "too-old", ago(hours=60))
    receive(account, "by-rule", ago(hours=30), Outcome.RULE)
    receive(account, "answered", ago(hours=20))
    add_outbound(account, "answered", ago(hours=19))
    receive(account, "answered-before", ago(hours=10))
    add_outbound(account, "answered-before", ago(hours=11))
    receive(account, "twice", ago(hours=9))
    receive(account, "twice", ago(hours=8))
    receive(noise, "answered", ago(hours=7))

    found = statistics.compute(now=NOW)

    assert (found[account.id].unanswered, found[account.id].unanswered_since) == (2, ago(hours=10))
    assert found[noise.id].unanswered == 1


def test_the_rest_of_an_automatic_answer_answers_nobody(make_account: MakeAccount) -> None:
    account = make_account()
    receive(account, "o1", ago(hours=3))
    long = receive(account, "o1", ago(hours=2), Outcome.RULE)
    add_outbound(account, "o1", ago(hours=2), part_of=long)

    assert statistics.compute(now=NOW)[account.id].unanswered == 1


def test_what_did_not_arrive_is_counted_by_hour_and_day(make_account: MakeAccount) -> None:
    account = make_account()
    receive(account, "o1", ago(hours=40), Outcome.RULE)
    for hours, state in (
        (30, OutboundState.REFUSED),
        (20, OutboundState.REFUSED),
        (10, OutboundState.SENT),
        (0.6, OutboundState.UNCONFIRMED),
        (0.5, OutboundState.SENT),
        (0.1, OutboundState.QUEUED),
    ):
        add_outbound(account, "o1", ago(hours=hours), state=state)

    figures = statistics.compute(now=NOW)[account.id]

    assert (figures.sent_hour, figures.failed_hour) == (3, 1)
    assert (figures.sent_day, figures.failed_day) == (5, 2)


def test_an_account_without_any_message_has_zeros(make_account: MakeAccount) -> None:
    account = make_account()

    assert statistics.compute(now=NOW) == {account.id: AccountStatsValues()}


@pytest.mark.parametrize("hours", [0, 3, 9.5, 47, 49, 300])
def test_the_first_id_of_a_span_is_found_by_halving(
    make_account: MakeAccount, hours: float
) -> None:
    account = make_account()
    moments = [ago(hours=hour) for hour in range(48, 0, -1)]
    ids = [receive(account, f"o{number}", at) for number, at in enumerate(moments)]
    for gap in (5, 6, 30):  # as rows that were removed leave
        session.delete(session.get_one(inbox.InboxMessage, ids[gap]))
    session.flush()

    first = statistics.first_id(
        inbox.InboxMessage.id, inbox.InboxMessage.received_at, ago(hours=hours)
    )

    left = [
        (key, at)
        for key, at in zip(ids, moments, strict=True)
        if key not in (ids[5], ids[6], ids[30])
    ]
    young = {key for key, at in left if at >= ago(hours=hours)}
    assert {key for key, _ in left if key >= first} == young


def test_new_statistics_replace_the_old_ones(make_account: MakeAccount) -> None:
    account = make_account()
    statistics.save({account.id: AccountStatsValues(unanswered=4, unanswered_since=NOW)}, now=NOW)
    statistics.save({account.id: AccountStatsValues(sent_day=7)}, now=NOW)

    session.expire_all()
    row = statistics.by_account([account.id])[account.id]
    assert (row.unanswered, row.unanswered_since, row.sent_day) == (0, None, 7)
