"""Workbooks: untrusted Excel files, read within bounds.

    bytes ── bounds of the archive ──> no macros, no links, no entities ──> rows of plain cells

Everything that can be refused is refused before the library sees the file: its size unpacked, the
number and ratio of its parts. It is read row by row, never as a whole. A formula is never
computed and never taken for its last result: it is refused with the cell's name.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import unescape as unescape_controls

from config.errors import DomainError
from config.security.formula_escape import unescape
from config.text_cleaning import clean

# bounds against archives that unpack to gigabytes (https://en.wikipedia.org/wiki/Zip_bomb); a
# workbook that Excel makes of 20,000 rules stays far below
MAX_ENTRIES = 200
MAX_UNPACKED_SIZE = 40 * 2**20
MAX_PART_SIZE = 2 * 2**20  # of those that are read as a whole
MAX_COMPRESSION_RATIO = 200
MAX_COLUMNS = 60
_MAX_ROWS = 1_048_576  # a sheet has no more
# openpyxl reads these row by row in its read-only mode, all others as a whole
_STREAMED_PARTS = ("xl/worksheets/", "xl/sharedStrings")
_FORBIDDEN = {
    "vbaproject": "文件含有宏，请另存为不含宏的 .xlsx 后再上传",
    "xl/externallinks/": "文件引用了其他工作簿，请断开外部链接后再上传",
    "xl/embeddings/": "文件嵌入了其他文件，请删除后再上传",
    "xl/activex/": "文件含有控件，请删除后再上传",
    "xl/macrosheets/": "文件含有宏，请另存为不含宏的 .xlsx 后再上传",
}
_DAMAGED = "文件已损坏或不是正确的 Excel 文件"
# the signature of OLE2 files: .xls, and .xlsx with a password, which Excel wraps into one
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# a workbook has no document type; entities are how XML reads local files or grows without bound
_DECLARATIONS = (b"<!doctype", b"<!entity")


class InvalidWorkbook(DomainError):
    """A file cannot be taken for an Excel file with rows of plain cells."""

    status = 422
    text = "{problem}。"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as text; `problem` says why it has none. `name` is like B7."""

    name: str
    text: str
    problem: str = ""


def read_rows(body: bytes) -> Iterator[tuple[int, list[Cell]]]:
    """Number and cells of each non-empty row of the first sheet. Raises InvalidWorkbook."""
    try:
        _check_archive(body)
        workbook = load_workbook(BytesIO(body), read_only=True, data_only=False, keep_links=False)
        sheet = workbook.worksheets[0]
        # the size that the file claims may be wrong, and cells beyond it would be left out
        sheet.reset_dimensions()
        sheet_rows = sheet.iter_rows(max_row=_MAX_ROWS, max_col=MAX_COLUMNS)
        blank_row: object = None
        for number, row in enumerate(sheet_rows, 1):
            if row is blank_row:
                continue  # a gap is one and the same empty row again and again
            cells = [_to_cell(cell, number, column) for column, cell in enumerate(row, 1)]
            if any(cell.text or cell.problem for cell in cells):
                yield number, cells
            else:
                blank_row = row
    # our own refusals, and the caller who stopped reading
    except (DomainError, GeneratorExit):
        raise
    except Exception as error:
        # a file may be wrong in as many ways as the libraries have lines
        raise InvalidWorkbook(problem=_DAMAGED) from error


def _check_archive(body: bytes) -> None:
    if body.startswith(_OLD_EXCEL):
        raise InvalidWorkbook(problem="这是旧版 .xls 或加了密码的文件，请另存为不加密的 .xlsx")
    if not body.startswith(b"PK\x03\x04"):
        raise InvalidWorkbook(problem="这不是 Excel 文件，请用 .xlsx 格式（CSV 请先另存为 .xlsx）")
    with zipfile.ZipFile(BytesIO(body)) as archive:
        _check_parts(archive, len(body))


def _check_parts(archive: zipfile.ZipFile, size: int) -> None:
    parts = archive.infolist()
    if len(parts) > MAX_ENTRIES:
        raise InvalidWorkbook(problem=f"文件内部有 {len(parts)} 个部分，超过 {MAX_ENTRIES} 个")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_SIZE or unpacked > MAX_COMPRESSION_RATIO * size:
        raise InvalidWorkbook(problem="文件解压后过大，可能不是正常的表格")
    names = [part.filename.lower() for part in parts]
    for word, problem in _FORBIDDEN.items():
        if any(word in name for name in names):
            raise InvalidWorkbook(problem=problem)
    # two parts of one name: which one counts differs between readers, so one of them may not be
    # what was checked
    if "xl/workbook.xml" not in names or len(set(names)) < len(names):
        raise InvalidWorkbook(problem=_DAMAGED)
    for part in parts:
        if part.flag_bits & 1:
            raise InvalidWorkbook(problem="文件加了密码，请取消密码后再上传")
        if part.file_size > MAX_PART_SIZE and not part.filename.startswith(_STREAMED_PARTS):
            raise InvalidWorkbook(problem="文件含有过大的样式或图片，请只保留文字后再上传")
        if part.filename.lower().endswith((".xml", ".rels")):
            _check_declarations(archive, part)


def _check_declarations(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Refuse XML that declares entities, or hides that it does in another encoding."""
    tail = b""
    with archive.open(part) as stream:
        # in pieces, since a part may be many megabytes unpacked
        while chunk := stream.read(1 << 16):
            window = tail + chunk.lower()
            if b"\x00" in chunk or any(word in window for word in _DECLARATIONS):
                raise InvalidWorkbook(problem="文件含有不允许的内容")
            # a declaration may lie across two chunks
            tail = window[-16:]


def _to_cell(cell: Any, row: int, column: int) -> Cell:
    name = f"{get_column_letter(column)}{row}"
    value, kind = cell.value, cell.data_type
    if value is None:
        return Cell(name, "")
    # Excel stores the last result of a formula beside it, which may be old or forged
    if kind == "f":
        return Cell(name, "", "是公式，请改为文字")
    if kind == "e":
        return Cell(name, "", "是一个错误值，请改为文字")
    if isinstance(value, bool):
        return Cell(name, "", "是逻辑值，请改为文字")
    return Cell(name, _text(value))


def _text(value: object) -> str:
    match value:
        case str():
            # other programs write a line break as _x000D_ (ECMA-376, ST_Xstring)
            return unescape(clean(unescape_controls(value)))
        # a cell with a date comes as midnight of that day
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date():
            return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
        case time():
            return f"{value:%H:%M}"
        # Excel keeps all numbers as floats: 12345 comes back as 12345.0
        case float() if value.is_integer():
            return str(int(value))
    return str(value)
