"""Fields: one record of a file, read field by field, each by its type.

    record.allow_only("id", …)     refuses unknown fields, naming the nearest
    record.text("name")            … integer, flag, texts, day, choice, records
    with record.errors_at():       what is refused inside gets the line of this record

Every error is one sentence that names file, line and field.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from app.content import yaml_nodes
from app.content.yaml_nodes import InvalidFile
from config.errors import DomainError, Invalid

T = TypeVar("T")
_PATH_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_MAX_TEXT_LENGTH = 500


@dataclass(frozen=True)
class Record:
    """A mapping of a file; `path` leads to it from the record that has an id."""

    file: Path
    node: yaml_nodes.MappingNode
    path: str = ""

    def has(self, name: str) -> bool:
        """Whether the field is written, and not left empty."""
        # `name:` without a value is None in YAML; people who empty a field mean that it is not
        # there
        node = self.node.entries.get(name)
        return node is not None and not (
            isinstance(node, yaml_nodes.ScalarNode) and node.value is None
        )

    def allow_only(self, *allowed: str) -> "Record":
        """Refuse fields that are not known."""
        for name in self.node.entries:
            if name not in allowed:
                # a misspelt field is the commonest mistake, and silently ignored it would be lost
                # content
                suggestions = get_close_matches(name, allowed, n=1, cutoff=0.5)
                hint = (
                    f"，是否应为 {suggestions[0]}"
                    if suggestions
                    else f"，可用的有 {'、'.join(allowed)}"
                )
                raise self.error(name, f"没有这个字段{hint}")
        return self

    def text(
        self, name: str, default: str | None = None, *, max_length: int = _MAX_TEXT_LENGTH
    ) -> str:
        """A text; without a default it must be there and say something."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self.error(name, "应为文字，数字请加引号")
        # with a default an empty text is a value as well
        if default is None and not value.strip():
            raise self.error(name, "不能为空")
        if len(value) > max_length:
            raise self.error(name, f"最长 {max_length} 个字")
        return value

    def integer(
        self, name: str, default: int | None = None, *, minimum: int = 0, maximum: int = 10**6
    ) -> int:
        """A whole number within bounds."""
        value = self._value(name, default)
        # bool is an int in Python, and `true` is no count
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(name, "应为整数")
        if not minimum <= value <= maximum:
            raise self.error(name, f"应在 {minimum} 到 {maximum} 之间")
        return value

    def boolean(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self.error(name, "应为 true 或 false")
        return value

    def choice(self, name: str, choices: Mapping[str, T], default: str | None = None) -> T:
        """One of some words, as what the word stands for."""
        value = self._value(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self.error(name, f"应为 {'、'.join(choices)} 之一")
        return choices[value]

    def day(self, name: str) -> date | None:
        """A date such as 2026-12-31, or none."""
        if not self.has(name):
            return None
        try:
            return date.fromisoformat(self.text(name))
        except ValueError as error:
            raise self.error(name, "应为日期，如 2026-12-31") from error

    def text_list(self, name: str) -> list[str]:
        """A list of texts; empty when the field is missing. Bare numbers are words as well."""
        values = []
        for position, item in enumerate(self._items(name), 1):
            value = item.value if isinstance(item, yaml_nodes.ScalarNode) else None
            # keywords such as 12345 are often written without quotes; what begins with a zero is
            # text already, so nothing is lost here
            if type(value) is int:
                value = str(value)
            if not isinstance(value, str) or not value.strip():
                raise self.error(f"{name}[{position}]", "应为不空的文字")
            if len(value) > _MAX_TEXT_LENGTH:
                raise self.error(f"{name}[{position}]", f"最长 {_MAX_TEXT_LENGTH} 个字")
            values.append(value)
        return values

    def record(self, name: str) -> "Record | None":
        """A mapping below this one, or None."""
        if not self.has(name):
            return None
        node = self.node.entries[name]
        if not isinstance(node, yaml_nodes.MappingNode):
            raise self.error(name, "应是一组“名称：内容”")
        return Record(self.file, node, self._full_path(name))

    def records(self, name: str) -> list["Record"]:
        """A list of mappings; empty when the field is missing."""
        values = []
        for position, item in enumerate(self._items(name), 1):
            if not isinstance(item, yaml_nodes.MappingNode):
                raise self.error(f"{name}[{position}]", "应是一组“名称：内容”")
            values.append(Record(self.file, item, self._full_path(f"{name}[{position}]")))
        return values

    def section(self, name: str) -> list["Record"]:
        """The records of a file's section, each the beginning of its own path."""
        return [Record(record.file, record.node) for record in self.records(name)]

    def to_python(self) -> dict[str, object]:
        """All of it as dict, list and values."""
        return {name: yaml_nodes.to_python(node) for name, node in self.node.entries.items()}

    def error(self, field: str, problem: str) -> InvalidFile:
        """The error that names this file, the field's line and the field."""
        line, path = self._line_of(field), self._full_path(field)
        # messages of `keywords` end with a full stop, those of this package do not
        where = f"{self.file} 第 {line} 行 {path}"
        return InvalidFile(where=where, problem=problem.rstrip("。"), line=line, field=path)

    @property
    def line(self) -> int:
        """Where the record begins."""
        return self.node.line

    @contextmanager
    def errors_at(self, field: str = "id") -> Iterator[None]:
        """Give an error that is raised inside this record's line, and `field` if it names none."""
        try:
            yield
        # raised by a record further in, which knows its line better
        except InvalidFile:
            raise
        except Invalid as error:
            raise self.error(error.field, error.problem) from error
        except DomainError as error:
            raise self.error(field, str(error)) from error

    def _value(self, name: str, default: yaml_nodes.Value) -> yaml_nodes.Value:
        if not self.has(name):
            if default is None:
                raise self.error(
                    name, "缺少这个字段" if name not in self.node.entries else "不能为空"
                )
            return default
        node = self.node.entries[name]
        if not isinstance(node, yaml_nodes.ScalarNode):
            raise self.error(name, "应是一个值，不能是列表或一组内容")
        return node.value

    def _items(self, name: str) -> list[yaml_nodes.Node]:
        if not self.has(name):
            return []
        node = self.node.entries[name]
        if not isinstance(node, yaml_nodes.SequenceNode):
            raise self.error(name, "应为列表")
        return node.items

    def _full_path(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field

    def _line_of(self, field: str) -> int:
        """The line of the last step of a dotted path that is written in the file."""
        # as far as the path exists in the file: a missing field is reported on the line of what it
        # is missing from
        node: yaml_nodes.Node = self.node
        line = node.line
        for name, number in _PATH_STEP.findall(field):
            if isinstance(node, yaml_nodes.MappingNode) and name in node.entries:
                line, node = node.lines[name], node.entries[name]
            elif isinstance(node, yaml_nodes.SequenceNode) and 1 <= int(number or 0) <= len(
                node.items
            ):
                node = node.items[int(number) - 1]
                line = node.line
            else:
                break
        return line


def unique_by(records: Iterable[Record], field: str = "id") -> dict[str, Record]:
    """The records by a field that no two may share, also across files."""
    values: dict[str, Record] = {}
    for record in records:
        # compared before anything is written, because two files may be loaded in one command
        key = record.text(field)
        if key in values:
            first = values[key]
            raise record.error(field, f"“{key}”重复，{first.file} 第 {first.line} 行已写过")
        values[key] = record
    return values
