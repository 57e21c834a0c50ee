"""Hits: counted by rule, account and day, and shown to those whose accounts they are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from config.database import session
from config.tenancy import Area, Member, Right
from keywords import hits, stored
from keywords.drafts import RuleDraft, State
from keywords.hits import Summary, Tally
from keywords.replies import Text
from keywords.rules import Keyword
from matrix.accounts import Account
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

MakeAccount = Callable[..., Account]
TODAY = date(2026, 3, 10)
DRAFT = RuleDraft("a", "规则", (Keyword("词"),), (Text("答"),))


def reader(**area: object) -> Member:
    return Member(1, "李", {Right.RULES_READ: Area(**area)})  # type: ignore[arg-type]  # any area


def test_hits_add_up_and_remember_the_last(make_account: MakeAccount) -> None:
    account = make_account()
    later = NOW + timedelta(minutes=5)
    hits.add({("a", account.id, TODAY): Tally(2, NOW), ("b", account.id, TODAY): Tally(1, NOW)})
    hits.add({("a", account.id, TODAY): Tally(3, later)})
    hits.add({})
    session.expire_all()

    who = reader(everywhere=True)
    assert hits.summaries(who, {"a", "c"}, since=TODAY) == {"a": Summary(5, later)}


def test_every_day_is_there_and_only_the_member_s_accounts_count(
    make_account: MakeAccount,
) -> None:
    mine, other = make_account(1), make_account(2)
    yesterday, long_ago = TODAY - timedelta(days=1), TODAY - timedelta(days=40)
    hits.add(
        {
            ("a", mine.id, TODAY): Tally(2, NOW),
            ("a", mine.id, long_ago): Tally(9, NOW - timedelta(days=40)),
            ("a", other.id, TODAY): Tally(4, NOW),
            ("a", other.id, yesterday): Tally(1, NOW),
            ("b", mine.id, TODAY): Tally(7, NOW),
        }
    )

    who, everybody = reader(accounts=frozenset({mine.id})), reader(everywhere=True)
    assert hits.by_day(who, "a", today=TODAY, days=3) == {
        TODAY - timedelta(days=2): 0,
        yesterday: 0,
        TODAY: 2,
    }
    assert hits.by_day(everybody, "a", today=TODAY, days=2) == {yesterday: 1, TODAY: 6}
    assert hits.by_account(everybody, "a", since=yesterday) == {other.id: 5, mine.id: 2}
    assert hits.by_account(reader(), "a", since=yesterday) == {}


def test_rules_that_nobody_hits_are_told_to_their_owners(make_account: MakeAccount) -> None:
    account, other = make_account(1), make_account(2)
    codes = {"a": account, "b": account, "c": account, "d": other, "e": account}
    for code, owner in codes.items():
        state = State.OFF if code == "e" else State.LIVE
        stored.create(
            replace(DRAFT, code=code, state=state), department_id=owner.department_id, now=NOW
        )
    hits.add({("a", other.id, TODAY): Tally(1, NOW)})
    hits.add({("b", account.id, TODAY - timedelta(days=31)): Tally(1, NOW)})
    who = reader(departments=frozenset({account.department_id}))
    asked = {"since": TODAY - timedelta(days=30), "created_before": NOW + timedelta(days=1)}

    assert [row.code for row in hits.silent_for_staff(who, **asked)] == ["b", "c"]
    assert [row.code for row in hits.silent_for_staff(who, **asked, after="b")] == ["c"]
    assert hits.silent_for_staff(who, since=TODAY, created_before=NOW) == []


def test_old_hits_are_forgotten(make_account: MakeAccount) -> None:
    account = make_account()
    days = {("a", account.id, TODAY - timedelta(days=age)): Tally(1, NOW) for age in (0, 10, 20)}
    hits.add(days)

    assert hits.forget(before=TODAY - timedelta(days=9)) == 2
