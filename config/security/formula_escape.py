"""Escaping against formula injection in spreadsheet and CSV files.

    escape("=1+1") == "'=1+1"        unescape("'=1+1") == "=1+1"

What staff and citizens typed is opened in Excel, where a cell that begins like a formula can load
addresses or start programs (https://owasp.org/www-community/attacks/CSV_Injection). Every text cell
that is written passes through `escape`, every one that is read back through `unescape`.
"""

import re
from typing import Any

from openpyxl.cell import WriteOnlyCell

# What Excel, WPS or LibreOffice take for the start of a formula, full-width signs included. Leading
# apostrophes belong to it, so that escaping twice and unescaping twice gives the same text.
_FORMULA_START = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
# not allowed in XML 1.0, of which XLSX files are made (https://www.w3.org/TR/xml/#charsets)
_ILLEGAL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """The text for a cell: after an apostrophe where it could be read as a formula.

    Control characters that no spreadsheet file can hold are removed.
    """
    cleaned = _ILLEGAL_CHARACTERS.sub("", text)
    return f"'{cleaned}" if _FORMULA_START.match(cleaned) else cleaned


def text_cell(sheet: Any, text: str) -> Any:
    """A cell for a write-only openpyxl sheet that holds this text, escaped."""
    cell = WriteOnlyCell(sheet, escape(text))
    # openpyxl guesses: a text like "#N/A" would become an error value
    cell.data_type = "s"
    return cell


def unescape(text: str) -> str:
    """The text that `escape` was given, control characters aside."""
    return text[1:] if text.startswith("'") and _FORMULA_START.match(text) else text
