"""Reading an audit row: what changed, field by field, in words.

    before {"state": "active"}          Change("状态", "启用", "停用")
    after  {"state": "paused"}    ──>

Nested facts become one line for each leaf; what stayed the same is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.audit import Entry, words

# names by field and id, as in {"department_id": {"3": "民政局"}}
Names = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what it is called, what it was and what it became; empty where it was not."""

    field: str
    before: str
    after: str


def changes(entry: Entry, names: Names | None = None) -> list[Change]:
    """What one row changed. `names` tells what ids stand for; an unknown id stays a number."""
    before = dict(_leaves(entry.before or {}, "", names or {}))
    after = dict(_leaves(entry.after or {}, "", names or {}))
    return [
        Change(field, before.get(field, ""), after.get(field, ""))
        for field in {**before, **after}
        if before.get(field, "") != after.get(field, "")
    ]


def ids_in(entry: Entry, field: str) -> set[str]:
    """The ids that one field of a row holds, before and after, to ask for their names."""
    facts = (entry.before or {}, entry.after or {})
    return {str(row[field]) for row in facts if isinstance(row.get(field), int)}


def _leaves(facts: Mapping[str, Any], path: str, names: Names) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        label = f"{path}{words.FIELDS.get(name, name)}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{label} · ", names)
        elif isinstance(value, list) and any(isinstance(row, Mapping) for row in value):
            yield from _numbered(value, label, name, names)
        else:
            yield label, _said(name, value, names)


def _numbered(rows: list[Any], label: str, name: str, names: Names) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            yield from _leaves(row, f"{label} {number} · ", names)
        else:
            yield f"{label} {number}", _said(name, row, names)


def _said(name: str, value: Any, names: Names) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_said(name, each, names) for each in value)
    text = str(value)
    if name in names:
        return names[name].get(text, text)
    return words.VALUES.get(text, text) if name in words.CODED else text
