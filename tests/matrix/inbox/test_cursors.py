"""Walks: every push once, in order, and none that may still be overtaken."""

from datetime import timedelta

import pytest

from config import clock
from config.database import session
from config.permissions import Permission, PermissionScope, Principal
from matrix import inbox
from matrix.inbox import NewInboxMessage, Outcome, cursors, daily_counts
from matrix.inbox.cursors import SETTLE_DELAY
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

LATER = NOW + SETTLE_DELAY
TODAY = clock.local_day(NOW)


@pytest.fixture
def account_id(make_account: MakeAccount) -> int:
    return make_account().id


def push(account_id: int, number: int, *, seconds: int = 0) -> int:
    at = NOW + timedelta(seconds=seconds)
    entry = NewInboxMessage(
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
        rule_slug=None,
        answer="",
    )
    return inbox.record(entry).id


def test_a_cursor_goes_on_where_it_stopped(account_id: int) -> None:
    first, second, third = (push(account_id, number) for number in range(3))

    stretch = cursors.next_batch("a", now=LATER, at_most=2)
    assert [each.id for each in stretch.pushes] == [first, second]
    assert cursors.advance(stretch)

    rest = cursors.next_batch("a", now=LATER, at_most=2)
    assert [(each.id, each.text, each.local_day) for each in rest.pushes] == [
        (third, "第2条", TODAY)
    ]
    assert cursors.advance(rest)
    assert cursors.next_batch("a", now=LATER, at_most=2).pushes == []
    assert len(cursors.next_batch("b", now=LATER, at_most=9).pushes) == 3


def test_a_cursor_is_not_advanced_twice(account_id: int) -> None:
    push(account_id, 1)
    begun = cursors.next_batch("a", now=LATER, at_most=1)
    assert cursors.advance(begun)
    assert not cursors.advance(begun)

    push(account_id, 2)
    going_on = cursors.next_batch("a", now=LATER, at_most=1)
    assert cursors.advance(going_on)
    assert not cursors.advance(going_on)


def test_a_push_waits_until_no_earlier_one_can_appear(account_id: int) -> None:
    old = push(account_id, 1)
    push(account_id, 2, seconds=1)
    push(account_id, 3, seconds=-60)  # a slow one, behind one that is too young

    assert [each.id for each in cursors.next_batch("a", now=LATER, at_most=9).pushes] == [old]


def test_traffic_adds_up_and_belongs_to_the_account_s_readers(make_account: MakeAccount) -> None:
    mine, other = make_account(1).id, make_account(2).id
    yesterday = TODAY - timedelta(days=1)
    for account_id in (mine, other):
        daily_counts.add(
            {(account_id, TODAY, Outcome.RULE): 2, (account_id, yesterday, Outcome.RULE): 1}
        )
    daily_counts.add({(mine, TODAY, Outcome.RULE): 3, (mine, TODAY, Outcome.FALLBACK): 1})
    daily_counts.add({})
    session.expire_all()

    who = Principal(1, "李", {Permission.RULES_READ: PermissionScope(accounts=frozenset({mine}))})
    rows = daily_counts.list_for_staff(who, since=TODAY)
    assert {(row.account_id, row.outcome): row.count for row in rows} == {
        (mine, Outcome.RULE): 5,
        (mine, Outcome.FALLBACK): 1,
    }
