"""Schedules: when a rule is awake.

    days      any · workdays · restdays      (make-up Saturdays are workdays)
    weekdays  1 Monday … 7 Sunday
    hours     from-to on the wall clock; 22:00-06:00 runs into the next day
    valid     first and last date

A span that runs over midnight belongs to the day it began on: "Fridays 22:00-06:00" still holds
on Saturday at 02:00, and all conditions on days are asked of that Friday.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

import chinese_calendar
from pydantic import AfterValidator, Field, PlainValidator

from config import logs
from config.validation import ErrorMessage, field_error

_log = logs.get_logger(__name__)
_ONE_DAY = timedelta(days=1)
_MIDNIGHT = 24
_INVALID_SPAN = "时段应写成 08:30-12:00，可以跨过午夜。"
# the dashes and tildes that Chinese keyboards produce, and 至 as people write it
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
        # the day alone decides; spans that run over midnight are asked about two days
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
        # knows the make-up Saturdays that the State Council publishes each year
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        _log.warning("no holidays published for this year; counting weekdays", year=day.year)
        return day.isoweekday() <= 5


# cached, because the same few office hours stand at most rules, and a start reads all rules
@lru_cache(maxsize=4096)
def parse_span(text: str) -> Span:
    """The span of a text such as 08:30-12:00. Raises PydanticCustomError with a Chinese message."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise field_error(_INVALID_SPAN)
    hours = [int(part) for part in found.groups()]
    if hours[0] == _MIDNIGHT or (hours[2] == _MIDNIGHT and hours[3]):
        raise field_error("时段应在 00:00 到 24:00 之间。")
    return Span(time(hours[0], hours[1]), time(hours[2] % _MIDNIGHT, hours[3]))


def _validate_span(value: object) -> Span:
    if isinstance(value, Span):
        return value
    if not isinstance(value, str):
        raise field_error(_INVALID_SPAN)
    return parse_span(value)


def _sort_days(days: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))


# the parts of a schedule as fields of a spec
_Weekday = Annotated[
    int, Field(strict=True, ge=1, le=7), ErrorMessage("星期用 1（周一）到 7（周日）表示。")
]
Hours = tuple[Annotated[Span, PlainValidator(_validate_span)], ...]
Weekdays = Annotated[tuple[_Weekday, ...], AfterValidator(_sort_days)]
