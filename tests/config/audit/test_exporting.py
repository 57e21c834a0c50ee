"""Exporting the audit: the file holds what the search shows, harmless, and leaves a row itself."""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from config import audit
from config.audit import Actor, Entry, exporting, words
from config.audit.exporting import Format
from config.audit.reading import Names
from config.audit.search import Query
from config.database import session
from config.tenancy import Area, Forbidden, Member, Right

CITY = Member(1, "网信办", {Right.AUDIT_EXPORT: Area(everywhere=True)})
CIVIL = Member(2, "民政局", {Right.AUDIT_EXPORT: Area(departments=frozenset({7}))})
EVIL = '=HYPERLINK("http://example.org","点我")'

pytestmark = pytest.mark.usefixtures("rolled_back")


def names(rows: Iterable[Entry]) -> Names:
    return {"department_id": {"7": "民政局"}}


@pytest.fixture
def rows() -> None:
    with audit.acting(Actor("@编辑", staff_id=4, address="192.0.2.7")):
        audit.record(
            "rule.updated",
            kind="rule",
            object_id=9,
            label=EVIL,
            department_id=7,
            before={"name": "旧", "department_id": 7},
            after={"name": EVIL, "department_id": 8, "phone": "-1"},
        )
        audit.record("rule.deleted", kind="rule", object_id=10, label="别处", department_id=8)
    session.flush()


def exported(member: Member, form: Format, now: datetime, **query: object) -> list[list[str]]:
    file = exporting.export(member, Query(**query), form, names=names, now=now)  # type: ignore[arg-type]  # the test names the fields
    if form is Format.CSV:
        return list(csv.reader(StringIO(file.body.decode("utf-8-sig"))))
    sheet = load_workbook(BytesIO(file.body)).active
    assert sheet is not None
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.values]


@pytest.mark.parametrize("form", Format)
def test_a_file_says_in_words_what_was_done(rows: None, form: Format, now: datetime) -> None:
    heading, line = exported(CITY, form, now, action="rule.updated")

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
    lines = exported(CIVIL, Format.CSV, now)
    assert [line[6] for line in lines[1:]] == ["9"]
    with pytest.raises(Forbidden):
        exported(Member(3, "编辑", {Right.AUDIT_READ: Area(everywhere=True)}), Format.CSV, now)


def test_an_export_leaves_a_row_itself(rows: None, now: datetime) -> None:
    exported(CIVIL, Format.XLSX, now, first=date(2020, 1, 1), label="HYPER")
    session.flush()
    last = session.scalars(select(Entry).order_by(Entry.id.desc()).limit(1)).one()
    assert (last.action, last.department_id) == ("audit.export", 7)
    assert last.after == {
        "filter": {"first": "2020-01-01", "label": "HYPER"},
        "rows": 1,
        "cut": False,
        "format": "xlsx",
    }
    assert words.action(last.action) == "导出操作记录"


def test_a_file_that_was_cut_says_so(
    rows: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_ROWS", 1)
    lines = exported(CITY, Format.CSV, now)
    assert len(lines) == 3
    assert "只导出了最近的" in lines[2][0]
    monkeypatch.setattr(exporting, "MOST_ROWS", 100)
    monkeypatch.setattr(exporting, "_ROWS_AT_ONCE", 1)
    assert len(exported(CITY, Format.CSV, now, kind="rule")) == 3, "all, one by one"


def test_a_cell_is_never_longer_than_a_spreadsheet_bears(now: datetime) -> None:
    audit.record("rule.updated", kind="rule", object_id=1, after={"content": "长" * 40_000})
    lines = exported(CITY, Format.XLSX, now)
    assert max(len(cell) for line in lines for cell in line) < 32_767
