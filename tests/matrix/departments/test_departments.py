"""Departments: a tree that changes its shape and keeps its past."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config import cache_versions
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission
from matrix import departments
from matrix.departments import DepartmentClosed, DepartmentCycle
from tests.helpers import NOW
from tests.matrix.conftest import EVERYWHERE, MakeDepartment, principal_of

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_the_tree_knows_who_stands_above_and_below(make_department: MakeDepartment) -> None:
    city = make_department("city")
    police = make_department("police", below=city)
    station = make_department("station", below=police)
    make_department("water", below=city)

    tree = departments.tree()

    assert tree.above(station.id) == (police.id, city.id)
    assert tree.within(police.id) == (police.id, station.id)
    assert len(tree.within(city.id)) == 4


def test_a_renamed_department_remembers_what_it_was_called(make_department: MakeDepartment) -> None:
    bureau = make_department("health", name="卫生局")

    departments.rename(bureau.id, "卫生和计划生育局", now=NOW)
    departments.rename(bureau.id, "卫生健康局", now=NOW)
    departments.rename(bureau.id, "卫生健康局", now=NOW)

    assert departments.get_by_slug("health").name == "卫生健康局"
    assert departments.former_names(bureau.id) == ["卫生局", "卫生和计划生育局"]


def test_a_merged_department_is_answered_for_by_its_successor(
    make_department: MakeDepartment,
) -> None:
    city = make_department("city")
    family = make_department("family", below=city)
    health = make_department("health", below=city)

    departments.merge(family.id, into=health.id)

    assert departments.tree().within(health.id) == (health.id, family.id)
    with pytest.raises(DepartmentClosed):
        departments.rename(family.id, "新名", now=NOW)
    with pytest.raises(DepartmentClosed):
        departments.merge(health.id, into=family.id)


def test_no_department_comes_to_stand_below_itself(make_department: MakeDepartment) -> None:
    city = make_department("city")
    police = make_department("police", below=city)

    with pytest.raises(DepartmentCycle):
        departments.move(city.id, police.id)
    with pytest.raises(DepartmentCycle):
        departments.merge(city.id, into=police.id)
    departments.move(police.id, None)
    assert departments.tree().above(police.id) == ()


def test_a_code_belongs_to_one_department(make_department: MakeDepartment) -> None:
    make_department("police")

    with pytest.raises(Invalid, match="police"):
        make_department("police")
    with pytest.raises(NotFound):
        departments.get_by_slug("water")


def test_every_change_is_audited_and_announced(make_department: MakeDepartment) -> None:
    bureau = make_department("health")
    departments.rename(bureau.id, "卫生健康局", now=NOW)
    departments.update(bureau.id, kind=bureau.kind, phone=bureau.phone, details=bureau.details)

    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()

    assert [row.action for row in rows] == ["department.create", "department.rename"]
    assert rows[1].before is not None
    assert rows[1].before["name"] == "health局"
    assert cache_versions.current()["departments"] == 2


def test_a_department_is_there_only_for_who_has_the_right_in_it(
    make_department: MakeDepartment,
) -> None:
    mine, noise = make_department("police"), make_department("hrss")
    member = principal_of(mine.id, Permission.DEPARTMENTS_MANAGE)
    right = Permission.DEPARTMENTS_MANAGE

    assert departments.access_department(member, mine.id, right) is mine
    assert departments.list_for_staff(member, right) == [mine]
    for department_id in (noise.id, noise.id + 1):
        with pytest.raises(NotFound):
            departments.access_department(member, department_id, right)
    with pytest.raises(NotFound):
        departments.access_department(member, mine.id, Permission.STAFF_MANAGE)


def test_an_outline_reads_as_a_tree_and_shows_a_merged_one_below_its_successor(
    make_department: MakeDepartment,
) -> None:
    city = make_department("city", name="A市")
    late, early = (make_department(code, below=city, name=code) for code in ("z", "b"))
    leaf = make_department("leaf", below=late, name="c")
    departments.merge(leaf.id, into=early.id)
    other = make_department("other", name="B县")

    rows = departments.list_for_staff(EVERYWHERE, Permission.DEPARTMENTS_MANAGE)
    drawn = [(row.slug, depth) for row, depth in departments.outline(rows)]

    assert drawn == [("city", 0), ("b", 1), ("leaf", 2), ("z", 1), ("other", 0)]
    within = departments.outline([row for row in rows if row not in (city, other)])
    assert [depth for _, depth in within] == [0, 1, 0], "whose parent is hidden stands at the top"


def test_former_names_of_many_come_in_one_answer(make_department: MakeDepartment) -> None:
    first, noise = make_department("police", name="公安处"), make_department("hrss")
    departments.rename(first.id, "公安分局", now=NOW)
    departments.rename(first.id, "公安局", now=NOW + timedelta(days=1))
    session.flush()

    assert departments.former_names_by_department([first.id, noise.id]) == {
        first.id: ["公安处", "公安分局"]
    }


def test_a_name_given_to_an_older_state_is_refused(make_department: MakeDepartment) -> None:
    department = make_department("police", name="公安处")
    departments.rename(department.id, "公安分局", now=NOW, version=1)

    with pytest.raises(Stale):
        departments.rename(department.id, "公安局", now=NOW, version=1)
    with pytest.raises(Stale):
        departments.update(department.id, kind="", phone="1", details={}, version=1)

    assert department.name == "公安分局"


def test_no_department_is_created_below_a_closed_one(make_department: MakeDepartment) -> None:
    closed, into, moved = (make_department(code) for code in ("old", "new", "third"))
    departments.merge(closed.id, into=into.id)

    with pytest.raises(departments.DepartmentClosed):
        departments.move(moved.id, closed.id)
