"""Cleaning of texts where they enter: forms, files, workbooks.

What is saved unchanged must stay unchanged: a browser's field sends CR LF for each line break, a
workbook of another program `_x000D_`, and a text pasted from a chat carries characters that nobody
sees but that make two equal words different. They are removed here, once, and nowhere else.
"""

import re

# ZERO WIDTH SPACE, WORD JOINER, BYTE ORDER MARK, SOFT HYPHEN and the marks of writing direction.
# Not the ZERO WIDTH JOINER: it holds families and professions of emoji together.
_INVISIBLE = "\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069"
# what XML, and with it every message of WeChat, cannot hold
_CONTROLS = "\x01-\x08\x0b\x0c\x0e-\x1f\x7f"
_REMOVED = re.compile(f"[{_INVISIBLE}{_CONTROLS}]")
_LINE_BREAK = re.compile("\r\n?|\x85|\u2028|\u2029")
_LITERAL_BREAK = re.compile(r"\\r\\n|\\n")


def clean(text: str) -> str:
    """The text with LF for every kind of line break and without characters that nobody sees.

    NUL is left in place: the readers of forms and files refuse it by name.
    """
    if text.isascii() and "\r" not in text and not _REMOVED.search(text):
        return text
    return _REMOVED.sub("", _LINE_BREAK.sub("\n", text))


def has_literal_line_break(text: str) -> bool:
    """Whether a line break was written as the two characters of a programmer, backslash and n."""
    return bool(_LITERAL_BREAK.search(text))
