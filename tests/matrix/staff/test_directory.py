"""Directory: who is found by whom, page by page, and which places are offered."""

from datetime import date
from itertools import count

import pytest
from sqlalchemy import event

from config import database
from config.permissions import Forbidden, Permission, PermissionScope, Principal
from matrix.departments import Department
from matrix.staff import directory, grants, members
from matrix.staff.directory import StaffFilter
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff, StaffState
from matrix.staff.roles import Role
from matrix.staff.sign_in import throttle
from matrix.staff.sign_in.sessions import ClientInfo
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount, MakeDepartment

_NUMBERS = count(1)
CITY = Principal(10**6, "市", {right: PermissionScope(everywhere=True) for right in Permission})


@pytest.fixture
def police(make_department: MakeDepartment) -> Department:
    return make_department("police", name="公安局")


@pytest.fixture
def station(make_department: MakeDepartment, police: Department) -> Department:
    return make_department("station", below=police, name="派出所")


def hire(name: str, home: Department | None, role: Role | None = None, **more: date) -> Staff:
    sign_in_name = f"p{next(_NUMBERS)}00"
    home_id = home.id if home else None
    person = members.create(sign_in_name=sign_in_name, name=name, department_id=home_id, now=NOW)
    if role:
        grants.create(
            person.id, GrantSpec(role=role, department_id=home_id, **more), by=None, now=NOW
        )
    return person


def found(member: Principal, **wanted: object) -> list[str]:
    page = directory.list_for_staff(member, StaffFilter(**wanted), now=NOW)  # type: ignore[arg-type]  # the test names the fields
    return [card.person.name for card in page.items]


def test_each_filter_finds_its_people(police: Department, station: Department) -> None:
    hire("甲某", None, Role.MATRIX_ADMIN)
    hire("乙某", police, Role.EDITOR)
    hire("丙某", station, Role.CLERK)
    hire("丁某", station, Role.EDITOR, ends_on=date(2026, 3, 9))
    members.disable(hire("戊_某", police).id, now=NOW)

    assert sorted(found(CITY)) == sorted(["甲某", "乙某", "丙某", "丁某", "戊_某"])
    assert found(CITY, query="_") == ["戊_某"]
    assert sorted(found(CITY, department_id=station.id)) == sorted(["丙某", "丁某"])
    assert len(found(CITY, department_id=police.id)) == 4
    assert found(CITY, role=Role.EDITOR) == ["乙某"], "what is over does not count"
    assert found(CITY, state=StaffState.DISABLED) == ["戊_某"]


def test_a_department_finds_its_own(police: Department, station: Department) -> None:
    hire("甲某", None)
    hire("乙某", police)
    hire("丙某", station)
    own = Principal(
        10**6, "所", {Permission.STAFF_READ: PermissionScope(departments=frozenset({station.id}))}
    )
    assert found(own) == ["丙某"]
    assert found(own, department_id=police.id) == ["丙某"]
    with pytest.raises(Forbidden):
        found(Principal(10**6, "编辑"))


def test_pages_follow_each_other_also_among_namesakes(
    police: Department, station: Department
) -> None:
    hired = [hire(f"张{'三四五'[n % 3]}", [police, station, None][n // 3]) for n in range(9)]
    seen: list[int] = []
    after = None
    while True:
        page = directory.list_for_staff(CITY, StaffFilter(), after=after, now=NOW, size=2)
        seen += [card.person.id for card in page.items]
        after = page.next_id
        if after is None:
            break
    assert sorted(seen) == sorted(person.id for person in hired)
    assert len(seen) == 9


def test_a_page_asks_as_much_for_many_as_for_one(police: Department) -> None:
    def asked() -> int:
        statements = []
        listen = lambda *told: statements.append(told[2])  # noqa: E731 - the listener is taken off again
        event.listen(database.engine(), "before_cursor_execute", listen)
        page = directory.list_for_staff(CITY, StaffFilter(), now=NOW)
        directory.scope_names(
            [card.person for card in page.items],
            [grant for card in page.items for grant in card.grants],
        )
        event.remove(database.engine(), "before_cursor_execute", listen)
        return len(statements)

    hire("一", police, Role.EDITOR)
    few = asked()
    for number in range(20):
        hire(f"人{number}", police, Role.CLERK)
    assert asked() == few


def test_a_locked_name_shows(police: Department) -> None:
    person, other = hire("甲", police), hire("乙", police)
    for _ in range(5):
        throttle.admit_sign_in(person.sign_in_name, ClientInfo("192.0.2.1"), now=NOW)
    page = directory.list_for_staff(CITY, StaffFilter(), now=NOW)
    assert {card.person.id: card.is_locked for card in page.items} == {
        person.id: True,
        other.id: False,
    }


def test_places_are_a_tree_within_reach(
    police: Department,
    station: Department,
    make_department: MakeDepartment,
    make_account: MakeAccount,
) -> None:
    make_department("hrss", name="人社局")
    account = make_account(1, department=station)
    everything = directory.scopes_for_staff(CITY, Permission.STAFF_MANAGE)
    assert (police.id, "公安局", 0) in everything.departments
    place = everything.departments.index((police.id, "公安局", 0))
    assert everything.departments[place + 1] == (station.id, "派出所", 1)
    assert everything.is_city_wide

    area = PermissionScope(departments=frozenset({station.id}), accounts=frozenset({account.id}))
    own = directory.scopes_for_staff(
        Principal(1, "所", {Permission.STAFF_MANAGE: area}), Permission.STAFF_MANAGE
    )
    assert own.departments == [(station.id, "派出所", 0)]
    assert own.accounts == [(account.id, account.name)]
    assert not own.is_city_wide


def test_names_say_where(police: Department, make_account: MakeAccount) -> None:
    account = make_account(1)
    person = hire("甲", police, Role.EDITOR)
    grants.create(person.id, GrantSpec(role=Role.AGENT, account_id=account.id), by=None, now=NOW)
    grants.create(person.id, GrantSpec(role=Role.CLERK), by=None, now=NOW)
    standing = grants.list_current([person.id])
    names = directory.scope_names([person], standing)
    assert [names.of_grant(each) for each in standing] == [
        "公安局",
        f"公众号“{account.name}”",
        "全市",
    ]
    assert names.of_department(person.department_id) == "公安局"


def test_every_permission_has_its_label() -> None:
    assert all(not permission.label.isascii() for permission in Permission)
