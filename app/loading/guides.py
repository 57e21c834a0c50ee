"""Guides in files: `services`, each with its department, and what it says field by field."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.loading.accounts import owner
from app.loading.fields import Record, unique
from services import catalogue
from services.catalogue import Draft, Guide, State

SECTIONS = ("services",)

_STATES = {state.value: state for state in State}
_COLUMNS = ("id", "department", "name", "keywords", "state", "review_by")


def _text(record: Record, name: str) -> str:
    return record.text(name, "", longest=2000)


def _number(record: Record, name: str) -> int:
    return record.integer(name, most=10000)


def _level(record: Record, name: str) -> int:
    return record.integer(name, least=1, most=4)


def _materials(record: Record, name: str) -> list[dict[str, Any]]:
    return [_part(each, _MATERIAL) for each in record.records(name)]


def _fee(record: Record, name: str) -> dict[str, Any]:
    """An unquoted comma cuts `desc` into names without a value; they are its sentence again."""
    fee = record.record(name)
    if fee is None:
        return {}
    rest = [word for word in fee.node.entries if word not in _FEE and not fee.has(word)]
    fee.allow(*_FEE, *rest)
    desc = ",".join([_text(fee, "desc"), *rest])
    return {"charge": fee.flag("charge"), **({"desc": desc} if desc else {})}


def _appointment(record: Record, name: str) -> dict[str, Any]:
    appointment = record.record(name)
    return {} if appointment is None else _part(appointment, _APPOINTMENT)


_Shape = dict[str, Callable[[Record, str], Any]]
_MATERIAL: _Shape = {"name": Record.text, "form": _text, "required": Record.flag}
_FEE = ("charge", "desc")
_APPOINTMENT: _Shape = {
    "enabled": Record.flag,
    "window_days": _number,
    "slot_minutes": _number,
    "capacity_per_slot": _number,
}
_BODY: _Shape = {
    "item_type": _text,
    "implementer": _text,
    "target": Record.texts,
    "conditions": Record.texts,
    "materials": _materials,
    "process": Record.texts,
    "legal_days": _number,
    "promised_days": _number,
    "fee": _fee,
    "place": _text,
    "hours": _text,
    "phone": _text,
    "online_level": _level,
    "visits": _number,
    "result": _text,
    "appointment": _appointment,
    "note": _text,
}


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Write the guides. Returns how many the files name."""
    records = unique(record for top in tops for record in top.rows("services"))
    for code, record in records.items():
        record.allow(*_COLUMNS, *_BODY)
        draft = Draft(
            code=code,
            department_id=owner(record, departments),
            name=record.text("name"),
            body={name: read(record, name) for name, read in _BODY.items() if record.has(name)},
            keywords=record.texts("keywords"),
            state=record.choice("state", _STATES, State.ACTIVE.value),
            review_by=record.day("review_by"),
        )
        with record.blamed():
            catalogue.put(draft, now=now)
    return len(records)


def dump(departments: dict[int, str]) -> dict[str, Any]:
    """All guides, in the shape that `load` reads."""
    listed = [_shape(guide, departments) for guide in catalogue.everything()]
    return {"services": listed} if listed else {}


def _part(record: Record, shape: _Shape) -> dict[str, Any]:
    record.allow(*shape)
    return {name: read(record, name) for name, read in shape.items() if record.has(name)}


def _shape(guide: Guide, departments: dict[int, str]) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": guide.code,
        "department": departments[guide.department_id],
        "name": guide.name,
    }
    shape |= {name: guide.body[name] for name in _BODY if name in guide.body}
    if guide.keywords:
        shape["keywords"] = guide.keywords
    if guide.state is not State.ACTIVE:
        shape["state"] = guide.state.value
    if guide.review_by is not None:
        shape["review_by"] = guide.review_by.isoformat()
    return shape
