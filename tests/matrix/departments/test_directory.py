"""Directory: cards of the departments at work, and when an office is open."""

from datetime import time

import pytest

from matrix import departments
from matrix.departments import directory
from matrix.departments.directory import OfficeHours
from tests.helpers import NOW
from tests.matrix.conftest import MakeDepartment

HOURS = OfficeHours("08:30-12:00", "14:00—18:00", "closed")


@pytest.mark.parametrize(
    ("at", "is_workday", "is_open"),
    [
        (time(8, 29), True, False),
        (time(8, 30), True, True),
        (time(12, 0), True, False),
        (time(14, 0), True, True),
        (time(9, 0), False, False),
    ],
)
def test_an_office_is_open_in_its_spans(at: time, is_workday: bool, is_open: bool) -> None:
    assert HOURS.is_open(at, is_workday=is_workday) is is_open


@pytest.mark.parametrize("written", ["", "上午", "25:00-26:00", "08:30"])
def test_hours_that_tell_nothing_leave_it_open(written: str) -> None:
    assert OfficeHours(written).is_open(time(9), is_workday=True) is None
    assert HOURS.is_open(time(9), is_workday=False) is False
    assert OfficeHours("08:30-12:00").is_open(time(9), is_workday=False) is None


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (HOURS, "工作日 08:30–12:00、14:00—18:00，周末和节假日休息"),
        (OfficeHours(weekend="09:00-12:00"), "周末和节假日 09:00–12:00"),
        (OfficeHours("08:30-12:00", note="夏季另行通知"), "工作日 08:30–12:00（夏季另行通知）"),
        (OfficeHours(note="全天有人"), "全天有人"),
        (OfficeHours(), ""),
    ],
)
def test_hours_are_said_in_a_line(hours: OfficeHours, text: str) -> None:
    assert str(hours) == text


@pytest.mark.parametrize("shape", [None, "08:30", [], {"weekday_am": 8, "other": "x"}])
def test_hours_of_any_shape_are_read_as_texts(shape: object) -> None:
    read = OfficeHours.from_details(shape)

    assert read.weekday_am in ("", "8")
    assert read.weekday_pm == read.weekend == read.note == ""


@pytest.mark.usefixtures("rolled_back")
def test_a_merged_departments_names_lead_to_its_successor(make_department: MakeDepartment) -> None:
    price, market = make_department("price", name="物价局"), make_department("market")
    departments.rename(price.id, "价格监督局", now=NOW)
    departments.rename(market.id, "市场监管局", now=NOW)
    departments.merge(price.id, into=market.id)
    departments.update(
        market.id,
        kind="",
        phone="0913-1",
        details={"duties": ["年报"], "short_names": ["市监局"], "seed_names": ["工商"]},
    )

    (card,) = directory.list_cards()

    assert (card.name, card.phone, card.duties) == ("市场监管局", "0913-1", ("年报",))
    assert card.short_names == ("市监局",)
    assert set(card.other_names) >= {"物价局", "价格监督局", "工商"}


@pytest.mark.usefixtures("rolled_back")
def test_the_citys_name_stands_at_the_top_of_the_tree(make_department: MakeDepartment) -> None:
    assert directory.region_name() == ""
    city = make_department("city")
    below = make_department("police", below=city)
    for department, name in ((below, "别处"), (city, "华阴市")):
        departments.update(department.id, kind="", phone="", details={"region": {"name": name}})

    assert directory.region_name() == "华阴市"
