"""Reading a push: XML bytes become a tree of names and texts, or are refused.

    <xml><A>1</A><B><item>2</item><item>3</item></B></xml>
        ──>  {"A": "1", "B": {"item": ["2", "3"]}}

Nearly every push is flat: plain fields or one CDATA section each. That shape is read by one
regular expression in a third of the time; whatever differs from it in a single character goes to
expat, which decides. What a push never holds is refused on sight: document types and entities,
NULs, bytes that are not UTF-8, deep nesting, thousands of fields, large bodies. The functions
below take one field out of such a tree and refuse what is no such value.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn, TypedDict
from xml.parsers import expat

from config.errors import DomainError

MAX_BYTES = 64 * 1024  # a mass-send result with eight articles is below 8 KB
MAX_DEPTH = 6  # xml/CopyrightCheckResult/ResultList/item/ArticleIdx is five
MAX_FIELDS = 512
_MAX_ID = 64

# Citizens paste control characters, WeChat passes them on, XML 1.0 forbids them.
_CONTROL = bytes(code for code in range(1, 32) if code not in b"\t\n\r")

_START, _END = "<xml>", "</xml>"
# A section ends at its first "]]>": stretched further it could swallow other fields. Possessive
# quantifiers give nothing back, so no body makes this slow.
_SECTION = r"<!\[CDATA\[((?:[^\]]++|\](?!\]>))*+)\]\]>"
_FIELD = re.compile(rf"\s*<([A-Za-z]\w*)>(?:{_SECTION}|([^<>&]*+))</\1>", re.ASCII)
# carriage returns are folded, and the others refused, by rules that expat knows
_NOT_FLAT = _CONTROL + b"\r"

Tree = Mapping[str, object]


class Common(TypedDict):
    """What every push says."""

    to: str
    openid: str
    sent_at: datetime


class Malformed(DomainError):
    """A push that is no push. `reason` is for the log and never holds its content."""

    status = 400
    text = "请求内容无法识别。"

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


def read(xml: bytes) -> Tree:
    """The fields below the root element.

    Raises Malformed for whatever is not well-formed, plain, small XML in UTF-8.
    """
    if len(xml) > MAX_BYTES:
        raise Malformed("too_large")
    if b"\0" in xml:
        raise Malformed("nul")
    tree = _flat(xml)
    if tree is not None:
        return tree
    try:
        return _parse(xml)
    except expat.ExpatError:
        cleaned = xml.translate(None, _CONTROL)
        if cleaned == xml:
            raise Malformed("not_xml") from None
    try:
        return _parse(cleaned)
    except expat.ExpatError:
        raise Malformed("not_xml") from None


def _flat(xml: bytes) -> Tree | None:
    """The tree of a flat push; None when expat must look at it."""
    if len(xml.translate(None, _NOT_FLAT)) < len(xml):
        return None
    try:
        whole = xml.decode().strip(" \n\t")
    except UnicodeDecodeError:
        return None
    if not (whole.startswith(_START) and whole.endswith(_END)):
        return None
    if "\ufffe" in whole or "\uffff" in whole:
        return None
    tree: dict[str, object] = {}
    place, end = len(_START), len(whole) - len(_END)
    while found := _FIELD.match(whole, place, end):
        name, section, plain = found.groups()
        if name in tree or len(tree) == MAX_FIELDS:
            return None
        tree[name] = plain if section is None else section
        place = found.end()
    return tree if not whole[place:end].strip(" \n\t") else None


class _Growing:
    """The tree while it grows. Holds no parser, so a push leaves no reference circle behind."""

    __slots__ = ("count", "root", "stack", "texts")

    def __init__(self) -> None:
        self.root: dict[str, object] = {}
        self.stack: list[dict[str, object]] = []
        self.texts: list[str] = []
        self.count = 0

    def start(self, name: str, _attributes: object) -> None:
        stack = self.stack
        self.count += 1
        if self.count > MAX_FIELDS:
            raise Malformed("too_many_fields")
        if len(stack) >= MAX_DEPTH:
            raise Malformed("too_deep")
        stack.append({} if stack else self.root)
        self.texts.clear()

    def end(self, name: str) -> None:
        stack = self.stack
        children = stack.pop()
        if not stack:
            return
        value: object = children or "".join(self.texts)
        self.texts.clear()
        parent = stack[-1]
        known = parent.get(name)
        if known is None:
            parent[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            parent[name] = [known, value]


def _parse(xml: bytes) -> Tree:
    growing = _Growing()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = growing.start
    parser.EndElementHandler = growing.end
    parser.CharacterDataHandler = growing.texts.append
    parser.Parse(xml, True)
    return growing.root


def _refuse_doctype(*_declaration: object) -> NoReturn:
    raise Malformed("doctype")


def text(tree: Tree, name: str) -> str:
    """A field that must be there once; it may be empty."""
    value = tree.get(name)
    if isinstance(value, str):
        return value
    raise Malformed(f"{'missing' if value is None else 'not_text'}:{name}")


def maybe(tree: Tree, name: str) -> str | None:
    """A field that may be absent; an empty one counts as absent."""
    return text(tree, name) or None if name in tree else None


def identifier(tree: Tree, name: str) -> str:
    """A short name that must not be empty: an openid, a gh_ id, a message id."""
    value = text(tree, name)
    if not value or len(value) > _MAX_ID or not value.isprintable():
        raise Malformed(f"bad_id:{name}")
    return value


def integer(tree: Tree, name: str) -> int:
    """A whole number of up to 19 digits, zero or more."""
    value = text(tree, name)
    if len(value) < 20 and value.isascii() and value.isdecimal():
        return int(value)
    raise Malformed(f"bad_number:{name}")


def maybe_integer(tree: Tree, name: str) -> int | None:
    """A whole number that may be absent."""
    return integer(tree, name) if tree.get(name) else None


def degrees(tree: Tree, name: str, limit: int) -> float:
    """A latitude or longitude of at most `limit` degrees either way."""
    try:
        value = float(text(tree, name)[:32])
    except ValueError:
        raise Malformed(f"bad_number:{name}") from None
    if math.isfinite(value) and abs(value) <= limit:
        return value
    raise Malformed(f"bad_number:{name}")


def moment(tree: Tree, name: str) -> datetime:
    """Unix seconds as an instant in UTC, up to the year 2286."""
    seconds = integer(tree, name)
    if seconds > 9_999_999_999:
        raise Malformed(f"bad_time:{name}")
    return datetime.fromtimestamp(seconds, UTC)


def branch(tree: Tree, name: str) -> Tree:
    """The fields inside a field; none when it is absent or empty."""
    value = tree.get(name)
    if isinstance(value, dict):
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    raise Malformed(f"not_fields:{name}")


def branches(tree: Tree, name: str) -> list[Tree]:
    """A field that occurs any number of times, each with fields inside."""
    value = tree.get(name)
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
