"""XML of pushes: bytes become a tree of names and texts, or are refused.

    <xml><A>1</A><B><item>2</item><item>3</item></B></xml>
        -->  {"A": "1", "B": {"item": ["2", "3"]}}

Nearly every push is flat: plain fields or one CDATA section each. That form is read by a single
regular expression in a third of the time; anything that differs from it in one character goes to
expat, which decides. What no push contains is refused at once: document types and entities (billion
laughs, external entities), NUL bytes, invalid UTF-8, deep nesting, thousands of fields, large
bodies. The functions below take single fields out of a tree and check them.
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

# citizens paste control characters, WeChat passes them on, and XML 1.0 forbids them
_CONTROL = bytes(code for code in range(1, 32) if code not in b"\t\n\r")

_START, _END = "<xml>", "</xml>"
# A CDATA section ends at its first "]]>"; matching further could swallow the next fields. The
# possessive quantifiers (Python 3.11) never backtrack, so no body can make this slow.
_CDATA = r"<!\[CDATA\[((?:[^\]]++|\](?!\]>))*+)\]\]>"
_FIELD = re.compile(rf"\s*<([A-Za-z]\w*)>(?:{_CDATA}|([^<>&]*+))</\1>", re.ASCII)
# bodies with these bytes go to expat, which normalises line ends and refuses control characters
_NOT_FLAT_BYTES = _CONTROL + b"\r"

XmlTree = Mapping[str, object]


class CommonFields(TypedDict):
    """The fields every push has."""

    to: str
    openid: str
    sent_at: datetime


class MalformedPush(DomainError):
    """A body that is no push of WeChat. `reason` is for the log, without any content."""

    status = 400
    text = "请求内容无法识别。"

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


def parse_xml(xml: bytes) -> XmlTree:
    """The fields below the root element.

    Raises MalformedPush for anything but small, plain, well-formed XML in UTF-8.
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
        # only after a failure: nearly every push is fine as it is
        cleaned = xml.translate(None, _CONTROL)
        if cleaned == xml:
            raise MalformedPush("not_xml") from None
    try:
        return _parse_with_expat(cleaned)
    except expat.ExpatError:
        raise MalformedPush("not_xml") from None


def _parse_flat(xml: bytes) -> XmlTree | None:
    """The tree of a flat push; None when expat has to look at it."""
    if len(xml.translate(None, _NOT_FLAT_BYTES)) < len(xml):
        return None
    try:
        document = xml.decode().strip(" \n\t")
    except UnicodeDecodeError:
        return None
    if not (document.startswith(_START) and document.endswith(_END)):
        return None
    # not characters of XML 1.0; expat refuses them, so this path must not accept them
    if "\ufffe" in document or "\uffff" in document:
        return None
    tree: dict[str, object] = {}
    position, end = len(_START), len(document) - len(_END)
    while field := _FIELD.match(document, position, end):
        name, cdata, value = field.groups()
        # repeated names become a list; leave that to expat's tree builder
        if name in tree or len(tree) == MAX_FIELDS:
            return None
        tree[name] = value if cdata is None else cdata
        position = field.end()
    return tree if not document[position:end].strip(" \n\t") else None


class _TreeBuilder:
    """Builds the tree from expat's events.

    It does not hold the parser, so that no reference cycle is left for the garbage collector.
    """

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
        # mixed content does not occur: an element has either children or text
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
    """A field that must be there exactly once; it may be empty. Raises MalformedPush."""
    value = tree.get(name)
    if isinstance(value, str):
        return value
    raise MalformedPush(f"{'missing' if value is None else 'not_text'}:{name}")


def find_text(tree: XmlTree, name: str) -> str:
    """A field as far as it can be read: of a repeated one the first, "" when there is no text."""
    value = tree.get(name)
    # a repeated name is a list in the tree
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else ""


def optional(tree: XmlTree, name: str) -> str | None:
    """A field that may be absent; None when it is absent or empty."""
    return text(tree, name) or None if name in tree else None


def identifier(tree: XmlTree, name: str) -> str:
    """A short non-empty printable text: an openid, a gh_ id, a message id. Raises MalformedPush."""
    value = text(tree, name)
    if not value or len(value) > _MAX_ID or not value.isprintable():
        raise MalformedPush(f"bad_id:{name}")
    return value


def find_identifier(tree: XmlTree, name: str) -> str | None:
    """An identifier, or None where there is none that can be used as one."""
    try:
        return identifier(tree, name)
    except MalformedPush:
        return None


def integer(tree: XmlTree, name: str) -> int:
    """A non-negative whole number of up to 19 digits. Raises MalformedPush."""
    value = text(tree, name)
    # isdecimal alone accepts digits of other scripts, and int() of a long text is slow
    if len(value) < 20 and value.isascii() and value.isdecimal():
        return int(value)
    raise MalformedPush(f"bad_number:{name}")


def optional_integer(tree: XmlTree, name: str) -> int | None:
    """A whole number, or None when the field is absent or empty."""
    return integer(tree, name) if tree.get(name) else None


def find_integer(tree: XmlTree, name: str) -> int | None:
    """A whole number, or None where there is none that can be read."""
    try:
        return integer(tree, name)
    except MalformedPush:
        return None


def degrees(tree: XmlTree, name: str, limit: int) -> float:
    """A latitude or longitude between -`limit` and `limit`. Raises MalformedPush."""
    try:
        value = float(text(tree, name)[:32])
    except ValueError:
        raise MalformedPush(f"bad_number:{name}") from None
    if math.isfinite(value) and abs(value) <= limit:
        return value
    raise MalformedPush(f"bad_number:{name}")


def find_degrees(tree: XmlTree, name: str, limit: int) -> float | None:
    """A latitude or longitude, or None where there is none that can be read."""
    try:
        return degrees(tree, name, limit)
    except MalformedPush:
        return None


def timestamp(tree: XmlTree, name: str) -> datetime:
    """Unix seconds as an instant in UTC, up to the year 2286. Raises MalformedPush."""
    seconds = integer(tree, name)
    if seconds > 9_999_999_999:
        raise MalformedPush(f"bad_time:{name}")
    return datetime.fromtimestamp(seconds, UTC)


def child(tree: XmlTree, name: str) -> XmlTree:
    """The fields inside a field; {} when it is absent or empty. Raises MalformedPush for a text."""
    value = tree.get(name)
    if isinstance(value, dict):
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    raise MalformedPush(f"not_fields:{name}")


def children(tree: XmlTree, name: str) -> list[XmlTree]:
    """Every occurrence of a repeated field that has fields inside."""
    value = tree.get(name)
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
