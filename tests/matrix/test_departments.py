"""Departments: a tree that changes its shape and keeps its past."""

import pytest
from sqlalchemy import select

from config import revisions
from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from matrix import departments
from matrix.departments import DepartmentClosed, TreeKnot
from tests.fixtures import NOW
from tests.matrix.conftest import MakeDepartment

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

    assert departments.by_code("health").name == "卫生健康局"
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

    with pytest.raises(TreeKnot):
        departments.move(city.id, police.id)
    with pytest.raises(TreeKnot):
        departments.merge(city.id, into=police.id)
    departments.move(police.id, None)
    assert departments.tree().above(police.id) == ()


def test_a_code_belongs_to_one_department(make_department: MakeDepartment) -> None:
    make_department("police")

    with pytest.raises(Invalid, match="police"):
        make_department("police")
    with pytest.raises(NotFound):
        departments.by_code("water")


def test_every_change_is_audited_and_announced(make_department: MakeDepartment) -> None:
    bureau = make_department("health")
    departments.rename(bureau.id, "卫生健康局", now=NOW)
    departments.describe(bureau.id, kind=bureau.kind, phone=bureau.phone, details=bureau.details)

    rows = session.scalars(select(Entry).order_by(Entry.id)).all()

    assert [row.action for row in rows] == ["department.add", "department.rename"]
    assert rows[1].before is not None
    assert rows[1].before["name"] == "health局"
    assert revisions.current()["departments"] == 2
