"""Guides in files: `services`, each with its department, and what it says field by field."""

from collections.abc import Callable, Sequence
from datetime import datetime

from app.content.accounts import department_id_of
from app.content.record import Record, unique_by
from services import catalogue
from services.catalogue import Guide, GuideSpec, GuideState

SECTIONS = ("services",)

_STATES = {state.value: state for state in GuideState}
_COLUMNS = ("id", "department", "name", "keywords", "state", "review_by")


def _read_text(record: Record, name: str) -> str:
    return record.text(name, "", max_length=2000)


def _read_number(record: Record, name: str) -> int:
    return record.integer(name, maximum=10000)


def _read_level(record: Record, name: str) -> int:
    return record.integer(name, minimum=1, maximum=4)


def _read_materials(record: Record, name: str) -> list[dict[str, object]]:
    return [_read_fields(each, _MATERIAL) for each in record.records(name)]


def _read_fee(record: Record, name: str) -> dict[str, object]:
    """An unquoted comma cuts `desc` into names without a value; they are its sentence again."""
    fee = record.record(name)
    if fee is None:
        return {}
    unnamed_parts = [word for word in fee.node.entries if word not in _FEE and not fee.has(word)]
    # only words without a value count as parts of the sentence: a misspelt field has a value and is
    # refused
    fee.allow_only(*_FEE, *unnamed_parts)
    desc = ",".join([_read_text(fee, "desc"), *unnamed_parts])
    return {"charge": fee.boolean("charge"), **({"desc": desc} if desc else {})}


def _read_appointment(record: Record, name: str) -> dict[str, object]:
    appointment = record.record(name)
    return {} if appointment is None else _read_fields(appointment, _APPOINTMENT)


# readers by field instead of a class for each shape: the body is stored as the JSON that was read,
# and only its fields are checked
_FieldReaders = dict[str, Callable[[Record, str], object]]
_MATERIAL: _FieldReaders = {"name": Record.text, "form": _read_text, "required": Record.boolean}
_FEE = ("charge", "desc")
_APPOINTMENT: _FieldReaders = {
    "enabled": Record.boolean,
    "window_days": _read_number,
    "slot_minutes": _read_number,
    "capacity_per_slot": _read_number,
}
_BODY: _FieldReaders = {
    "item_type": _read_text,
    "implementer": _read_text,
    "target": Record.text_list,
    "conditions": Record.text_list,
    "materials": _read_materials,
    "process": Record.text_list,
    "legal_days": _read_number,
    "promised_days": _read_number,
    "fee": _read_fee,
    "place": _read_text,
    "hours": _read_text,
    "phone": _read_text,
    "online_level": _read_level,
    "visits": _read_number,
    "result": _read_text,
    "appointment": _read_appointment,
    "note": _read_text,
}


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Write the guides. Returns how many the files name."""
    records = unique_by(record for top in tops for record in top.section("services"))
    for code, record in records.items():
        record.allow_only(*_COLUMNS, *_BODY)
        spec = GuideSpec(
            slug=code,
            department_id=department_id_of(record, departments),
            name=record.text("name"),
            # absent fields stay absent, so that an export gives back what was loaded
            body={name: read(record, name) for name, read in _BODY.items() if record.has(name)},
            keywords=record.text_list("keywords"),
            state=record.choice("state", _STATES, GuideState.ACTIVE.value),
            review_by=record.day("review_by"),
        )
        with record.errors_at():
            catalogue.upsert(spec, now=now)
    return len(records)


def dump(departments: dict[int, str]) -> dict[str, object]:
    """All guides, in the shape that `load` reads."""
    listed = [_to_data(guide, departments) for guide in catalogue.list_all()]
    return {"services": listed} if listed else {}


def _read_fields(record: Record, shape: _FieldReaders) -> dict[str, object]:
    record.allow_only(*shape)
    return {name: read(record, name) for name, read in shape.items() if record.has(name)}


def _to_data(guide: Guide, departments: dict[int, str]) -> dict[str, object]:
    shape: dict[str, object] = {
        "id": guide.slug,
        "department": departments[guide.department_id],
        "name": guide.name,
    }
    # in the order of the fields here, whatever order the loaded file had
    shape |= {name: guide.body[name] for name in _BODY if name in guide.body}
    if guide.keywords:
        shape["keywords"] = guide.keywords
    if guide.state is not GuideState.ACTIVE:
        shape["state"] = guide.state.value
    if guide.review_by is not None:
        shape["review_by"] = guide.review_by.isoformat()
    return shape
