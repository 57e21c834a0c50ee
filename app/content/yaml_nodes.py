"""Documents: YAML files as plain nodes that know the line they stand on.

    file ── events ──> ScalarNode | SequenceNode | MappingNode

Only what a person would write by hand is read: text, whole and decimal numbers, true and false,
nothing. Times and dates stay text. The tree is built from the parser's events without
recursion, so neither depth nor repetition can hurt: what nests too deep, repeats too much or is
too large is refused, and so are double keys, which YAML would let pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from config.errors import DomainError
from config.text_cleaning import clean

# bounds against files that would exhaust the process: ten aliases nested nine deep are a gigabyte,
# 50,000 brackets end a recursive parser (decision 0030). Far above what a city needs
MAX_FILE_SIZE = 20 * 2**20
MAX_NODES = 2_000_000
MAX_ALIASED_NODES = 10_000
MAX_DEPTH = 40

Value = str | int | float | bool | None

# narrower than YAML 1.1, which reads `on` as true, 0713 as octal 459 and 14:00 as 840: codes, phone
# numbers and times must stay as they were written
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")
# PostgreSQL stores neither NUL nor half a surrogate pair
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_PLAIN_TAGS = {"!", "tag:yaml.org,2002:str"}


class InvalidFile(DomainError):
    """A file cannot be loaded; the text names file, line and field."""

    status = 422
    text = "{where}：{problem}"


@dataclass(slots=True)
class ScalarNode:
    """One value."""

    line: int
    value: Value
    node_count: int = 1


@dataclass(slots=True)
class SequenceNode:
    """A list."""

    line: int
    items: list["Node"] = field(default_factory=list)
    node_count: int = 1


@dataclass(slots=True)
class MappingNode:
    """Names with values; `lines` tells where each name stands."""

    line: int
    entries: dict[str, "Node"] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    node_count: int = 1


Node = ScalarNode | SequenceNode | MappingNode


def read_file(path: Path) -> MappingNode:
    """Read a file's top level. Raises InvalidFile."""
    try:
        with path.open("rb") as file:
            # one byte more than allowed shows that it is too large
            body = file.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        raise InvalidFile(where=path, problem="文件不存在或无法读取") from error
    return parse(body, path)


def parse(body: bytes, path: Path) -> MappingNode:
    """Read the top level of what stands in a file; `path` names it. Raises InvalidFile."""
    text = _decode(body, path)
    builder = _Builder(path)
    try:
        for event in _events(text):
            builder.handle(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _error(path, line, "不是正确的 YAML，请检查缩进、引号和括号") from error
    except yaml.YAMLError as error:
        raise _error(path, 1, "不是正确的 YAML，含有不可见的控制字符") from error
    if not isinstance(builder.root, MappingNode):
        raise _error(path, 1, "内容应是一组“名称：内容”")
    return builder.root


def to_python(node: Node) -> object:
    """The node as dict, list and values."""
    if isinstance(node, MappingNode):
        return {name: to_python(value) for name, value in node.entries.items()}
    if isinstance(node, SequenceNode):
        return [to_python(item) for item in node.items]
    return node.value


def _error(path: Path, line: int, problem: str) -> InvalidFile:
    return InvalidFile(where=f"{path} 第 {line} 行", problem=problem)


def _decode(body: bytes, path: Path) -> str:
    if len(body) > MAX_FILE_SIZE:
        raise InvalidFile(where=path, problem=f"文件超过 {MAX_FILE_SIZE // 2**20} MB")
    try:
        # editors on Windows put a byte order mark in front
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _error(path, line, "不是 UTF-8 编码的文字") from error


def _events(text: str) -> Iterator[yaml.Event]:
    # the parser in C: many times faster, and its own stack is on the heap
    yield from yaml.parse(text, Loader=yaml.CSafeLoader)


class _Builder:
    """Puts events together; `root` is the finished tree."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open_nodes: list[SequenceNode | MappingNode] = []
        self._keys: list[str | None] = []
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._aliased_nodes = 0
        self._documents = 0
        self.root: Node | None = None

    def handle(self, event: yaml.Event) -> None:
        """Add what the parser saw next."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                # a second document would be ignored by most readers, and with it what it says
                if self._documents > 1:
                    raise _error(self._path, line, "一个文件只能有一份内容，不能用 --- 分隔")
            case yaml.ScalarEvent():
                self._check_node(event, line)
                self._attach(ScalarNode(line, self._value(event, line)), event.anchor)
            case yaml.SequenceStartEvent():
                self._check_node(event, line)
                self._open_container(SequenceNode(line), event.anchor)
            case yaml.MappingStartEvent():
                self._check_node(event, line)
                self._open_container(MappingNode(line), event.anchor)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._keys.pop()
                self._attach(self._open_nodes.pop(), None)
            case yaml.AliasEvent():
                self._add_alias(event, line)

    def _check_node(self, event: yaml.NodeEvent, line: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _error(self._path, line, "文件内容过多，请分成几个文件")
        tag = getattr(event, "tag", None)
        # tags such as !!python/object make a loader run code
        if tag is not None and tag not in _PLAIN_TAGS:
            raise _error(self._path, line, f"不支持标签 {tag}")

    def _open_container(self, node: SequenceNode | MappingNode, anchor: str | None) -> None:
        if len(self._open_nodes) >= MAX_DEPTH:
            raise _error(self._path, node.line, f"嵌套超过 {MAX_DEPTH} 层")
        if (
            self._open_nodes
            and isinstance(self._open_nodes[-1], MappingNode)
            and self._keys[-1] is None
        ):
            raise _error(self._path, node.line, "名称应是文字")
        self._open_nodes.append(node)
        self._keys.append(None)
        if anchor:
            self._anchors[anchor] = node

    def _add_alias(self, event: yaml.AliasEvent, line: int) -> None:
        node = self._anchors.get(event.anchor or "")
        # an alias to what is still open would be its own child
        if node is None or any(node is open_node for open_node in self._open_nodes):
            raise _error(self._path, line, f"别名 *{event.anchor} 没有可引用的内容")
        # counted with all that is below: aliases of aliases multiply
        self._aliased_nodes += node.node_count
        if self._aliased_nodes > MAX_ALIASED_NODES:
            raise _error(self._path, line, "别名重复的内容过多")
        self._attach(node, None)

    def _attach(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open_nodes:
            self.root = node
            return
        parent = self._open_nodes[-1]
        if isinstance(parent, SequenceNode):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(parent, node)
            return
        else:
            parent.entries[self._keys[-1]] = node
            self._keys[-1] = None
        parent.node_count += node.node_count

    def _key(self, parent: MappingNode, node: Node) -> str:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or not node.value:
            raise _error(self._path, node.line, "名称应是文字")
        # YAML allows it and keeps the last one; of two rules with one id the first would vanish
        if node.value in parent.lines:
            first = parent.lines[node.value]
            raise _error(self._path, node.line, f"{node.value} 重复，第 {first} 行已写过")
        parent.lines[node.value] = node.line
        return node.value

    def _value(self, event: yaml.ScalarEvent, line: int) -> Value:
        text: str = event.value
        if _UNSTORABLE.search(text):
            raise _error(self._path, line, "含有不可保存的字符")
        # only a bare word can be a number or a truth value; quotes and blocks say that it is text
        is_bare = event.implicit[0] and event.tag is None and event.style in (None, "")
        return _resolve_scalar(text) if is_bare else clean(text)


def _resolve_scalar(text: str) -> Value:
    """What a bare word means; quoted words are always text."""
    if _NULL.fullmatch(text):
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else clean(text)
