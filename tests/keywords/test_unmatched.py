"""Unmatched: each to their own accounts, closed once, taken back at will."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import NotFound
from config.tenancy import Area, Member, Right
from keywords import sorting, unmatched
from keywords.sorting import Question
from keywords.unmatched import AlreadyClosed, Cluster, Reason, State, Wanted
from matrix.accounts import Account
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

MakeAccount = Callable[..., Account]


def member(*accounts: Account, name: str = "李") -> Member:
    area = Area(accounts=frozenset(account.id for account in accounts))
    return Member(7, name, {Right.RULES_READ: area, Right.RULES_WRITE: area})


def ask(account: Account, *texts: str, day: int = 0) -> None:
    at = NOW + timedelta(days=day)
    asked = [Question(account.id, text, Reason.FALLBACK, at) for text in texts]
    sorting.keep(sorting.sorted_in(asked))


def titles(who: Member, **wanted: object) -> list[str]:
    return [row.title for row in unmatched.clusters_for_staff(who, Wanted(**wanted))]  # type: ignore[arg-type]  # any filter


def actions() -> list[str]:
    found = select(Entry.action).where(Entry.object_kind == "unmatched").order_by(Entry.id)
    return list(session.scalars(found))


@pytest.fixture
def police(make_account: MakeAccount) -> Account:
    account = make_account(1)
    ask(account, "路灯坏了", "宠物狗怎么办证", "宠物狗办证")
    ask(account, "井盖丢失", day=1)
    return account


@pytest.fixture
def water(make_account: MakeAccount) -> Account:
    account = make_account(2)
    ask(account, "公园几点开门")
    return account


def test_a_list_shows_the_most_asked_or_the_newest(police: Account, water: Account) -> None:
    assert titles(member(police)) == ["宠物狗怎么办证", "井盖丢失", "路灯坏了"]
    assert titles(member(police), newest_first=True) == ["井盖丢失", "宠物狗怎么办证", "路灯坏了"]
    assert titles(member(police, water), account_id=water.id) == ["公园几点开门"]
    assert titles(member(police), account_id=water.id) == []
    assert unmatched.open_counts(member(police)) == {police.id: 3}


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_follow_each_other_without_gap(
    police: Account, water: Account, newest_first: bool
) -> None:
    who, wanted = member(police, water), Wanted(newest_first=newest_first)
    whole = unmatched.clusters_for_staff(who, wanted)

    found, after = [], None
    while page := unmatched.clusters_for_staff(who, wanted, after=after, at_most=1):
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

    assert unmatched.access_cluster(member(police), cluster.id, Right.RULES_WRITE) is cluster
    for who, key in ((member(water), cluster.id), (member(police), 10**6)):
        with pytest.raises(NotFound):
            unmatched.access_cluster(who, key, Right.RULES_READ)


def test_a_cluster_is_closed_once_and_can_be_taken_back(police: Account) -> None:
    key = unmatched.clusters_for_staff(member(police), Wanted())[0].id

    closed = unmatched.close(key, State.DONE, by=member(police), now=NOW, rule_code="police.dogs")
    assert (closed.state, closed.rule_code, closed.closed_by) == (State.DONE, "police.dogs", "李")
    with pytest.raises(AlreadyClosed, match="李"):
        unmatched.close(key, State.IGNORED, by=member(police, name="王"), now=NOW)
    assert titles(member(police)) == ["井盖丢失", "路灯坏了"]
    assert titles(member(police), state=State.DONE) == ["宠物狗怎么办证"]

    again = unmatched.reopen(key)
    assert (again.state, again.rule_code, again.closed_by, again.closed_at) == (
        State.OPEN,
        "",
        "",
        None,
    )
    unmatched.reopen(key)
    assert actions() == ["unmatched.done", "unmatched.reopened"]


def test_what_nobody_asks_any_more_is_forgotten(police: Account) -> None:
    assert unmatched.forget(before=NOW + timedelta(hours=1)) == 2

    session.expire_all()
    assert titles(member(police)) == ["井盖丢失"]
