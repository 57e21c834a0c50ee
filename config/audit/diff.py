"""Reading an audit row: what changed, field by field, in words.

    before {"state": "active"}          Change("状态", "启用", "停用")
    after  {"state": "paused"}    ──>

Nested facts become one line for each leaf; what stayed the same is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.audit import AuditEntry, labels

# names by field and id, as in {"department_id": {"3": "民政局"}}
NamesByField = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: what it is called, what it was and what it became; empty where it was not."""

    field: str
    before: str
    after: str


def changes(entry: AuditEntry, names: NamesByField | None = None) -> list[FieldChange]:
    """What one row changed. `names` tells what ids stand for; an unknown id stays a number."""
    before = dict(_flatten(entry.before or {}, "", names or {}))
    after = dict(_flatten(entry.after or {}, "", names or {}))
    return [
        FieldChange(field, before.get(field, ""), after.get(field, ""))
        for field in {**before, **after}
        if before.get(field, "") != after.get(field, "")
    ]


def ids_in(entry: AuditEntry, field: str) -> set[str]:
    """The ids that one field of a row holds, before and after, to ask for their names."""
    facts = (entry.before or {}, entry.after or {})
    return {str(row[field]) for row in facts if isinstance(row.get(field), int)}


def _flatten(facts: Mapping[str, Any], path: str, names: NamesByField) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        label = f"{path}{labels.FIELDS.get(name, name)}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{label} · ", names)
        elif isinstance(value, list) and any(isinstance(row, Mapping) for row in value):
            yield from _flatten_list(value, label, name, names)
        else:
            yield label, _display_value(name, value, names)


def _flatten_list(
    rows: list[Any], label: str, name: str, names: NamesByField
) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            yield from _flatten(row, f"{label} {number} · ", names)
        else:
            yield f"{label} {number}", _display_value(name, row, names)


def _display_value(name: str, value: Any, names: NamesByField) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_display_value(name, item, names) for item in value)
    text = str(value)
    if name in names:
        return names[name].get(text, text)
    return labels.VALUES.get(text, text) if name in labels.ENUM_FIELDS else text
