"""Departments in files: `region`, `defaults`, `departments` and `towns`.

The head account's department is the root; every other one stands below it unless it names a
`parent`. Without a region, new departments stand below the root that the database has, and known
ones stay where they are. `defaults` are written into each department that does not say
otherwise. What the hub has no column for is kept in the department's details.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.loading.fields import Record, unique
from config.database import session
from matrix import departments
from matrix.departments import Department

SECTIONS = ("region", "defaults", "departments", "towns")

_TEXTS = (
    "code", "account_name", "operator", "address", "note", "account_type", "filing_status",
)  # fmt: skip
_LISTS = ("seed_names", "duties")
_FLAGS = ("verified", "name_verified", "has_sample_keywords")
_LOOSE = (*_TEXTS, *_LISTS, *_FLAGS, "hours")
_COLUMNS = ("id", "name", "kind", "phone", "parent", "successor")
_REGION = ("name", "province", "prefecture", "division_code", "area_code")
_HOURS = ("weekday_am", "weekday_pm", "weekend", "note")


@dataclass(frozen=True)
class _Region:
    """The city as the files describe it: its root department, and its facts."""

    head: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wish:
    """One department as the files want it; `parent` is None where they leave it open."""

    record: Record
    code: str
    name: str
    kind: str
    phone: str
    parent: str | None
    details: dict[str, Any]


def load(tops: Sequence[Record], *, now: datetime) -> int:
    """Found, rename, move and describe departments. Returns how many the files name."""
    known = {row.code: row for row in session.scalars(select(Department))}
    region = _region(tops)
    wishes = list(_wishes(tops, region))
    _check_region(tops, region, {*known, *(wish.code for wish in wishes)})
    root = _lone_root(known.values())
    for wish in _parents_first(wishes):
        known[wish.code] = _put(wish, root, known, now)
    for wish in wishes:
        _merge(wish, known)
    _describe_city(region, known)
    return len(wishes)


def ids() -> dict[str, int]:
    """The id of each department by its code."""
    return dict(session.execute(select(Department.code, Department.id)).all())


def dump() -> dict[str, Any]:
    """Everything about departments, in the shape that `load` reads."""
    rows = list(session.scalars(select(Department).order_by(Department.code)))
    codes = {row.id: row.code for row in rows}
    written: dict[str, Any] = {}
    head = _lone_root(rows)
    if head is not None:
        written["region"] = {**head.details.get("region", {}), "head_account": head.code}
    for section, wanted in (("departments", False), ("towns", True)):
        listed = [_shape(row, head, codes) for row in rows if _is_town(row) is wanted]
        if listed:
            written[section] = listed
    return written


def _region(tops: Sequence[Record]) -> _Region:
    found = _Region()
    for top in tops:
        record = top.record("region")
        if record is None:
            continue
        record.allow(*_REGION, "head_account")
        head = record.text("head_account")
        if found.head and found.head != head:
            raise record.wrong("head_account", f"与另一个文件的“{found.head}”不一致")
        facts = {name: record.text(name) for name in _REGION if record.has(name)}
        found = _Region(head, {**found.facts, **facts})
    return found


def _check_region(tops: Sequence[Record], region: _Region, codes: set[str]) -> None:
    for top in tops:
        record = top.record("region")
        if record is not None and region.head not in codes:
            raise record.wrong("head_account", f"没有编号为“{region.head}”的单位")


def _wishes(tops: Sequence[Record], region: _Region) -> Iterator[_Wish]:
    found: list[tuple[Record, dict[str, Any]]] = []
    for top in tops:
        defaults = top.record("defaults")
        shared = {} if defaults is None else _loose(defaults.allow(*_LOOSE))
        found += [(record, shared) for record in top.rows("departments")]
        found += [(record, {**shared, "town": True}) for record in top.rows("towns")]
    unique(record for record, _ in found)
    for record, shared in found:
        record.allow(*_COLUMNS, *_LOOSE)
        code = record.text("id")
        yield _Wish(
            record=record,
            code=code,
            name=record.text("name"),
            kind=record.text("kind", ""),
            phone=record.text("phone", ""),
            parent=_parent(record, code, region.head),
            details={**shared, **_loose(record)},
        )


def _parent(record: Record, code: str, head: str) -> str | None:
    if record.has("parent"):
        return record.text("parent")
    if code == head:
        return ""
    return head or None


def _loose(record: Record) -> dict[str, Any]:
    """The fields without a column, each checked by its type."""
    found: dict[str, Any] = {}
    for name in _LOOSE:
        if not record.has(name):
            continue
        if name in _TEXTS:
            found[name] = record.text(name, longest=1000)
        elif name in _LISTS:
            found[name] = record.texts(name)
        elif name in _FLAGS:
            found[name] = record.flag(name)
        else:
            found[name] = _hours(record)
    return found


def _hours(record: Record) -> dict[str, str]:
    hours = record.record("hours")
    assert hours is not None
    hours.allow(*_HOURS)
    return {name: hours.text(name) for name in _HOURS if hours.has(name)}


def _lone_root(rows: Iterable[Department]) -> Department | None:
    roots = [row for row in rows if row.parent_id is None and row.successor_id is None]
    return roots[0] if len(roots) == 1 else None


def _parents_first(wishes: Iterable[_Wish]) -> Iterator[_Wish]:
    """Departments after those they stand below, in file order otherwise."""
    waiting = {wish.code: wish for wish in wishes}
    while waiting:
        ready = [wish for wish in waiting.values() if wish.parent not in waiting]
        if not ready:
            knot = next(wish for wish in waiting.values() if wish.record.has("parent"))
            raise knot.record.wrong("parent", "上级单位互为上下级，成了一个圈")
        for wish in ready:
            yield waiting.pop(wish.code)


def _put(
    wish: _Wish, root: Department | None, known: dict[str, Department], now: datetime
) -> Department:
    row = known.get(wish.code)
    parent_id = _parent_id(wish, row, root, known)
    with wish.record.blamed():
        if row is None:
            return departments.add(
                code=wish.code,
                name=wish.name,
                kind=wish.kind,
                parent_id=parent_id,
                phone=wish.phone,
                details=wish.details,
                now=now,
            )
        if row.name != wish.name:
            departments.rename(row.id, wish.name, now=now)
        if row.parent_id != parent_id:
            departments.move(row.id, parent_id)
        _describe(row, wish)
    return row


def _parent_id(
    wish: _Wish, row: Department | None, root: Department | None, known: dict[str, Department]
) -> int | None:
    if wish.parent is None and row is not None:
        return row.parent_id
    if wish.parent is None:
        return root.id if root else None
    if not wish.parent:
        return None
    if wish.parent not in known:
        raise wish.record.wrong("parent", f"没有编号为“{wish.parent}”的单位")
    return known[wish.parent].id


def _describe(row: Department, wish: _Wish) -> None:
    details = dict(wish.details)
    if "region" in row.details:
        details["region"] = row.details["region"]
    if (row.kind, row.phone, row.details) != (wish.kind, wish.phone, details):
        departments.describe(row.id, kind=wish.kind, phone=wish.phone, details=details)


def _describe_city(region: _Region, known: dict[str, Department]) -> None:
    if not region.head:
        return
    row = known[region.head]
    details = {**row.details, "region": region.facts}
    if row.details != details:
        departments.describe(row.id, kind=row.kind, phone=row.phone, details=details)


def _merge(wish: _Wish, known: dict[str, Department]) -> None:
    if not wish.record.has("successor"):
        return
    code, row = wish.record.text("successor"), known[wish.code]
    if code not in known:
        raise wish.record.wrong("successor", f"没有编号为“{code}”的单位")
    if row.successor_id != known[code].id:
        with wish.record.blamed("successor"):
            departments.merge(row.id, into=known[code].id)


def _is_town(row: Department) -> bool:
    return bool(row.details.get("town"))


def _shape(row: Department, head: Department | None, codes: dict[int, str]) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": row.code, "name": row.name}
    if row.kind:
        shape["kind"] = row.kind
    if row.parent_id is not None and (head is None or row.parent_id != head.id):
        shape["parent"] = codes[row.parent_id]
    if row.successor_id is not None:
        shape["successor"] = codes[row.successor_id]
    if row.phone:
        shape["phone"] = row.phone
    shape |= {name: row.details[name] for name in _LOOSE if name in row.details}
    return shape
