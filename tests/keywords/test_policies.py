"""Policies: what the nearest department says, and who may say it."""

from collections.abc import Callable
from datetime import date

import pytest

from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from keywords import policies
from keywords.policies import Policy, PolicyChanged
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")


def say(department: int, *, review: bool, months: int = 6, version: int = 0) -> None:
    policies.set_policy(
        department, needs_review=review, review_months=months, version=version, now=NOW
    )


def test_the_nearest_department_decides(make_department: Callable[[str], int]) -> None:
    city, police, station, noise = map(make_department, ("city", "police", "station", "noise"))
    assert policies.nearest([station, police, city]) == Policy()
    say(city, review=False)
    say(noise, review=False, months=1)
    assert policies.nearest([station, police, city]) == Policy(False, 6, city, 1)
    say(police, review=True, months=3)
    assert policies.nearest([station, police, city]).department_id == police

    policies.clear(police, version=1)

    assert policies.nearest([station, police, city]).department_id == city


def test_a_policy_changed_by_another_is_not_written_over(
    make_department: Callable[[str], int],
) -> None:
    police = make_department("police")
    say(police, review=False)
    say(police, review=True, version=1)
    for late in (
        lambda: say(police, review=False, version=1),
        lambda: say(police, review=False, version=0),
        lambda: policies.clear(police, version=1),
    ):
        with pytest.raises(PolicyChanged):
            late()
    with pytest.raises(Invalid):
        say(police, review=True, months=0, version=2)
    assert policies.nearest([police]).needs_review


def test_a_policy_is_there_for_those_of_the_department(
    make_department: Callable[[str], int],
) -> None:
    police, water = make_department("police"), make_department("water")
    say(police, review=False)
    area = Area(departments=frozenset({police}))
    member = Member(1, "", {Right.DEPARTMENTS_MANAGE: area})
    row = policies.access_policy(member, police, Right.DEPARTMENTS_MANAGE)
    assert row is not None
    assert not row.needs_review
    with pytest.raises(NotFound):
        policies.access_policy(member, water, Right.DEPARTMENTS_MANAGE)


@pytest.mark.parametrize(
    ("months", "today", "day"),
    [
        (12, date(2026, 3, 10), date(2027, 3, 10)),
        (1, date(2026, 1, 31), date(2026, 2, 28)),
        (6, date(2026, 8, 31), date(2027, 2, 28)),
    ],
)
def test_the_day_of_review_is_a_day_of_the_calendar(months: int, today: date, day: date) -> None:
    assert Policy(review_months=months).review_by(today) == day
