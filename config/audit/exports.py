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

from config import audit, clock
from config.audit import AuditEntry, diff, labels, search
from config.permissions import Permission, Principal
from config.security import formula_escape

MAX_ROWS = 10_000
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
_TRUNCATED_NOTE = f"结果较多，只导出了最近的 {MAX_ROWS} 行；请缩小筛选范围后再次导出。"
_MAX_CELL_LENGTH = 32_000
_BATCH_SIZE = 1000


class ExportFormat(StrEnum):
    """What kind of file."""

    XLSX = "xlsx"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to hand out. `is_cut` when there was more than `rows`."""

    name: str
    mime: str
    body: bytes
    rows: int
    is_truncated: bool


def export_entries(
    member: Principal,
    query: search.Query,
    file_format: ExportFormat,
    *,
    resolve_names: Callable[[Iterable[AuditEntry]], diff.NamesByField],
    now: datetime,
) -> ExportFile:
    """What a search finds where the member may export, the newest first.

    `names` tells what the ids in some rows stand for. Raises Forbidden when the member may
    export nothing, Invalid for a range of days that ends before it begins.
    """
    member.require_anywhere(Permission.AUDIT_EXPORT)
    entries, is_truncated = _fetch_rows(member, query)
    mime, body = _WRITERS[file_format](
        [
            *_table_rows(entries, resolve_names(entries)),
            *([[_TRUNCATED_NOTE]] if is_truncated else []),
        ]
    )
    audit.record(
        "audit.export",
        kind="audit",
        object_id=file_format.value,
        label="操作记录",
        department_id=_single_department(member),
        after={
            "filter": _filter_as_json(query),
            "rows": len(entries),
            "cut": is_truncated,
            "format": file_format.value,
        },
    )
    name = f"操作记录-{clock.local(now):%Y%m%d-%H%M}.{file_format.value}"
    return ExportFile(name, mime, body, len(entries), is_truncated)


def _fetch_rows(member: Principal, query: search.Query) -> tuple[list[AuditEntry], bool]:
    scope, before = member.scope(Permission.AUDIT_EXPORT), None
    entries: list[AuditEntry] = []
    while len(entries) <= MAX_ROWS:
        page = search.search_in_scope(scope, query, before=before, size=_BATCH_SIZE)
        entries += page.rows
        before = page.next_before
        if before is None:
            break
    return entries[:MAX_ROWS], len(entries) > MAX_ROWS


def _single_department(member: Principal) -> int | None:
    """The department of who may export for one alone: its administrator sees the export too."""
    departments = member.scope(Permission.AUDIT_EXPORT).departments
    return next(iter(departments)) if len(departments) == 1 else None


def _filter_as_json(query: search.Query) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(query).items()
        if value not in ("", None)
    }


def _table_rows(entries: Iterable[AuditEntry], names: diff.NamesByField) -> Iterator[list[str]]:
    for entry in entries:
        yield [
            str(entry.id),
            f"{clock.local(entry.at):%Y-%m-%d %H:%M:%S}",
            _cell_text(labels.actor(entry.actor_label)),
            _cell_text(labels.action(entry.action)),
            _cell_text(labels.kind(entry.object_kind)),
            _cell_text(entry.object_label),
            _cell_text(entry.object_id),
            _cell_text("\n".join(_change_text(change) for change in diff.changes(entry, names))),
            _cell_text(entry.reason),
            _cell_text(entry.address),
            _cell_text(entry.request_id),
        ]


def _change_text(change: diff.FieldChange) -> str:
    if not change.before:
        return f"{change.field}：{change.after}"
    return f"{change.field}：{change.before} → {change.after or '（无）'}"


def _cell_text(text: str) -> str:
    return formula_escape.escape(
        text if len(text) <= _MAX_CELL_LENGTH else f"{text[:_MAX_CELL_LENGTH]}…"
    )


def _to_xlsx(lines: Iterable[list[str]]) -> tuple[str, bytes]:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("操作记录")
    sheet.freeze_panes = "A2"
    for row in (list(HEADINGS), *lines):
        sheet.append(row)
    buffer = BytesIO()
    workbook.save(buffer)
    return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", buffer.getvalue()


def _to_csv(lines: Iterable[list[str]]) -> tuple[str, bytes]:
    buffer = StringIO()
    csv.writer(buffer).writerows((HEADINGS, *lines))
    # with its mark at the front, Excel reads the Chinese right
    return "text/csv; charset=utf-8", buffer.getvalue().encode("utf-8-sig")


_WRITERS: dict[ExportFormat, Callable[[Iterable[list[str]]], tuple[str, bytes]]] = {
    ExportFormat.XLSX: _to_xlsx,
    ExportFormat.CSV: _to_csv,
}
