"""Departments in the console: the tree, changed only by who manages that part of it."""

from typing import Any

import pytest
from sqlalchemy import select

from app import snapshots
from config import clock
from config.audit import AuditEntry
from config.database import session, transaction
from matrix import departments
from matrix.departments import Department, DepartmentState
from tests.helpers.console import Console

URL = "/console/departments"


@pytest.fixture
def police(console: Console) -> int:
    found = console.department_id("police")
    assert found is not None
    return found


def row(department_id: int) -> Department:
    with transaction():
        return session.get_one(Department, department_id)


def by_name(name: str) -> Department | None:
    with transaction():
        return session.scalars(select(Department).where(Department.name == name)).one_or_none()


def typed(**changes: Any) -> dict[str, Any]:
    return {"name": "公安局", "kind": "", "phone": "", "duties": "", "version": 1} | changes


def test_the_tree_shows_what_one_manages(console: Console) -> None:
    everything = console.client("matrix_admin").get(f"{URL}/").text
    own = console.client("department_admin", "police").get(f"{URL}/").text

    assert all(name in everything for name in ("市委网信办", "公安局", "人社局"))
    assert "公安局" in own
    assert "人社局" not in own
    assert console.client("editor", "police").get(f"{URL}/").status_code == 403


def test_a_department_of_others_is_not_there(console: Console, police: int) -> None:
    stranger, clerk = console.client("department_admin", "hrss"), console.client("clerk", "police")
    for path in ("/edit", "/move", "/merge"):
        assert stranger.get(f"{URL}/{police}{path}").status_code == 404, path
        assert clerk.get(f"{URL}/{police}{path}").status_code == 403, path
    for path in ("/edit", "/move", "/merge/now"):
        assert stranger.post(f"{URL}/{police}{path}").status_code == 404, path


def test_a_department_is_created_below_one_that_is_managed(console: Console, police: int) -> None:
    client = console.client("department_admin", "police")
    page = client.get(f"{URL}/new?parent={police}").text
    assert "（最上级）" not in page
    wanted = {"name": "城关派出所", "parent": police, "kind": "", "phone": "", "code": ""}

    assert client.post(f"{URL}/new", wanted | {"duties": "户籍\n\n身份证"}).status_code == 303

    made = by_name("城关派出所")
    assert made is not None
    assert (made.parent_id, made.details) == (police, {"duties": ["户籍", "身份证"]})
    for elsewhere in (console.department_id("hrss"), 0):
        refused = client.post(f"{URL}/new", wanted | {"name": "别处", "parent": elsewhere})
        assert refused.status_code == 422
    assert by_name("别处") is None


def test_only_the_citys_administrators_create_at_the_top(console: Console) -> None:
    client = console.client("matrix_admin")
    wanted = {"name": "华山景区", "parent": 0, "kind": "", "phone": "", "duties": ""}

    assert client.post(f"{URL}/new", wanted | {"code": "police"}).status_code == 422
    answer = client.post(f"{URL}/new", wanted | {"code": "police"})
    assert "已被其他单位使用" in answer.text
    assert client.post(f"{URL}/new", wanted | {"code": "huashan"}).status_code == 303


def test_a_renamed_department_shows_what_it_was_called(console: Console, police: int) -> None:
    client = console.client("department_admin", "police")

    assert (
        client.post(
            f"{URL}/{police}/edit", typed(name="公安分局", phone="0913-0000101")
        ).status_code
        == 303
    )

    page = client.get(f"{URL}/").text
    assert "公安分局" in page
    assert "曾用名：公安局" in page
    assert row(police).phone == "0913-0000101"
    assert "公安分局" in client.get(f"{URL}/?q=公安局").text, "found by its former name"


def test_details_that_have_no_field_survive_a_change(console: Console, police: int) -> None:
    with transaction():
        details = {"duties": ["户籍"], "operator": "科室"}
        departments.update(police, kind="", phone="", details=details)

    console.client().post(f"{URL}/{police}/edit", typed(duties="", version=2))

    assert row(police).details == {"operator": "科室"}


