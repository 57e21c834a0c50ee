"""Schedules: when a rule is awake.

    days      any · workdays · restdays      (make-up Saturdays are workdays)
    weekdays  1 Monday … 7 Sunday
    hours     from-to on the wall clock; 22:00-06:00 runs into the next day
    valid     first and last date

A span that runs over midnight belongs to the day it began on: "Fridays 22:00-06:00" still holds
on Saturday at 02:00, and all conditions on days are asked of that Friday.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import chinese_calendar

from config import logs
from config.errors import Invalid
from keywords.rules import fields

_log = logs.get_logger(__name__)
_ONE_DAY = timedelta(days=1)
_MIDNIGHT = 24
_SPAN = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*[-–—~至]\s*([01]?\d|2[0-4]):([0-5]\d)")


class Days(StrEnum):
    """Which days of the working calendar."""

    ANY = "any"
    WORKDAYS = "workdays"
    RESTDAYS = "restdays"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the day, from `start` up to but without `end`; `end` may lie on the next day.

    Equal ends mean the whole day.
    """

    start: time
    end: time

    @property
    def crosses_midnight(self) -> bool:
        """Whether the span ends on the day after it began."""
        return self.end <= self.start

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a rule is awake; empty parts do not restrict."""

    weekdays: frozenset[int] = frozenset()
    hours: tuple[Span, ...] = ()
    days: Days = Days.ANY
    valid_from: date | None = None
    valid_to: date | None = None

    def __bool__(self) -> bool:
        """Whether anything is restricted at all."""
        return self != ALWAYS

    def is_open(self, local: datetime) -> bool:
        """Whether the rule is awake at this wall-clock moment of the city."""
        today, clock = local.date(), local.time()
        if not self.hours:
            return self._is_day(today)
        for span in self.hours:
            if span.crosses_midnight:
                began_today, began_yesterday = clock >= span.start, clock < span.end
            else:
                began_today, began_yesterday = span.start <= clock < span.end, False
            if began_today and self._is_day(today):
                return True
            if began_yesterday and self._is_day(today - _ONE_DAY):
                return True
        return False

    def _is_day(self, day: date) -> bool:
        if self.weekdays and day.isoweekday() not in self.weekdays:
            return False
        if self.valid_from and day < self.valid_from:
            return False
        if self.valid_to and day > self.valid_to:
            return False
        return self.days is Days.ANY or is_workday(day) == (self.days is Days.WORKDAYS)


ALWAYS = Schedule()


@lru_cache(maxsize=512)
def is_workday(day: date) -> bool:
    """Whether offices work on this day.

    Past the last published year of the holiday calendar Monday to Friday count as workdays; the
    log says so once per day asked.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        _log.warning("no holidays published for this year; counting weekdays", year=day.year)
        return day.isoweekday() <= 5


def parse(shape: Mapping[str, Any]) -> Schedule:
    """Read weekdays, hours, days, valid_from and valid_to. Raises Invalid."""
    schedule = Schedule(
        weekdays=_weekdays(shape),
        hours=tuple(
            _span(written, f"hours[{at}]") for at, written in fields.numbered(shape, "hours")
        ),
        days=fields.one_of(shape, "days", Days, Days.ANY),
        valid_from=fields.day(shape, "valid_from"),
        valid_to=fields.day(shape, "valid_to"),
    )
    if schedule.valid_from and schedule.valid_to and schedule.valid_to < schedule.valid_from:
        raise Invalid(field="valid_to", problem="截止日期早于开始日期。")
    return schedule


def dump(schedule: Schedule) -> dict[str, Any]:
    """The shape that `parse` reads; what does not restrict is left out."""
    shape: dict[str, Any] = {}
    if schedule.weekdays:
        shape["weekdays"] = sorted(schedule.weekdays)
    if schedule.hours:
        shape["hours"] = [str(span) for span in schedule.hours]
    if schedule.days is not Days.ANY:
        shape["days"] = schedule.days.value
    for field in ("valid_from", "valid_to"):
        if day := getattr(schedule, field):
            shape[field] = day.isoformat()
    return shape


def _weekdays(shape: Mapping[str, Any]) -> frozenset[int]:
    listed = fields.rows(shape, "weekdays")
    for day in listed:
        if type(day) is not int or day not in range(1, 8):
            raise Invalid(field="weekdays", problem="星期用 1（周一）到 7（周日）表示。")
    return frozenset(listed)


def _span(written: object, field: str) -> Span:
    found = _SPAN.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None:
        raise Invalid(field=field, problem="时段应写成 08:30-12:00，可以跨过午夜。")
    hours = [int(part) for part in found.groups()]
    if hours[0] == _MIDNIGHT or (hours[2] == _MIDNIGHT and hours[3]):
        raise Invalid(field=field, problem="时段应在 00:00 到 24:00 之间。")
    return Span(time(hours[0], hours[1]), time(hours[2] % _MIDNIGHT, hours[3]))
