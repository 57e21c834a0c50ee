"""Exporting the audit: what a search found, as a file for Excel or as CSV.

Every cell is text that no spreadsheet takes for a formula. At most MOST_ROWS are written; a
file that was cut says so in its last row. The export leaves a row in the audit itself.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from io import BytesIO, StringIO
from typing import Any

from openpyxl import Workbook

from config import audit, cells, clock
from config.audit import Entry, reading, search, words
from config.tenancy import Member, Right

MOST_ROWS = 10_000
HEADINGS = (
    "编号",
    "时间",
    "人员",
    "操作",
    "对象类型",
    "对象",
    "对象编号",
    "变更内容",
    "原因",
    "网络地址",
    "请求编号",
)
_CUT = f"结果较多，只导出了最近的 {MOST_ROWS} 行；请缩小筛选范围后再次导出。"
_LONGEST_CELL = 32_000
_ROWS_AT_ONCE = 1000


class Format(StrEnum):
    """What kind of file."""

    XLSX = "xlsx"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand out. `is_cut` when there was more than `rows`."""

    name: str
    mime: str
    body: bytes
    rows: int
    is_cut: bool


def export(
    member: Member,
    query: search.Query,
    form: Format,
    *,
    names: Callable[[Iterable[Entry]], reading.Names],
    now: datetime,
) -> File:
    """What a search finds where the member may export, the newest first.

    `names` tells what the ids in some rows stand for. Raises Forbidden when the member may
    export nothing, Invalid for a range of days that ends before it begins.
    """
    member.require_anywhere(Right.AUDIT_EXPORT)
    found, is_cut = _found(member, query)
    mime, written = _WRITERS[form]([*_lines(found, names(found)), *([[_CUT]] if is_cut else [])])
    audit.record(
        "audit.export",
        kind="audit",
        object_id=form.value,
        label="操作记录",
        department_id=_only(member),
        after={"filter": _plain(query), "rows": len(found), "cut": is_cut, "format": form.value},
    )
    name = f"操作记录-{clock.local(now):%Y%m%d-%H%M}.{form.value}"
    return File(name, mime, written, len(found), is_cut)


def _found(member: Member, query: search.Query) -> tuple[list[Entry], bool]:
    area, before = member.area(Right.AUDIT_EXPORT), None
    found: list[Entry] = []
    while len(found) <= MOST_ROWS:
        page = search.find(area, query, before=before, size=_ROWS_AT_ONCE)
        found += page.rows
        before = page.older
        if before is None:
            break
    return found[:MOST_ROWS], len(found) > MOST_ROWS


def _only(member: Member) -> int | None:
    """The department of who may export for one alone: its administrator sees the export too."""
    departments = member.area(Right.AUDIT_EXPORT).departments
    return next(iter(departments)) if len(departments) == 1 else None


def _plain(query: search.Query) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(query).items()
        if value not in ("", None)
    }


def _lines(found: Iterable[Entry], names: reading.Names) -> Iterator[list[str]]:
    for entry in found:
        yield [
            str(entry.id),
            f"{clock.local(entry.at):%Y-%m-%d %H:%M:%S}",
            _text(words.actor(entry.actor_label)),
            _text(words.action(entry.action)),
            _text(words.kind(entry.object_kind)),
            _text(entry.object_label),
            _text(entry.object_id),
            _text("\n".join(_change(change) for change in reading.changes(entry, names))),
            _text(entry.reason),
            _text(entry.address),
            _text(entry.request_id),
        ]


def _change(change: reading.Change) -> str:
    if not change.before:
        return f"{change.field}：{change.after}"
    return f"{change.field}：{change.before} → {change.after or '（无）'}"


def _text(text: str) -> str:
    return cells.quoted(text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…")


def _xlsx(lines: Iterable[list[str]]) -> tuple[str, bytes]:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("操作记录")
    sheet.freeze_panes = "A2"
    for line in (list(HEADINGS), *lines):
        sheet.append(line)
    held = BytesIO()
    book.save(held)
    return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", held.getvalue()


def _csv(lines: Iterable[list[str]]) -> tuple[str, bytes]:
    held = StringIO()
    csv.writer(held).writerows((HEADINGS, *lines))
    # with its mark at the front, Excel reads the Chinese right
    return "text/csv; charset=utf-8", held.getvalue().encode("utf-8-sig")


_WRITERS: dict[Format, Callable[[Iterable[list[str]]], tuple[str, bytes]]] = {
    Format.XLSX: _xlsx,
    Format.CSV: _csv,
}
