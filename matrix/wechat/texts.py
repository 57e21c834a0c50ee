"""Long texts: cut where a reader does not notice.

WeChat counts bytes of UTF-8, readers see characters. A part ends, by preference, after a line
break in its last quarter, else between two characters as readers see them (a letter with its
accents, a flag, a family of emoji joined into one), and outside an `<a>` link. Joined again the
parts are the text.
"""

import re
import unicodedata
from collections.abc import Iterator

LIMIT = 2000  # bytes; 2048 by several implementations, no number in the current documents

_LINK = re.compile(r"<a\b[^>]*>.*?</a\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_JOINER = "\u200d"
_VARIATION = "\ufe0f"


def cut_text(text: str, limit_bytes: int = LIMIT) -> tuple[str, ...]:
    """The text in parts of at most `limit_bytes` each (16 or more); at least one part."""
    if limit_bytes < 16:
        raise ValueError("a part has 16 bytes or more")
    if len(text) * 4 <= limit_bytes or _size(text) <= limit_bytes:
        return (text,)
    return tuple(_parts(text, limit_bytes))


def without_links(text: str) -> str:
    """The text as a reader sees it: of a link its words."""
    return _LINK.sub(lambda link: _TAG.sub("", link[0]), text)


def _parts(text: str, limit: int) -> Iterator[str]:
    while _size(text) > limit:
        end = _end(text, limit)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _end(text: str, limit: int) -> int:
    """How many characters of the text make its first part."""
    most = _fitting(text, limit)
    floor = most - most // 4
    line = text.rfind("\n", floor, most) + 1
    for end in (line, most):
        outside = _outside_link(text, end) if end else 0
        border = _border(text, outside)
        if border:
            return border
    return _border(text, most) or most


def _fitting(text: str, limit: int) -> int:
    """The most characters that fit into `limit` bytes of a text that is longer."""
    data = text[: limit + 1].encode("utf-8", "surrogatepass")
    while data[limit] & 0xC0 == 0x80:  # the byte after the cut continues a character
        limit -= 1
    return len(data[:limit].decode("utf-8", "surrogatepass"))


def _outside_link(text: str, end: int) -> int:
    """The same place, or the start of the link it falls into."""
    for link in _LINK.finditer(text[: end + LIMIT]):
        if link.start() >= end:
            break
        if link.start() < end < link.end():
            return link.start()
    return end


def _border(text: str, end: int) -> int:
    """The nearest place at or before `end` between two characters as readers see them."""
    while 0 < end < len(text) and _joined(text, end):
        end -= 1
    return end


def _joined(text: str, place: int) -> bool:
    """Whether the characters around a place belong together."""
    before, after = text[place - 1], text[place]
    if after in (_JOINER, _VARIATION) or before == _JOINER:
        return True
    if (before, after) == ("\r", "\n"):
        return True
    if unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return _is_flag_half(after) and _halves_before(text, place) % 2 == 1


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _halves_before(text: str, place: int) -> int:
    count = 0
    while count < place and _is_flag_half(text[place - 1 - count]):
        count += 1
    return count


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
