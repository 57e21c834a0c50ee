"""Directory: departments as citizens look them up, with duties, phone, address and office hours.

    Department (row) ── list_cards ──> DepartmentCard (frozen), one for each department at work

A merged department has no card; its names lead to its successor's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from sqlalchemy import select

from config.database import session
from matrix import departments
from matrix.departments import Department, DepartmentState

# "08:30-12:00", with the dashes that Chinese keyboards produce
_SPAN = re.compile(r"\s*(\d{1,2}):([0-5]\d)\s*[-–—~至]\s*(\d{1,2}):([0-5]\d)\s*")
# how files say that an office is closed on weekends and holidays
CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When an office is open, in the words of its department; empty where nobody wrote any.

    `weekend` covers all days off; `closed` means that nobody is there.
    """

    weekday_am: str = ""
    weekday_pm: str = ""
    weekend: str = ""
    note: str = ""

    @classmethod
    def from_details(cls, shape: object) -> "OfficeHours":
        """The hours of a department's details, as far as they are texts."""
        values = shape if isinstance(shape, Mapping) else {}
        return cls(**{name: str(values.get(name, "")).strip() for name in cls.__dataclass_fields__})

    def __str__(self) -> str:
        weekdays = "、".join(filter(None, (self.weekday_am, self.weekday_pm))).replace("-", "–")
        parts = [f"工作日 {weekdays}" if weekdays else ""]
        if self.weekend == CLOSED:
            parts.append("周末和节假日休息")
        elif self.weekend:
            parts.append(f"周末和节假日 {self.weekend.replace('-', '–')}")
        text = "，".join(filter(None, parts))
        return f"{text}（{self.note}）" if text and self.note else text or self.note

    def is_open(self, at: time, *, is_workday: bool) -> bool | None:
        """Whether somebody is there at a wall-clock time; None where the hours do not tell."""
        if not is_workday and self.weekend == CLOSED:
            return False
        written = (self.weekday_am, self.weekday_pm) if is_workday else (self.weekend,)
        spans = [span for span in map(_span, written) if span is not None]
        return any(start <= at < end for start, end in spans) if spans else None


@dataclass(frozen=True, slots=True)
class DepartmentCard:
    """One department as citizens see it.

    `short_names` are those it goes by today, `other_names` those of old documents: former names,
    and the names of departments that were merged into it.
    """

    id: int
    slug: str
    name: str
    short_names: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    phone: str = ""
    address: str = ""
    hours: OfficeHours = OfficeHours()


def list_cards() -> tuple[DepartmentCard, ...]:
    """The departments at work, in the order in which they were founded. Two queries."""
    rows = list(session.scalars(select(Department).order_by(Department.id)))
    former = departments.former_names_by_department(row.id for row in rows)
    merged: dict[int, list[str]] = {}
    for row in rows:
        if row.successor_id is not None:
            merged.setdefault(row.successor_id, []).extend((row.name, *former.get(row.id, ())))
    return tuple(
        _card(row, (*former.get(row.id, ()), *merged.get(row.id, ())))
        for row in rows
        if row.state is DepartmentState.ACTIVE
    )


def region_name() -> str:
    """The name of the city, such as 华阴市; empty where no file has said it."""
    roots = select(Department.details).where(Department.parent_id.is_(None))
    for details in session.scalars(roots):
        name = details.get("region", {}).get("name", "")
        if name:
            return str(name)
    return ""


def _card(row: Department, former_names: Iterable[str]) -> DepartmentCard:
    details = row.details
    return DepartmentCard(
        id=row.id,
        slug=row.slug,
        name=row.name,
        short_names=_texts(details, "short_names"),
        other_names=(*former_names, *_texts(details, "seed_names")),
        duties=_texts(details, "duties"),
        phone=row.phone,
        address=str(details.get("address", "")),
        hours=OfficeHours.from_details(details.get("hours")),
    )


def _texts(details: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in details.get(name, ()))


def _span(text: str) -> tuple[time, time] | None:
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
    if start_hour > 23 or end_hour > 23:
        return None
    return time(start_hour, start_minute), time(end_hour, end_minute)