def test_what_citizens_look_up_is_typed_and_answered_at_every_account(
    console: Console, police: int
) -> None:
    client = console.client("department_admin", "police")
    wanted = typed(
        phone="0913-0000101",
        address="太华路 1 号",
        short_names="公安\n市局",
        weekday_am="08:30-12:00",
        weekday_pm="14:00–18:00",
        weekend="休息",
        hours_note="夏季另行通知",
    )

    assert client.post(f"{URL}/{police}/edit", wanted).status_code == 303

    assert row(police).details == {
        "address": "太华路 1 号",
        "short_names": ["公安", "市局"],
        "hours": {
            "weekday_am": "08:30-12:00",
            "weekday_pm": "14:00–18:00",
            "weekend": "closed",
            "note": "夏季另行通知",
        },
    }
    page = client.get(f"{URL}/{police}/edit").text
    assert all(f'value="{text}"' in page for text in ("太华路 1 号", "08:30-12:00", "休息"))
    snapshots.refresh()
    answered = console.hub.push("hrss", console.hub.text("o1", "市局电话", to="hrss"))
    assert answered.text == "公安局\n电话：0913-0000101"


@pytest.mark.parametrize(
    ("field", "value"), [("weekday_am", "早上"), ("weekday_pm", "25:00-26:00"), ("weekend", "不上")]
)
def test_hours_that_nobody_could_read_are_refused(
    console: Console, police: int, field: str, value: str
) -> None:
    answer = console.client().post(f"{URL}/{police}/edit", typed(**{field: value}))

    assert answer.status_code == 422
    assert "应写成" in answer.text
    assert row(police).details == {}


def test_an_empty_name_is_said_at_its_field(console: Console, police: int) -> None:
    answer = console.client().post(f"{URL}/{police}/edit", typed(name=" ", phone="123"))

    assert answer.status_code == 422
    assert "请填写名称" in answer.text
    assert "123" in answer.text


def test_a_stale_change_says_who_was_first_and_offers_both(console: Console, police: int) -> None:
    first, second = console.client("department_admin", "police"), console.client()
    assert first.post(f"{URL}/{police}/edit", typed(phone="111")).status_code == 303

    late = second.post(f"{URL}/{police}/edit", typed(phone="222"))

    assert first.staff is not None
    assert late.status_code == 422
    for words in (first.staff.name, "111", "222"):
        assert words in late.text
    assert row(police).phone == "111"
    assert second.post(f"{URL}/{police}/edit", typed(phone="222", version=2)).status_code == 303
    assert row(police).phone == "222"


def test_a_department_moves_within_ones_reach_and_not_below_itself(
    console: Console, police: int
) -> None:
    with transaction():
        made = departments.create(
            slug="st", name="派出所", kind="", parent_id=police, now=clock.now()
        )
        station = made.id
    client = console.client("department_admin", "police")

    assert client.post(f"{URL}/{police}/move", {"target": station}).status_code == 422
    assert client.post(f"{URL}/{station}/move", {"target": 0}).status_code == 422
    assert console.client().post(f"{URL}/{station}/move", {"target": 0}).status_code == 303
    assert row(station).parent_id is None


def test_merging_says_what_it_means_asks_again_and_closes(console: Console, police: int) -> None:
    hrss = console.department_id("hrss")
    page = console.client().get(f"{URL}/{police}/merge").text
    for words in ("不能撤销", "华阴police", "人社局"):
        assert words in page
    late = console.client(fresh=False)
    assert late.post(f"{URL}/{police}/merge/now", {"target": hrss}).status_code == 403
    assert row(police).state is DepartmentState.ACTIVE

    client = console.client()
    assert client.post(f"{URL}/{police}/merge/now", {"target": hrss}).status_code == 303

    assert (row(police).state, row(police).successor_id) == (DepartmentState.MERGED, hrss)
    assert "已并入人社局" in client.get(f"{URL}/").text
    again = client.post(f"{URL}/{police}/merge/now", {"target": hrss})
    assert again.status_code == 422
    assert "不能再修改" in again.text
    with transaction():
        merged = select(AuditEntry).where(AuditEntry.action == "department.merge")
        assert len(session.scalars(merged).all()) == 1


def test_nobody_merges_into_what_they_do_not_manage(console: Console, police: int) -> None:
    client = console.client("department_admin", "police")

    answer = client.post(f"{URL}/{police}/merge/now", {"target": console.department_id("hrss")})

    assert answer.status_code == 422
    assert row(police).state is DepartmentState.ACTIVE
