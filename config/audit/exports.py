"""The audit log as an Excel or CSV file: the entries that a search finds.

Every cell is text that spreadsheets do not run as a formula. At most MAX_ROWS rows are written; a
file that was truncated says so in its last row. The export itself is recorded in the log.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from io import BytesIO, StringIO

from openpyxl import Workbook

from config import audit, clock
from config.audit import AuditEntry, diff, labels, search
from config.audit.actions import ActionLabels, AuditAction, ObjectKind
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
# Excel's limit is 32,767 characters a cell
# (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3)
_MAX_CELL_LENGTH = 32_000
_BATCH_SIZE = 1000


class AuditLogAction(AuditAction, kind=ObjectKind("audit", "操作记录")):
    """What is recorded about the log itself."""

    EXPORT = "audit.export", "导出操作记录"


class ExportFormat(StrEnum):
    """The kind of file; the value is its extension."""

    XLSX = "xlsx"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to download. `rows` counts entries; `is_truncated` when the search found more."""

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
    action_labels: ActionLabels,
    resolve_names: Callable[[Iterable[AuditEntry]], diff.NamesByField],
    now: datetime,
) -> ExportFile:
    """The entries a search finds within the member's export permission, newest first.

    `resolve_names` gives the names of ids that occur in the entries, whose tables this package does
    not know. Raises Forbidden when the member may export nothing, Invalid for a range of days that
    ends before it begins.
    """
    member.require_anywhere(Permission.AUDIT_EXPORT)
    # before the entry of the export itself is written, which would
    # otherwise be the first row of the file
    entries, is_truncated = _fetch_rows(member, query)
    mime, body = _WRITERS[file_format](
        [
            *_table_rows(entries, action_labels, resolve_names(entries)),
            *([[_TRUNCATED_NOTE]] if is_truncated else []),
        ]
    )
    audit.record(
        AuditLogAction.EXPORT,
        owner=member,
        object_id=file_format.value,
        label="操作记录",
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
        # page by page, so that the scan limit of a search holds for each
        # and no statement runs into its timeout
        page = search.search_in_scope(scope, query, before=before, size=_BATCH_SIZE)
        entries += page.rows
        before = page.next_before
        if before is None:
            break
    return entries[:MAX_ROWS], len(entries) > MAX_ROWS


def _filter_as_json(query: search.Query) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(query).items()
        if value not in ("", None)
    }


def _table_rows(
    entries: Iterable[AuditEntry], action_labels: ActionLabels, names: diff.NamesByField
) -> Iterator[list[str]]:
    for entry in entries:
        yield [
            str(entry.id),
            f"{clock.local(entry.at):%Y-%m-%d %H:%M:%S}",
            _shorten(labels.actor(entry.actor_label)),
            _shorten(action_labels.action(entry.action)),
            _shorten(action_labels.kind(entry.object_kind)),
            _shorten(entry.object_label),
            _shorten(entry.object_id),
            _shorten("\n".join(_change_text(change) for change in diff.changes(entry, names))),
            _shorten(entry.reason),
            _shorten(entry.address),
            _shorten(entry.request_id),
        ]


def _change_text(change: diff.FieldChange) -> str:
    if not change.before:
        return f"{change.field}：{change.after}"
    return f"{change.field}：{change.before} → {change.after or '（无）'}"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_CELL_LENGTH else f"{text[:_MAX_CELL_LENGTH]}…"


def _to_xlsx(lines: Iterable[list[str]]) -> tuple[str, bytes]:
    # rows are streamed: a normal workbook keeps an object for each
    # cell, 110,000 of them at the limit
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("操作记录")
    # the headings stay in view while the reader scrolls
    sheet.freeze_panes = "A2"
    for row in (list(HEADINGS), *lines):
        sheet.append([formula_escape.text_cell(sheet, text) for text in row])
    buffer = BytesIO()
    workbook.save(buffer)
    return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", buffer.getvalue()


def _to_csv(lines: Iterable[list[str]]) -> tuple[str, bytes]:
    buffer = StringIO()
    rows = (map(formula_escape.escape, row) for row in (HEADINGS, *lines))
    csv.writer(buffer).writerows(rows)
    # without a byte order mark, Excel reads a CSV file in the machine's legacy encoding
    return "text/csv; charset=utf-8", buffer.getvalue().encode("utf-8-sig")


_WRITERS: dict[ExportFormat, Callable[[Iterable[list[str]]], tuple[str, bytes]]] = {
    ExportFormat.XLSX: _to_xlsx,
    ExportFormat.CSV: _to_csv,
}
