"""Exporting the audit: the file holds what the search shows, harmless, and leaves a row itself."""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.audit_labels import LABELS
from config import audit
from config.audit import Actor, AuditEntry, exports
from config.audit.diff import NamesByField
from config.audit.exports import ExportFormat
from config.audit.search import Query
from config.database import session
from config.permissions import Forbidden, Permission, PermissionScope, Principal
from keywords.rules.versions import RuleAction

CITY = Principal(1, "网信办", {Permission.AUDIT_EXPORT: PermissionScope(everywhere=True)})
CIVIL = Principal(
    2, "民政局", {Permission.AUDIT_EXPORT: PermissionScope(departments=frozenset({7}))}, 7
)
EVIL = '=HYPERLINK("http://example.org","点我")'

pytestmark = pytest.mark.usefixtures("rolled_back")


def names(rows: Iterable[AuditEntry]) -> NamesByField:
    return {"department_id": {"7": "民政局"}}


@pytest.fixture
def rows() -> None:
    with audit.acting_as(Actor("@编辑", staff_id=4, address="192.0.2.7")):
        audit.record(
            RuleAction.UPDATE,
            owner=audit.Owner(7),
            object_id=9,
            label=EVIL,
            before={"name": "旧", "department_id": 7},
            after={"name": EVIL, "department_id": 8, "phone": "-1"},
        )
        audit.record(RuleAction.DELETE, owner=audit.Owner(8), object_id=10, label="别处")
    session.flush()


def exported(
    member: Principal, form: ExportFormat, now: datetime, **query: object
) -> list[list[str]]:
    file = exports.export_entries(
        member,
        Query(**query),  # type: ignore[arg-type]  # the test names the fields
        form,
        action_labels=LABELS,
        resolve_names=names,
        now=now,
    )
    if form is ExportFormat.CSV:
        return list(csv.reader(StringIO(file.body.decode("utf-8-sig"))))
    sheet = load_workbook(BytesIO(file.body)).active
    assert sheet is not None
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.values]


@pytest.mark.parametrize("form", ExportFormat)
def test_an_export_says_in_chinese_what_was_done(
    rows: None, form: ExportFormat, now: datetime
) -> None:
    heading, line = exported(CITY, form, now, action="rule.update")

    told = dict(zip(heading, line, strict=True))
    assert told["人员"] == "'@编辑"
    assert told["操作"] == "修改关键词规则"
    assert told["对象"] == f"'{EVIL}"
    assert told["变更内容"].splitlines() == [
        f"名称：旧 → {EVIL}",
        "单位：民政局 → 8",
        "电话：-1",
    ]
    assert told["时间"].startswith("20")


def test_an_export_reaches_as_far_as_the_right(rows: None, now: datetime) -> None:
    lines = exported(CIVIL, ExportFormat.CSV, now)
    assert [line[6] for line in lines[1:]] == ["9"]
    with pytest.raises(Forbidden):
        exported(
            Principal(3, "编辑", {Permission.AUDIT_READ: PermissionScope(everywhere=True)}),
            ExportFormat.CSV,
            now,
        )


def test_an_export_leaves_a_row_itself(rows: None, now: datetime) -> None:
    exported(CIVIL, ExportFormat.XLSX, now, first=date(2020, 1, 1), label="HYPER")
    session.flush()
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (last.action, last.department_id) == ("audit.export", 7)
    assert last.after == {
        "filter": {"first": "2020-01-01", "label": "HYPER"},
        "rows": 1,
        "cut": False,
        "format": "xlsx",
    }
    assert LABELS.action(last.action) == "导出操作记录"


def test_a_file_that_was_cut_says_so(
    rows: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_ROWS", 1)
    lines = exported(CITY, ExportFormat.CSV, now)
    assert len(lines) == 3
    assert "只导出了最近的" in lines[2][0]
    monkeypatch.setattr(exports, "MAX_ROWS", 100)
    monkeypatch.setattr(exports, "_BATCH_SIZE", 1)
    assert len(exported(CITY, ExportFormat.CSV, now, kind="rule")) == 3, "all, one by one"


def test_a_cell_is_never_longer_than_a_spreadsheet_allows(now: datetime) -> None:
    facts = {"content": "长" * 40_000}
    audit.record(RuleAction.UPDATE, owner=audit.CITY, object_id=1, after=facts)
    lines = exported(CITY, ExportFormat.XLSX, now)
    assert max(len(cell) for line in lines for cell in line) < 32_767
