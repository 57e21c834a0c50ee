"""Long texts: cut where a reader does not notice.

WeChat counts bytes of UTF-8, readers see characters. A part ends, by preference, after a line
break in its last quarter, else between two characters as readers see them (a letter with its
accents, a flag, a family of emoji joined into one), and outside an `<a>` link. Joined again the
parts are the text.
"""

import re
import unicodedata
from collections.abc import Iterator

MAX_PART_BYTES = 2000  # bytes; 2048 by several implementations, no number in the current documents

_LINK = re.compile(r"<a\b[^>]*>.*?</a\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_JOINER = "\u200d"
_VARIATION = "\ufe0f"


def split_text(text: str, max_bytes: int = MAX_PART_BYTES) -> tuple[str, ...]:
    """The text in parts of at most `limit_bytes` each (16 or more); at least one part."""
    if max_bytes < 16:
        raise ValueError("a part has 16 bytes or more")
    if len(text) * 4 <= max_bytes or _byte_length(text) <= max_bytes:
        return (text,)
    return tuple(_split(text, max_bytes))


def strip_links(text: str) -> str:
    """The text as a reader sees it: of a link its words."""
    return _LINK.sub(lambda link: _TAG.sub("", link[0]), text)


def _split(text: str, limit: int) -> Iterator[str]:
    while _byte_length(text) > limit:
        end = _part_end(text, limit)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _part_end(text: str, limit: int) -> int:
    """How many characters of the text make its first part."""
    max_end = _max_characters(text, limit)
    min_end = max_end - max_end // 4
    line_break = text.rfind("\n", min_end, max_end) + 1
    for end in (line_break, max_end):
        before_link = _before_link(text, end) if end else 0
        boundary = _grapheme_boundary(text, before_link)
        if boundary:
            return boundary
    return _grapheme_boundary(text, max_end) or max_end


def _max_characters(text: str, limit: int) -> int:
    """The most characters that fit into `limit` bytes of a text that is longer."""
    data = text[: limit + 1].encode("utf-8", "surrogatepass")
    while data[limit] & 0xC0 == 0x80:  # the byte after the cut continues a character
        limit -= 1
    return len(data[:limit].decode("utf-8", "surrogatepass"))


def _before_link(text: str, position: int) -> int:
    """The same place, or the start of the link it falls into."""
    for link in _LINK.finditer(text[: position + MAX_PART_BYTES]):
        if link.start() >= position:
            break
        if link.start() < position < link.end():
            return link.start()
    return position


def _grapheme_boundary(text: str, position: int) -> int:
    """The nearest place at or before `end` between two characters as readers see them."""
    while 0 < position < len(text) and _is_inside_grapheme(text, position):
        position -= 1
    return position


def _is_inside_grapheme(text: str, position: int) -> bool:
    """Whether the characters around a place belong together."""
    before, after = text[position - 1], text[position]
    if after in (_JOINER, _VARIATION) or before == _JOINER:
        return True
    if (before, after) == ("\r", "\n"):
        return True
    if unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return _is_flag_half(after) and _flag_halves_before(text, position) % 2 == 1


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_halves_before(text: str, position: int) -> int:
    count = 0
    while count < position and _is_flag_half(text[position - 1 - count]):
        count += 1
    return count


def _byte_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
