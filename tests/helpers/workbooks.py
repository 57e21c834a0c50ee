"""Workbooks for tests: good ones, and such as nobody should trust."""

import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook

HEAD = ("编号", "名称", "单位", "包含", "回复1")


def sheet(*rows: Sequence[Any], head: Sequence[str] = HEAD) -> bytes:
    """An Excel file with a header and these rows."""
    book, held = Workbook(), BytesIO()
    assert book.active is not None
    for row in (head, *rows):
        book.active.append(list(row))
    book.save(held)
    return held.getvalue()


def rule(number: int, *, department: str = "police", **changed: str) -> list[str]:
    """The cells of a simple rule under HEAD."""
    cells = {
        "编号": f"import.{number:05d}",
        "名称": f"导入规则{number}",
        "单位": department,
        "包含": f"导入词{number}",
        "回复1": f"这是第 {number} 条答复。",
    }
    return list((cells | changed).values())


def rezipped(body: bytes, **changed: bytes | None) -> bytes:
    """The archive with parts replaced, added, or (None) left out; `__` stands for `/` in names."""
    parts = {name.replace("__", "/"): content for name, content in changed.items()}
    held = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(body)) as old,
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            if content is not None:
                new.writestr(name, content)
    return held.getvalue()
