"""Fields: one record of a file, read field by field, each by its type.

    record.allow("id", "name")     refuses what is not known, naming the nearest
    record.text("name")            … integer, flag, texts, day, choice, records
    with record.blamed():          what a deed refuses is said of this record's line

Every refusal is one sentence that names file, line and field.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from app.loading import documents
from app.loading.documents import WrongFile
from config.errors import DomainError, Invalid

T = TypeVar("T")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_LONGEST = 500


@dataclass(frozen=True)
class Record:
    """A mapping of a file; `path` leads to it from the record that has an id."""

    file: Path
    node: documents.Mapping
    path: str = ""

    def has(self, name: str) -> bool:
        """Whether the field is written, and not left empty."""
        node = self.node.entries.get(name)
        return node is not None and not (isinstance(node, documents.Scalar) and node.value is None)

    def allow(self, *known: str) -> "Record":
        """Refuse fields that are not known."""
        for name in self.node.entries:
            if name not in known:
                near = get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"，是否应为 {near[0]}" if near else f"，可用的有 {'、'.join(known)}"
                raise self.wrong(name, f"没有这个字段{hint}")
        return self

    def text(self, name: str, default: str | None = None, *, longest: int = _LONGEST) -> str:
        """A text; without a default it must be there and say something."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "应为文字，数字请加引号")
        if default is None and not value.strip():
            raise self.wrong(name, "不能为空")
        if len(value) > longest:
            raise self.wrong(name, f"最长 {longest} 个字")
        return value

    def integer(
        self, name: str, default: int | None = None, *, least: int = 0, most: int = 10**6
    ) -> int:
        """A whole number within bounds."""
        value = self._value(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "应为整数")
        if not least <= value <= most:
            raise self.wrong(name, f"应在 {least} 到 {most} 之间")
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "应为 true 或 false")
        return value

    def choice(self, name: str, among: Mapping[str, T], default: str | None = None) -> T:
        """One of some words, as what the word stands for."""
        value = self._value(name, default)
        if not isinstance(value, str) or value not in among:
            raise self.wrong(name, f"应为 {'、'.join(among)} 之一")
        return among[value]

    def day(self, name: str) -> date | None:
        """A date such as 2026-12-31, or none."""
        if not self.has(name):
            return None
        try:
            return date.fromisoformat(self.text(name))
        except ValueError as error:
            raise self.wrong(name, "应为日期，如 2026-12-31") from error

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty when the field is missing. Bare numbers are words as well."""
        found = []
        for at, item in enumerate(self._items(name), 1):
            value = item.value if isinstance(item, documents.Scalar) else None
            if type(value) is int:
                value = str(value)
            if not isinstance(value, str) or not value.strip():
                raise self.wrong(f"{name}[{at}]", "应为不空的文字")
            if len(value) > _LONGEST:
                raise self.wrong(f"{name}[{at}]", f"最长 {_LONGEST} 个字")
            found.append(value)
        return found

    def record(self, name: str) -> "Record | None":
        """A mapping below this one, or None."""
        if not self.has(name):
            return None
        node = self.node.entries[name]
        if not isinstance(node, documents.Mapping):
            raise self.wrong(name, "应是一组“名称：内容”")
        return Record(self.file, node, self._inner(name))

    def records(self, name: str) -> list["Record"]:
        """A list of mappings; empty when the field is missing."""
        found = []
        for at, item in enumerate(self._items(name), 1):
            if not isinstance(item, documents.Mapping):
                raise self.wrong(f"{name}[{at}]", "应是一组“名称：内容”")
            found.append(Record(self.file, item, self._inner(f"{name}[{at}]")))
        return found

    def rows(self, name: str) -> list["Record"]:
        """The records of a file's section, each the beginning of its own path."""
        return [Record(record.file, record.node) for record in self.records(name)]

    def plain(self) -> dict[str, Any]:
        """All of it as dict, list and values."""
        return {name: documents.plain(node) for name, node in self.node.entries.items()}

    def wrong(self, field: str, problem: str) -> WrongFile:
        """The error that names this file, the field's line and the field."""
        line, inner = self._line(field), self._inner(field)
        where = f"{self.file} 第 {line} 行 {inner}"
        return WrongFile(where=where, problem=problem.rstrip("。"), line=line, field=inner)

    @property
    def line(self) -> int:
        """Where the record begins."""
        return self.node.line

    @contextmanager
    def blamed(self, field: str = "id") -> Iterator[None]:
        """What a rule refuses inside is said of this record, of `field` if it names none."""
        try:
            yield
        except WrongFile:
            raise
        except Invalid as error:
            raise self.wrong(error.field, error.problem) from error
        except DomainError as error:
            raise self.wrong(field, str(error)) from error

    def _value(self, name: str, default: documents.Value) -> documents.Value:
        if not self.has(name):
            if default is None:
                raise self.wrong(
                    name, "缺少这个字段" if name not in self.node.entries else "不能为空"
                )
            return default
        node = self.node.entries[name]
        if not isinstance(node, documents.Scalar):
            raise self.wrong(name, "应是一个值，不能是列表或一组内容")
        return node.value

    def _items(self, name: str) -> list[documents.Node]:
        if not self.has(name):
            return []
        node = self.node.entries[name]
        if not isinstance(node, documents.Sequence):
            raise self.wrong(name, "应为列表")
        return node.items

    def _inner(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field

    def _line(self, field: str) -> int:
        """The line of the last step of a dotted path that is written in the file."""
        node: documents.Node = self.node
        line = node.line
        for name, number in _STEP.findall(field):
            if isinstance(node, documents.Mapping) and name in node.entries:
                line, node = node.lines[name], node.entries[name]
            elif isinstance(node, documents.Sequence) and 1 <= int(number or 0) <= len(node.items):
                node = node.items[int(number) - 1]
                line = node.line
            else:
                break
        return line


def unique(records: Iterable[Record], name: str = "id") -> dict[str, Record]:
    """The records by a field that no two may share, also across files."""
    found: dict[str, Record] = {}
    for record in records:
        key = record.text(name)
        if key in found:
            first = found[key]
            raise record.wrong(name, f"“{key}”重复，{first.file} 第 {first.line} 行已写过")
        found[key] = record
    return found
