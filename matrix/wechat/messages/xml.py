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
_CDATA = r"<!\[CDATA\[((?:[^\]]++|\](?!\]>))*+)\]\]>"
_FIELD = re.compile(rf"\s*<([A-Za-z]\w*)>(?:{_CDATA}|([^<>&]*+))</\1>", re.ASCII)
# carriage returns are folded, and the others refused, by rules that expat knows
_NOT_FLAT_BYTES = _CONTROL + b"\r"

XmlTree = Mapping[str, object]


class CommonFields(TypedDict):
    """What every push says."""

    to: str
    openid: str
    sent_at: datetime


class MalformedPush(DomainError):
    """A push that is no push. `reason` is for the log and never holds its content."""

    status = 400
    text = "请求内容无法识别。"

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


def parse_xml(xml: bytes) -> XmlTree:
    """The fields below the root element.

    Raises Malformed for whatever is not well-formed, plain, small XML in UTF-8.
    """
    if len(xml) > MAX_BYTES:
        raise MalformedPush("too_large")
    if b"\0" in xml:
        raise MalformedPush("nul")
    tree = _parse_flat(xml)
    if tree is not None:
        return tree
    try:
        return _parse_with_expat(xml)
    except expat.ExpatError:
        cleaned = xml.translate(None, _CONTROL)
        if cleaned == xml:
            raise MalformedPush("not_xml") from None
    try:
        return _parse_with_expat(cleaned)
    except expat.ExpatError:
        raise MalformedPush("not_xml") from None


def _parse_flat(xml: bytes) -> XmlTree | None:
    """The tree of a flat push; None when expat must look at it."""
    if len(xml.translate(None, _NOT_FLAT_BYTES)) < len(xml):
        return None
    try:
        document = xml.decode().strip(" \n\t")
    except UnicodeDecodeError:
        return None
    if not (document.startswith(_START) and document.endswith(_END)):
        return None
    if "\ufffe" in document or "\uffff" in document:
        return None
    tree: dict[str, object] = {}
    position, end = len(_START), len(document) - len(_END)
    while field := _FIELD.match(document, position, end):
        name, cdata, value = field.groups()
        if name in tree or len(tree) == MAX_FIELDS:
            return None
        tree[name] = value if cdata is None else cdata
        position = field.end()
    return tree if not document[position:end].strip(" \n\t") else None


class _TreeBuilder:
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
            raise MalformedPush("too_many_fields")
        if len(stack) >= MAX_DEPTH:
            raise MalformedPush("too_deep")
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
        existing = parent.get(name)
        if existing is None:
            parent[name] = value
        elif isinstance(existing, list):
            existing.append(value)
        else:
            parent[name] = [existing, value]


def _parse_with_expat(xml: bytes) -> XmlTree:
    builder = _TreeBuilder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _reject_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.texts.append
    parser.Parse(xml, True)
    return builder.root


def _reject_doctype(*_declaration: object) -> NoReturn:
    raise MalformedPush("doctype")


def text(tree: XmlTree, name: str) -> str:
    """A field that must be there once; it may be empty."""
    value = tree.get(name)
    if isinstance(value, str):
        return value
    raise MalformedPush(f"{'missing' if value is None else 'not_text'}:{name}")


def optional(tree: XmlTree, name: str) -> str | None:
    """A field that may be absent; an empty one counts as absent."""
    return text(tree, name) or None if name in tree else None


def identifier(tree: XmlTree, name: str) -> str:
    """A short name that must not be empty: an openid, a gh_ id, a message id."""
    value = text(tree, name)
    if not value or len(value) > _MAX_ID or not value.isprintable():
        raise MalformedPush(f"bad_id:{name}")
    return value


def integer(tree: XmlTree, name: str) -> int:
    """A whole number of up to 19 digits, zero or more."""
    value = text(tree, name)
    if len(value) < 20 and value.isascii() and value.isdecimal():
        return int(value)
    raise MalformedPush(f"bad_number:{name}")


def optional_integer(tree: XmlTree, name: str) -> int | None:
    """A whole number that may be absent."""
    return integer(tree, name) if tree.get(name) else None


def degrees(tree: XmlTree, name: str, limit: int) -> float:
    """A latitude or longitude of at most `limit` degrees either way."""
    try:
        value = float(text(tree, name)[:32])
    except ValueError:
        raise MalformedPush(f"bad_number:{name}") from None
    if math.isfinite(value) and abs(value) <= limit:
        return value
    raise MalformedPush(f"bad_number:{name}")


def timestamp(tree: XmlTree, name: str) -> datetime:
    """Unix seconds as an instant in UTC, up to the year 2286."""
    seconds = integer(tree, name)
    if seconds > 9_999_999_999:
        raise MalformedPush(f"bad_time:{name}")
    return datetime.fromtimestamp(seconds, UTC)


def child(tree: XmlTree, name: str) -> XmlTree:
    """The fields inside a field; none when it is absent or empty."""
    value = tree.get(name)
    if isinstance(value, dict):
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    raise MalformedPush(f"not_fields:{name}")


def children(tree: XmlTree, name: str) -> list[XmlTree]:
    """A field that occurs any number of times, each with fields inside."""
    value = tree.get(name)
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
