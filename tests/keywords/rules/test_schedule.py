"""Schedules: days and hours as people mean them."""

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords.rules.schedule import ALWAYS, Days, Schedule, Span, is_workday

NIGHT = (Span(time(22), time(6)),)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of January 2026 on the wall clock; the 1st is a Thursday."""
    return datetime(2026, 1, day, hour, minute)  # noqa: DTZ001 - wall clock


@pytest.mark.parametrize(
    ("hour", "minute", "is_open"),
    [(21, 59, False), (22, 0, True), (0, 0, True), (5, 59, True), (6, 0, False), (12, 0, False)],
)
def test_hours_may_run_over_midnight(hour: int, minute: int, is_open: bool) -> None:
    assert Schedule(hours=NIGHT).is_open(at(15, hour, minute)) is is_open


def test_a_night_belongs_to_the_day_it_began_on() -> None:
    fridays = Schedule(weekdays=frozenset({5}), hours=NIGHT)
    assert fridays.is_open(at(16, 23))
    assert fridays.is_open(at(17, 2))
    assert not fridays.is_open(at(16, 2))
    assert not fridays.is_open(at(17, 23))


def test_a_make_up_saturday_is_a_workday_and_a_holiday_is_none() -> None:
    workdays, restdays = Schedule(days=Days.WORKDAYS), Schedule(days=Days.RESTDAYS)
    make_up = datetime(2026, 2, 28, 10)  # noqa: DTZ001 - wall clock
    assert make_up.isoweekday() == 6
    assert workdays.is_open(make_up)
    assert not restdays.is_open(make_up)
    assert not workdays.is_open(at(1, 10))
    assert restdays.is_open(at(1, 10))


def test_beyond_the_published_holidays_monday_to_friday_are_workdays() -> None:
    is_workday.cache_clear()
    assert is_workday(date(2099, 1, 1))  # a Thursday
    assert not is_workday(date(2099, 1, 3))


def test_valid_dates_include_both_ends() -> None:
    january = Schedule(valid_from=date(2026, 1, 10), valid_to=date(2026, 1, 20))
    assert not january.is_open(at(9, 23, 59))
    assert january.is_open(at(10, 0))
    assert january.is_open(at(20, 23, 59))
    assert not january.is_open(at(21, 0))


def test_equal_ends_are_the_whole_day() -> None:
    whole = Schedule(hours=(Span(time(8), time(8)),))
    assert whole.is_open(at(5, 7))
    assert whole.is_open(at(5, 9))


def test_only_an_unrestricted_schedule_counts_as_none() -> None:
    assert not ALWAYS
    assert Schedule(weekdays=frozenset({1}))


@given(st.integers(0, 23), st.integers(0, 23), st.integers(0, 23), st.integers(5, 20))
def test_a_span_is_open_exactly_between_its_ends(start: int, end: int, hour: int, day: int) -> None:
    schedule = Schedule(hours=(Span(time(start), time(end)),))
    inside = {(start + step) % 24 for step in range((end - start) % 24 or 24)}
    assert schedule.is_open(at(day, hour)) is (hour in inside)
