"""Cells: text that a spreadsheet shows as it is and never takes for a formula.

    quoted("=1+1") == "'=1+1"        unquoted("'=1+1") == "=1+1"

What staff and citizens typed goes into Excel and CSV files that somebody opens at a desk; every
text cell of such a file passes through `quoted`, every one that is read back through `unquoted`.
"""

import re

# beginnings that Excel, WPS or LibreOffice take for a formula, the full-width ones included
_FORMULA_START = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
# no spreadsheet file can hold these
_ILLEGAL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """The text as a cell may hold it: behind an apostrophe where it could be a formula.

    Control characters that no spreadsheet file can hold are left out.
    """
    cleaned = _ILLEGAL_CHARACTERS.sub("", text)
    return f"'{cleaned}" if _FORMULA_START.match(cleaned) else cleaned


def unescape(text: str) -> str:
    """What `quoted` was given; a text that it did not change stays as it is."""
    return text[1:] if text.startswith("'") and _FORMULA_START.match(text) else text
