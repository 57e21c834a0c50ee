"""What an audit entry changed, field by field, with Chinese names.

    before {"state": "active"}    ──>   FieldChange("状态", "启用", "停用")
    after  {"state": "paused"}

Nested values give one change for each leaf; what stayed the same is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.audit import AuditEntry, labels

# names by field and id, as in {"department_id": {"3": "民政局"}}
NamesByField = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field's name and its values before and after; an empty text where there was none."""

    field: str
    before: str
    after: str


def changes(entry: AuditEntry, names: NamesByField | None = None) -> list[FieldChange]:
    """The changes of an entry, in the order of its fields.

    `names` gives the names of ids by field; an id without a name is shown as a number.
    """
    # compared as the texts that are shown: a change that no reader could see is left out
    before = dict(_flatten(entry.before or {}, "", names or {}))
    after = dict(_flatten(entry.after or {}, "", names or {}))
    return [
        FieldChange(field, before.get(field, ""), after.get(field, ""))
        for field in {**before, **after}
        if before.get(field, "") != after.get(field, "")
    ]


def ids_in(entry: AuditEntry, field: str) -> set[str]:
    """The ids in one field, before and after, as texts: the keys to look up for `changes`."""
    facts = (entry.before or {}, entry.after or {})
    return {str(row[field]) for row in facts if isinstance(row.get(field), int)}


def _flatten(
    facts: Mapping[str, object], path: str, names: NamesByField
) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        label = f"{path}{labels.FIELDS.get(name, name)}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{label} · ", names)
        # rows, such as menu buttons, get a number: their position is all they are known by
        elif isinstance(value, list) and any(isinstance(row, Mapping) for row in value):
            yield from _flatten_list(value, label, name, names)
        else:
            yield label, _display_value(name, value, names)


def _flatten_list(
    rows: list[object], label: str, name: str, names: NamesByField
) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            yield from _flatten(row, f"{label} {number} · ", names)
        else:
            yield f"{label} {number}", _display_value(name, row, names)


def _display_value(name: str, value: object, names: NamesByField) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    # a list of plain values stays one change: "编辑、审核" reads better than two lines
    if isinstance(value, list):
        return "、".join(_display_value(name, item, names) for item in value)
    text = str(value)
    if name in names:
        return names[name].get(text, text)
    return labels.VALUES.get(text, text) if name in labels.ENUM_FIELDS else text
