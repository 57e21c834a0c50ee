"""Unmatched: each to their own accounts, closed once, taken back at will."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import NotFound
from config.permissions import Permission, PermissionScope, Principal
from keywords.statistics import clustering, unanswered
from keywords.statistics.clustering import UnansweredMessage
from keywords.statistics.unanswered import (
    AlreadyClosed,
    Cluster,
    ClusterFilter,
    ClusterState,
    UnansweredReason,
)
from matrix.accounts import Account
from matrix.staff import members
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

MakeAccount = Callable[..., Account]


def member(*accounts: Account) -> Principal:
    area = PermissionScope(accounts=frozenset(account.id for account in accounts))
    return Principal(7, "李", {Permission.RULES_READ: area, Permission.RULES_WRITE: area})


def add_question(account: Account, *texts: str, day: int = 0) -> None:
    at = NOW + timedelta(days=day)
    asked = [UnansweredMessage(account.id, text, UnansweredReason.FALLBACK, at) for text in texts]
    clustering.save(clustering.assign(asked))


def titles(who: Principal, **wanted: object) -> list[str]:
    return [row.title for row in unanswered.list_for_staff(who, ClusterFilter(**wanted))]  # type: ignore[arg-type]  # any filter


def actions() -> list[str]:
    found = (
        select(AuditEntry.action)
        .where(AuditEntry.object_kind == "unmatched")
        .order_by(AuditEntry.id)
    )
    return list(session.scalars(found))


@pytest.fixture
def police(make_account: MakeAccount) -> Account:
    account = make_account(1)
    add_question(account, "路灯坏了", "宠物狗怎么办证", "宠物狗办证")
    add_question(account, "井盖丢失", day=1)
    return account


@pytest.fixture
def water(make_account: MakeAccount) -> Account:
    account = make_account(2)
    add_question(account, "公园几点开门")
    return account


def test_a_list_shows_the_most_asked_or_the_newest(police: Account, water: Account) -> None:
    assert titles(member(police)) == ["宠物狗怎么办证", "井盖丢失", "路灯坏了"]
    assert titles(member(police), newest_first=True) == ["井盖丢失", "宠物狗怎么办证", "路灯坏了"]
    assert titles(member(police, water), account_id=water.id) == ["公园几点开门"]
    assert titles(member(police), account_id=water.id) == []
    assert unanswered.count_open_by_account(member(police)) == {police.id: 3}


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_follow_each_other_without_gap(
    police: Account, water: Account, newest_first: bool
) -> None:
    who, wanted = member(police, water), ClusterFilter(newest_first=newest_first)
    whole = unanswered.list_for_staff(who, wanted)

    found, after = [], None
    while page := unanswered.list_for_staff(who, wanted, after=after, limit=1):
        found += page
        after = page[-1]

    assert found == whole
    assert len(whole) == 4


@pytest.mark.parametrize(
    ("search", "found"),
    [("狗", ["宠物狗怎么办证"]), ("寵物", ["宠物狗怎么办证"]), ("%", []), ("！", []), ("'", [])],
)
def test_a_search_reads_as_citizens_write(police: Account, search: str, found: list[str]) -> None:
    assert titles(member(police), search=search) == found


def test_another_area_s_cluster_is_not_there(police: Account, water: Account) -> None:
    cluster = session.scalars(select(Cluster).where(Cluster.account_id == police.id)).first()
    assert cluster is not None

    assert unanswered.access_cluster(member(police), cluster.id, Permission.RULES_WRITE) is cluster
    for who, key in ((member(water), cluster.id), (member(police), 10**6)):
        with pytest.raises(NotFound):
            unanswered.access_cluster(who, key, Permission.RULES_READ)


def test_a_cluster_is_closed_once_and_can_be_taken_back(police: Account) -> None:
    key = unanswered.list_for_staff(member(police), ClusterFilter())[0].id
    person = members.create(sign_in_name="clerk", name="李", department_id=None, now=NOW)
    clerk = replace(member(police), staff_id=person.id)

    closed = unanswered.close(key, ClusterState.DONE, by=clerk, now=NOW, rule_slug="police.dogs")
    assert (closed.state, closed.rule_slug, closed.closed_by_name) == (
        ClusterState.DONE,
        "police.dogs",
        "李",
    )
    with pytest.raises(AlreadyClosed, match="李"):
        unanswered.close(key, ClusterState.IGNORED, by=clerk, now=NOW)
    assert titles(member(police)) == ["井盖丢失", "路灯坏了"]
    assert titles(member(police), state=ClusterState.DONE) == ["宠物狗怎么办证"]

    again = unanswered.reopen(key)
    assert (again.state, again.rule_slug, again.closed_by_name, again.closed_at) == (
        ClusterState.OPEN,
        "",
        "",
        None,
    )
    unanswered.reopen(key)
    assert actions() == ["unanswered.resolve", "unanswered.reopen"]


def test_questions_nobody_asks_any_more_are_deleted(police: Account) -> None:
    assert unanswered.delete_older_than(before=NOW + timedelta(hours=1)) == 2

    session.expire_all()
    assert titles(member(police)) == ["井盖丢失"]
