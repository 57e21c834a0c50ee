"""Surveys: who still waits for an answer, and what did not arrive, found by ids alone."""

from datetime import datetime, timedelta

import pytest

from config import clock
from config.database import session
from matrix import followers, inbox, surveys
from matrix.accounts import Account
from matrix.inbox import Entry, Outcome
from matrix.sendings import Sending, State
from matrix.surveys import Figures
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")


def wrote(account: Account, openid: str, at: datetime, outcome: Outcome = Outcome.FALLBACK) -> int:
    """A citizen's message and what the hub did with it. Gives its id."""
    followers.wrote(account.id, openid, now=at)
    entry = Entry(
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
        rule_code=None,
        answer="",
    )
    return inbox.record(entry).id


def sent(
    account: Account,
    openid: str,
    at: datetime,
    *,
    state: State = State.SENT,
    part_of: int | None = None,
) -> None:
    """A message to a citizen outside of a reply."""
    follower = followers.find(account.id, openid)
    assert follower is not None
    session.add(
        Sending(
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
    wrote(account, "too-old", ago(hours=60))
    wrote(account, "by-rule", ago(hours=30), Outcome.RULE)
    wrote(account, "answered", ago(hours=20))
    sent(account, "answered", ago(hours=19))
    wrote(account, "answered-before", ago(hours=10))
    sent(account, "answered-before", ago(hours=11))
    wrote(account, "twice", ago(hours=9))
    wrote(account, "twice", ago(hours=8))
    wrote(noise, "answered", ago(hours=7))

    found = surveys.look(now=NOW)

    assert (found[account.id].unanswered, found[account.id].unanswered_since) == (2, ago(hours=10))
    assert found[noise.id].unanswered == 1


def test_the_rest_of_an_automatic_answer_answers_nobody(make_account: MakeAccount) -> None:
    account = make_account()
    wrote(account, "o1", ago(hours=3))
    long = wrote(account, "o1", ago(hours=2), Outcome.RULE)
    sent(account, "o1", ago(hours=2), part_of=long)

    assert surveys.look(now=NOW)[account.id].unanswered == 1


def test_what_did_not_arrive_is_counted_by_hour_and_day(make_account: MakeAccount) -> None:
    account = make_account()
    wrote(account, "o1", ago(hours=40), Outcome.RULE)
    for hours, state in (
        (30, State.REFUSED),
        (20, State.REFUSED),
        (10, State.SENT),
        (0.6, State.UNCONFIRMED),
        (0.5, State.SENT),
        (0.1, State.QUEUED),
    ):
        sent(account, "o1", ago(hours=hours), state=state)

    figures = surveys.look(now=NOW)[account.id]

    assert (figures.sent_hour, figures.lost_hour) == (3, 1)
    assert (figures.sent_day, figures.lost_day) == (5, 2)


def test_an_account_without_any_message_has_zeros(make_account: MakeAccount) -> None:
    account = make_account()

    assert surveys.look(now=NOW) == {account.id: Figures()}


@pytest.mark.parametrize("hours", [0, 3, 9.5, 47, 49, 300])
def test_the_first_id_of_a_span_is_found_by_halving(
    make_account: MakeAccount, hours: float
) -> None:
    account = make_account()
    moments = [ago(hours=hour) for hour in range(48, 0, -1)]
    ids = [wrote(account, f"o{number}", at) for number, at in enumerate(moments)]
    for gap in (5, 6, 30):  # as rows that were removed leave
        session.delete(session.get_one(inbox.Inbound, ids[gap]))
    session.flush()

    first = surveys.first_id(inbox.Inbound.id, inbox.Inbound.received_at, ago(hours=hours))

    left = [
        (key, at)
        for key, at in zip(ids, moments, strict=True)
        if key not in (ids[5], ids[6], ids[30])
    ]
    young = {key for key, at in left if at >= ago(hours=hours)}
    assert {key for key, _ in left if key >= first} == young


def test_a_second_survey_takes_the_place_of_the_first(make_account: MakeAccount) -> None:
    account = make_account()
    surveys.store({account.id: Figures(unanswered=4, unanswered_since=NOW)}, now=NOW)
    surveys.store({account.id: Figures(sent_day=7)}, now=NOW)

    session.expire_all()
    row = surveys.of_accounts([account.id])[account.id]
    assert (row.unanswered, row.unanswered_since, row.sent_day) == (0, None, 7)
