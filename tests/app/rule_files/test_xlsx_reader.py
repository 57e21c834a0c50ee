"""Workbooks: what could harm is refused before it is read, and said in plain words."""

import random
import tracemalloc
import zipfile
from contextlib import suppress
from datetime import date, datetime, time
from io import BytesIO

import pytest

from app.rule_files import xlsx_reader
from app.rule_files.xlsx_reader import InvalidWorkbook
from tests.helpers.workbooks import HEAD, rezipped, rule, sheet

GOOD = sheet(rule(1))
SHEET = "xl__worksheets__sheet1.xml"


def refused(body: bytes) -> str:
    with pytest.raises(InvalidWorkbook) as caught:
        list(xlsx_reader.read_rows(body))
    return str(caught.value)


def test_rows_come_with_their_numbers_and_as_text() -> None:
    body = sheet(
        [],
        ["a", 12345, 1.0, 2.5, date(2026, 1, 2)],
        [None, time(8, 30), "'=1", " x\r\ny", datetime.combine(date(2026, 1, 2), time())],
    )

    found = {
        number: [cell.text for cell in cells[:5]] for number, cells in xlsx_reader.read_rows(body)
    }

    assert found == {
        1: list(HEAD),
        3: ["a", "12345", "1", "2.5", "2026-01-02"],
        4: ["", "08:30", "=1", " x\ny", "2026-01-02"],
    }


def test_line_breaks_that_other_programs_wrote_are_line_breaks() -> None:
    body = sheet(
        ["材料：_x000D_\n1. 身份证", "社保卡_x000d_\n医保卡", "写作 _x005F_x000D_", "响_x0007_铃"]
    )

    (_, cells) = list(xlsx_reader.read_rows(body))[1]

    told = [cell.text for cell in cells[:4]]
    assert told == ["材料：\n1. 身份证", "社保卡\n医保卡", "写作 _x000D_", "响铃"]


def test_a_formula_an_error_and_a_yes_are_told_by_their_cells() -> None:
    (_, cells) = list(xlsx_reader.read_rows(sheet(["=HYPERLINK(1)", "#REF!", True])))[1]

    told = [(cell.name, cell.text, bool(cell.problem)) for cell in cells[:4]]
    assert told == [("A2", "", True), ("B2", "", True), ("C2", "", True), ("D2", "", False)]
    assert "公式" in cells[0].problem


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "不是 Excel"),
        ("编号,名称\n".encode("gbk"), "CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "xls"),
        (b"PK\x03\x04" + bytes(100), "损坏"),
        (GOOD[: len(GOOD) // 2], "损坏"),
        (rezipped(GOOD, **{"xl__vbaProject.bin": b"x"}), "宏"),
        (rezipped(GOOD, **{"xl__externalLinks__externalLink1.xml": b"<a/>"}), "外部链接"),
        (rezipped(GOOD, **{"xl__embeddings__a.zip": b"x"}), "嵌入"),
        (rezipped(GOOD, **{"xl__workbook.xml": None}), "不是正确的 Excel"),
        (rezipped(GOOD, **{SHEET: b"<worksheet"}), "损坏"),
        (rezipped(GOOD, **{SHEET: b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet/>'}), "不允许"),
        (rezipped(GOOD, **{SHEET: "<!DOCTYPE a><a/>".encode("utf-16")}), "不允许"),
        (rezipped(GOOD, **{f"xl__media__{n}.png": b"x" for n in range(300)}), "部分"),
        (rezipped(GOOD, **{"xl__styles.xml": random.Random(1).randbytes(3 * 2**20)}), "过大"),
        (rezipped(GOOD, **{SHEET: b" " * (30 * 2**20)}), "过大"),
        (rezipped(GOOD, **{SHEET: random.Random(1).randbytes(2**19) * 100}), "过大"),
    ],
)
def test_what_is_no_plain_workbook_is_refused(body: bytes, word: str) -> None:
    assert word in refused(body)


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = rezipped(GOOD, **{SHEET: bytes(100 * 2**20)})
    tracemalloc.start()
    refused(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 20 * 2**20


def test_a_row_with_a_huge_number_is_skipped_quickly() -> None:
    far = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
    row = b'<row r="99999999999"><c r="A99999999999" t="inlineStr"><is><t>x</t></is></c></row>'

    assert list(xlsx_reader.read_rows(rezipped(GOOD, **{SHEET: far % row}))) == []


def test_a_dimension_that_lies_hides_no_row() -> None:
    listed = list(xlsx_reader.read_rows(GOOD))
    with zipfile.ZipFile(BytesIO(GOOD)) as archive:
        content = archive.read("xl/worksheets/sheet1.xml")
    lied = content.replace(b'ref="A1:E2"', b'ref="A1:A1"')
    assert lied != content
    assert list(xlsx_reader.read_rows(rezipped(GOOD, **{SHEET: lied}))) == listed


@pytest.mark.parametrize("seed", range(25))
def test_a_file_that_was_damaged_anywhere_gives_rows_or_a_refusal(seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(sheet(*(rule(number) for number in range(5))))
    for _ in range(chance.randint(1, 20)):
        body[chance.randrange(len(body))] = chance.randrange(256)

    with suppress(InvalidWorkbook):
        assert len(list(xlsx_reader.read_rows(bytes(body)))) <= 6
