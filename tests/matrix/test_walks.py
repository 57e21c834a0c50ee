"""Walks: every push once, in order, and none that may still be overtaken."""

from datetime import timedelta

import pytest

from config import clock
from config.database import session
from config.tenancy import Area, Member, Right
from matrix import inbox, traffic, walks
from matrix.inbox import Entry, Outcome
from matrix.walks import SETTLED
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

LATER = NOW + SETTLED
TODAY = clock.local_day(NOW)


@pytest.fixture
def account_id(make_account: MakeAccount) -> int:
    return make_account().id


def push(account_id: int, number: int, *, seconds: int = 0) -> int:
    at = NOW + timedelta(seconds=seconds)
    entry = Entry(
        account_id=account_id,
        dedupe_key=f"m:{number}",
        openid="o",
        kind="text",
        text=f"第{number}条",
        content=None,
        sent_at=at,
        received_at=at,
        local_day=clock.local_day(at),
        outcome=Outcome.FALLBACK,
        rule_code=None,
        answer="",
    )
    return inbox.record(entry).id


def test_a_walk_goes_on_where_it_stopped(account_id: int) -> None:
    first, second, third = (push(account_id, number) for number in range(3))

    stretch = walks.ahead("a", now=LATER, at_most=2)
    assert [each.id for each in stretch.pushes] == [first, second]
    assert walks.passed(stretch)

    rest = walks.ahead("a", now=LATER, at_most=2)
    assert [(each.id, each.text, each.local_day) for each in rest.pushes] == [
        (third, "第2条", TODAY)
    ]
    assert walks.passed(rest)
    assert walks.ahead("a", now=LATER, at_most=2).pushes == []
    assert len(walks.ahead("b", now=LATER, at_most=9).pushes) == 3


def test_nobody_passes_what_another_run_passed(account_id: int) -> None:
    push(account_id, 1)
    begun = walks.ahead("a", now=LATER, at_most=1)
    assert walks.passed(begun)
    assert not walks.passed(begun)

    push(account_id, 2)
    going_on = walks.ahead("a", now=LATER, at_most=1)
    assert walks.passed(going_on)
    assert not walks.passed(going_on)


def test_a_push_waits_until_no_earlier_one_can_appear(account_id: int) -> None:
    old = push(account_id, 1)
    push(account_id, 2, seconds=1)
    push(account_id, 3, seconds=-60)  # a slow one, behind one that is too young

    assert [each.id for each in walks.ahead("a", now=LATER, at_most=9).pushes] == [old]


def test_traffic_adds_up_and_belongs_to_the_account_s_readers(make_account: MakeAccount) -> None:
    mine, other = make_account(1).id, make_account(2).id
    yesterday = TODAY - timedelta(days=1)
    for account_id in (mine, other):
        traffic.add(
            {(account_id, TODAY, Outcome.RULE): 2, (account_id, yesterday, Outcome.RULE): 1}
        )
    traffic.add({(mine, TODAY, Outcome.RULE): 3, (mine, TODAY, Outcome.FALLBACK): 1})
    traffic.add({})
    session.expire_all()

    who = Member(1, "李", {Right.RULES_READ: Area(accounts=frozenset({mine}))})
    rows = traffic.for_staff(who, since=TODAY)
    assert {(row.account_id, row.outcome): row.count for row in rows} == {
        (mine, Outcome.RULE): 5,
        (mine, Outcome.FALLBACK): 1,
    }
