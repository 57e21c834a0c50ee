"""Policies: what the nearest department says, and who may say it."""

from collections.abc import Callable
from datetime import date

import pytest

from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission, PermissionScope, Principal
from keywords.rules import review_policies
from keywords.rules.review_policies import ReviewPolicy
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")


def set_policy(department: int, *, review: bool, months: int = 6, version: int = 0) -> None:
    review_policies.set_policy(
        department, needs_review=review, review_months=months, version=version, now=NOW
    )


def test_the_nearest_department_decides(make_department: Callable[[str], int]) -> None:
    city, police, station, noise = map(make_department, ("city", "police", "station", "noise"))
    assert review_policies.nearest([station, police, city]) == ReviewPolicy()
    set_policy(city, review=False)
    set_policy(noise, review=False, months=1)
    assert review_policies.nearest([station, police, city]) == ReviewPolicy(False, 6, city, 1)
    set_policy(police, review=True, months=3)
    assert review_policies.nearest([station, police, city]).department_id == police

    review_policies.clear(police, version=1)

    assert review_policies.nearest([station, police, city]).department_id == city


def test_a_policy_changed_by_another_is_not_written_over(
    make_department: Callable[[str], int],
) -> None:
    police = make_department("police")
    set_policy(police, review=False)
    set_policy(police, review=True, version=1)
    for late in (
        lambda: set_policy(police, review=False, version=1),
        lambda: set_policy(police, review=False, version=0),
        lambda: review_policies.clear(police, version=1),
    ):
        with pytest.raises(Stale):
            late()
    with pytest.raises(Invalid):
        set_policy(police, review=True, months=0, version=2)
    assert review_policies.nearest([police]).needs_review


def test_a_policy_is_there_for_those_of_the_department(
    make_department: Callable[[str], int],
) -> None:
    police, water = make_department("police"), make_department("water")
    set_policy(police, review=False)
    area = PermissionScope(departments=frozenset({police}))
    member = Principal(1, "", {Permission.DEPARTMENTS_MANAGE: area})
    row = review_policies.access_policy(member, police, Permission.DEPARTMENTS_MANAGE)
    assert row is not None
    assert not row.needs_review
    with pytest.raises(NotFound):
        review_policies.access_policy(member, water, Permission.DEPARTMENTS_MANAGE)


@pytest.mark.parametrize(
    ("months", "today", "day"),
    [
        (12, date(2026, 3, 10), date(2027, 3, 10)),
        (1, date(2026, 1, 31), date(2026, 2, 28)),
        (6, date(2026, 8, 31), date(2027, 2, 28)),
    ],
)
def test_the_day_of_review_is_a_day_of_the_calendar(months: int, today: date, day: date) -> None:
    assert ReviewPolicy(review_months=months).review_by(today) == day
