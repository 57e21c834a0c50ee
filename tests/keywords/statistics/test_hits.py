"""Hits: counted by rule, account and day, and shown to those whose accounts they are."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from config.database import session
from config.permissions import Permission, PermissionScope, Principal
from keywords.rules import store
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import Keyword
from keywords.statistics import hits
from keywords.statistics.hits import HitIncrement, HitSummary
from matrix.accounts import Account
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

MakeAccount = Callable[..., Account]
TODAY = date(2026, 3, 10)
DRAFT = RuleSpec(slug="a", name="规则", keywords=(Keyword("词"),), replies=(Text("答"),))


def reader(**area: object) -> Principal:
    return Principal(1, "李", {Permission.RULES_READ: PermissionScope(**area)})  # type: ignore[arg-type]  # any area


def test_hits_add_up_and_remember_the_last(make_account: MakeAccount) -> None:
    account = make_account()
    later = NOW + timedelta(minutes=5)
    hits.record(
        {
            ("a", account.id, TODAY): HitIncrement(2, NOW),
            ("b", account.id, TODAY): HitIncrement(1, NOW),
        }
    )
    hits.record({("a", account.id, TODAY): HitIncrement(3, later)})
    hits.record({})
    session.expire_all()

    who = reader(everywhere=True)
    assert hits.summaries(who, {"a", "c"}, since=TODAY) == {"a": HitSummary(5, later)}


def test_every_day_is_there_and_only_the_member_s_accounts_count(
    make_account: MakeAccount,
) -> None:
    mine, other = make_account(1), make_account(2)
    yesterday, long_ago = TODAY - timedelta(days=1), TODAY - timedelta(days=40)
    hits.record(
        {
            ("a", mine.id, TODAY): HitIncrement(2, NOW),
            ("a", mine.id, long_ago): HitIncrement(9, NOW - timedelta(days=40)),
            ("a", other.id, TODAY): HitIncrement(4, NOW),
            ("a", other.id, yesterday): HitIncrement(1, NOW),
            ("b", mine.id, TODAY): HitIncrement(7, NOW),
        }
    )

    who, everybody = reader(accounts=frozenset({mine.id})), reader(everywhere=True)
    assert hits.count_by_day(who, "a", today=TODAY, days=3) == {
        TODAY - timedelta(days=2): 0,
        yesterday: 0,
        TODAY: 2,
    }
    assert hits.count_by_day(everybody, "a", today=TODAY, days=2) == {yesterday: 1, TODAY: 6}
    assert hits.count_by_account(everybody, "a", since=yesterday) == {other.id: 5, mine.id: 2}
    assert hits.count_by_account(reader(), "a", since=yesterday) == {}


def test_rules_that_nobody_hits_are_told_to_their_owners(make_account: MakeAccount) -> None:
    account, other = make_account(1), make_account(2)
    codes = {"a": account, "b": account, "c": account, "d": other, "e": account}
    for code, owner in codes.items():
        state = RuleState.OFF if code == "e" else RuleState.LIVE
        store.create(
            DRAFT.replace(slug=code, state=state), department_id=owner.department_id, now=NOW
        )
    hits.record({("a", other.id, TODAY): HitIncrement(1, NOW)})
    hits.record({("b", account.id, TODAY - timedelta(days=31)): HitIncrement(1, NOW)})
    who = reader(departments=frozenset({account.department_id}))
    asked = {"since": TODAY - timedelta(days=30), "created_before": NOW + timedelta(days=1)}

    assert [row.slug for row in hits.list_unused_for_staff(who, **asked)] == ["b", "c"]
    assert [row.slug for row in hits.list_unused_for_staff(who, **asked, after="b")] == ["c"]
    assert hits.list_unused_for_staff(who, since=TODAY, created_before=NOW) == []


def test_old_hits_are_deleted(make_account: MakeAccount) -> None:
    account = make_account()
    days = {
        ("a", account.id, TODAY - timedelta(days=age)): HitIncrement(1, NOW) for age in (0, 10, 20)
    }
    hits.record(days)

    assert hits.delete_older_than(before=TODAY - timedelta(days=9)) == 2
