"""Grants: what a role opens, where, and from when to when."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from matrix import accounts, departments
from matrix.accounts import AccountKind
from matrix.departments import Department
from matrix.staff import directory, grants, members
from matrix.staff.directory import StaffFilter
from matrix.staff.grants import GrantSpec
from matrix.staff.members import SelfManagementForbidden, Staff
from matrix.staff.roles import Role
from matrix.wechat.envelope import EncryptionMode

pytestmark = pytest.mark.usefixtures("rolled_back")
TODAY = date(2026, 3, 10)
Add = Callable[..., Staff]


@pytest.fixture
def city(now: datetime) -> dict[str, Department]:
    """A city above the police, which has an office below, and the water office."""
    made: dict[str, Department] = {}
    for code, above in (("city", None), ("police", "city"), ("post", "police"), ("water", "city")):
        parent = made[above].id if above else None
        made[code] = departments.create(slug=code, name=code, kind="", parent_id=parent, now=now)
    return made


def account(number: int, owner: Department, now: datetime) -> int:
    wish = accounts.AccountSpec(
        appid=f"wx{number:016x}",
        original_id=f"gh_{number:012d}",
        department_id=owner.id,
        name=f"号{number}",
        kind=AccountKind.SERVICE,
        verified=True,
        mode=EncryptionMode.SAFE,
        token="token",
        aes_key="a" * 43,
        secret="secret",
    )
    return accounts.create(wish, now=now).id


@pytest.fixture
def add(city: dict[str, Department], now: datetime) -> Add:
    def made(name: str, owner: str | None, role: Role | None = None, **where: int) -> Staff:
        department_id = city[owner].id if owner else None
        person = members.create(sign_in_name=name, name=name, department_id=department_id, now=now)
        if role is not None:
            place = where or {"department_id": department_id}
            grants.create(person.id, GrantSpec(role=role, **place), by=None, now=now)
        return person

    return made


def member(person: Staff, today: date = TODAY) -> Principal:
    return grants.principal_for(person, grants.list_current([person.id]), today=today)


def test_a_department_role_reaches_its_subtree_and_its_accounts(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    own, below = account(1, city["police"], now), account(2, city["post"], now)
    foreign = account(3, city["water"], now)
    area = member(add("one", "police", Role.EDITOR)).scope(Permission.RULES_WRITE)

    assert area.departments == {city["police"].id, city["post"].id}
    assert area.accounts == {own, below}
    assert not area.contains(account_id=foreign)
    assert not area.contains(department_id=city["city"].id)
    assert not area.contains()  # the whole city's things


def test_a_role_at_one_account_reaches_nothing_else(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    own, other = account(1, city["police"], now), account(2, city["police"], now)
    area = member(add("one", "police", Role.AGENT, account_id=own)).scope(
        Permission.CONVERSATIONS_REPLY
    )
    assert area.contains(account_id=own)
    assert not area.contains(account_id=other)
    assert not area.contains(department_id=city["police"].id)


def test_rights_of_several_grants_are_joined_right_by_right(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    person = add("one", "police", Role.EDITOR)
    grants.create(person.id, GrantSpec(role=Role.AUDITOR), by=None, now=now)
    held = member(person)
    assert held.scope(Permission.RULES_READ).everywhere
    assert not held.scope(Permission.RULES_WRITE).everywhere
    assert held.may(Permission.RULES_WRITE, department_id=city["police"].id)
    assert not held.may(Permission.RULES_WRITE, department_id=city["water"].id)


def test_a_grant_counts_from_its_first_to_its_last_day(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    person = add("one", "police")
    day = timedelta(days=1)
    wish = GrantSpec(
        role=Role.EDITOR, department_id=city["police"].id, starts_on=TODAY, ends_on=TODAY + day
    )
    grants.create(person.id, wish, by=None, now=now)
    held = [bool(member(person, TODAY + day * n).scopes) for n in (-1, 0, 1, 2)]
    assert held == [False, True, True, False]


def test_nobody_gives_more_than_they_have(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    giver = member(add("one", "police", Role.DEPARTMENT_ADMIN))
    own, foreign = add("two", "post"), add("three", "water")

    assert grants.create(
        own.id, GrantSpec(role=Role.EDITOR, department_id=city["post"].id), by=giver, now=now
    ).id
    for wish in (
        GrantSpec(role=Role.EDITOR),
        GrantSpec(role=Role.EDITOR, department_id=city["water"].id),
        GrantSpec(role=Role.AUDITOR),
    ):
        with pytest.raises(Invalid, match="没有的权限"):
            grants.create(own.id, wish, by=giver, now=now)
    with pytest.raises(NotFound):
        grants.create(
            foreign.id,
            GrantSpec(role=Role.EDITOR, department_id=city["police"].id),
            by=giver,
            now=now,
        )
    with pytest.raises(SelfManagementForbidden):
        grants.create(
            giver.staff_id,
            GrantSpec(role=Role.EDITOR, department_id=city["police"].id),
            by=giver,
            now=now,
        )


def test_a_role_taken_back_is_gone_and_the_second_time_changes_nothing(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    boss = member(add("boss", None, Role.MATRIX_ADMIN))
    person = add("one", "police", Role.EDITOR)
    (grant,) = grants.list_current([person.id])
    first = grants.revoke(grant.id, by=boss, now=now).revoked_at
    later = grants.revoke(grant.id, by=boss, now=now + timedelta(days=1)).revoked_at
    assert first == later == now
    assert not member(person).scopes


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"role": Role.MATRIX_ADMIN, "department_id": 1}, "role"),
        ({"role": Role.EDITOR, "department_id": 1, "account_id": 1}, "account_id"),
        ({"role": Role.EDITOR, "starts_on": TODAY, "ends_on": date(2026, 3, 9)}, "ends_on"),
    ],
)
def test_an_invalid_grant_names_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        GrantSpec(**values)
    assert refused.value.field == field


def test_people_are_seen_by_those_of_their_department_only(
    city: dict[str, Department], add: Add, now: datetime
) -> None:
    def seen(by: Principal) -> list[str]:
        cards = directory.list_for_staff(by, StaffFilter(), now=now).items
        return sorted(card.person.sign_in_name for card in cards)

    seer = member(add("boss", "police", Role.DEPARTMENT_ADMIN))
    near, far = add("near", "post"), add("far", "water")
    assert seen(seer) == ["boss", "near"]
    assert members.access_staff(seer, near.id, Permission.STAFF_MANAGE) is near
    with pytest.raises(NotFound):
        members.access_staff(seer, far.id, Permission.STAFF_READ)
    anybody = member(add("all", None, Role.MATRIX_ADMIN))
    assert len(seen(anybody)) == 4
