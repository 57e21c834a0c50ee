"""Departments in files: `region`, `defaults`, `departments` and `towns`.

The head account's department is the root; every other one stands below it unless it names a
`parent`. Without a region, new departments stand below the root that the database has, and known
ones stay where they are. `defaults` are written into each department that does not say
otherwise. What the hub has no column for is kept in the department's details.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from app.content.record import Record, unique_by
from config.database import session
from matrix import departments
from matrix.departments import Department

SECTIONS = ("region", "defaults", "departments", "towns")

_TEXTS = (
    "code", "account_name", "operator", "address", "note", "account_type", "filing_status",
)  # fmt: skip
_LISTS = ("short_names", "seed_names", "duties")
_FLAGS = ("verified", "name_verified", "has_sample_keywords")
_DETAIL_FIELDS = (*_TEXTS, *_LISTS, *_FLAGS, "hours")
_COLUMNS = ("id", "name", "kind", "phone", "parent", "successor")
_REGION = ("name", "province", "prefecture", "division_code", "area_code")
_HOURS = ("weekday_am", "weekday_pm", "weekend", "note")


@dataclass(frozen=True)
class _Region:
    """The city as the files describe it: its root department, and its facts."""

    head: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _DepartmentSpec:
    """One department as the files want it; `parent` is None where they leave it open."""

    record: Record
    code: str
    name: str
    kind: str
    phone: str
    parent: str | None
    details: dict[str, object]


def load(tops: Sequence[Record], *, now: datetime) -> int:
    """Found, rename, move and describe departments. Returns how many the files name."""
    # one query for all, as each department may name any other as its parent or successor
    known_departments = {row.slug: row for row in session.scalars(select(Department))}
    region = _region(tops)
    specs = list(_read_specs(tops, region))
    _check_region(tops, region, {*known_departments, *(spec.code for spec in specs)})
    # from what was there before: a file without a region adds departments to a city that exists
    root = _single_root(known_departments.values())
    # a parent must have its id before a department can be put below it
    for spec in _parents_first(specs):
        known_departments[spec.code] = _save(spec, root, known_departments, now)
    for spec in specs:
        _merge(spec, known_departments)
    # last, as the head may be a department that these files found
    _update_region(region, known_departments)
    return len(specs)


def ids_by_code() -> dict[str, int]:
    """The id of each department by its code."""
    return dict(session.execute(select(Department.slug, Department.id)).all())


def dump() -> dict[str, object]:
    """Everything about departments, in the shape that `load` reads."""
    # by slug, so that two exports of the same content are the same file
    rows = list(session.scalars(select(Department).order_by(Department.slug)))
    codes = {row.id: row.slug for row in rows}
    written: dict[str, object] = {}
    head = _single_root(rows)
    if head is not None:
        written["region"] = {**head.details.get("region", {}), "head_account": head.slug}
    for section, is_town in (("departments", False), ("towns", True)):
        listed = [_to_data(row, head, codes) for row in rows if _is_town(row) is is_town]
        if listed:
            written[section] = listed
    return written


def _region(tops: Sequence[Record]) -> _Region:
    found = _Region()
    for top in tops:
        record = top.record("region")
        if record is None:
            continue
        record.allow_only(*_REGION, "head_account")
        head = record.text("head_account")
        # two files may describe the region in part; they must agree on its head, or departments
        # would hang below one or the other depending on the order of the files
        if found.head and found.head != head:
            raise record.error("head_account", f"与另一个文件的“{found.head}”不一致")
        facts = {name: record.text(name) for name in _REGION if record.has(name)}
        found = _Region(head, {**found.facts, **facts})
    return found


def _check_region(tops: Sequence[Record], region: _Region, codes: set[str]) -> None:
    for top in tops:
        record = top.record("region")
        if record is not None and region.head not in codes:
            raise record.error("head_account", f"没有编号为“{region.head}”的单位")


def _read_specs(tops: Sequence[Record], region: _Region) -> Iterator[_DepartmentSpec]:
    found: list[tuple[Record, dict[str, object]]] = []
    for top in tops:
        defaults = top.record("defaults")
        shared = {} if defaults is None else _read_details(defaults.allow_only(*_DETAIL_FIELDS))
        found += [(record, shared) for record in top.section("departments")]
        # towns are departments like others and differ only in the section that an export writes
        # them to
        found += [(record, {**shared, "town": True}) for record in top.section("towns")]
    unique_by(record for record, _ in found)
    for record, shared in found:
        record.allow_only(*_COLUMNS, *_DETAIL_FIELDS)
        code = record.text("id")
        yield _DepartmentSpec(
            record=record,
            code=code,
            name=record.text("name"),
            kind=record.text("kind", ""),
            phone=record.text("phone", ""),
            parent=_parent(record, code, region.head),
            # what a department says itself wins over `defaults`
            details={**shared, **_read_details(record)},
        )


def _parent(record: Record, code: str, head: str) -> str | None:
    # None leaves an existing department where it is, an empty text makes the head a root
    if record.has("parent"):
        return record.text("parent")
    if code == head:
        return ""
    return head or None


def _read_details(record: Record) -> dict[str, object]:
    """The fields without a column, each checked by its type."""
    found: dict[str, object] = {}
    for name in _DETAIL_FIELDS:
        if not record.has(name):
            continue
        if name in _TEXTS:
            found[name] = record.text(name, max_length=1000)
        elif name in _LISTS:
            found[name] = record.text_list(name)
        elif name in _FLAGS:
            found[name] = record.boolean(name)
        else:
            found[name] = _hours(record)
    return found


def _hours(record: Record) -> dict[str, str]:
    hours = record.record("hours")
    assert hours is not None
    hours.allow_only(*_HOURS)
    return {name: hours.text(name) for name in _HOURS if hours.has(name)}


def _single_root(rows: Iterable[Department]) -> Department | None:
    # a root that was merged into another department is no root any more
    roots = [row for row in rows if row.parent_id is None and row.successor_id is None]
    return roots[0] if len(roots) == 1 else None


def _parents_first(specs: Iterable[_DepartmentSpec]) -> Iterator[_DepartmentSpec]:
    """Departments after those they stand below, in file order otherwise."""
    unplaced = {spec.code: spec for spec in specs}
    while unplaced:
        ready = [spec for spec in unplaced.values() if spec.parent not in unplaced]
        if not ready:
            # those in a circle name a parent, and one of them is enough to find the mistake
            cyclic = next(spec for spec in unplaced.values() if spec.record.has("parent"))
            raise cyclic.record.error("parent", "上级单位互为上下级，成了一个圈")
        for spec in ready:
            yield unplaced.pop(spec.code)


def _save(
    spec: _DepartmentSpec,
    root: Department | None,
    known_departments: dict[str, Department],
    now: datetime,
) -> Department:
    row = known_departments.get(spec.code)
    parent_id = _parent_id(spec, row, root, known_departments)
    with spec.record.errors_at():
        if row is None:
            return departments.create(
                slug=spec.code,
                name=spec.name,
                kind=spec.kind,
                parent_id=parent_id,
                phone=spec.phone,
                details=spec.details,
                now=now,
            )
        if row.name != spec.name:
            departments.rename(row.id, spec.name, now=now)
        if row.parent_id != parent_id:
            departments.move(row.id, parent_id)
        _update_details(row, spec)
    return row


def _parent_id(
    spec: _DepartmentSpec,
    row: Department | None,
    root: Department | None,
    known_departments: dict[str, Department],
) -> int | None:
    if spec.parent is None and row is not None:
        return row.parent_id
    if spec.parent is None:
        return root.id if root else None
    if not spec.parent:
        return None
    if spec.parent not in known_departments:
        raise spec.record.error("parent", f"没有编号为“{spec.parent}”的单位")
    return known_departments[spec.parent].id


def _update_details(row: Department, spec: _DepartmentSpec) -> None:
    details = dict(spec.details)
    # the region lies in the head's details without being one of its fields, so that a file which
    # does not mention it must not delete it
    if "region" in row.details:
        details["region"] = row.details["region"]
    if (row.kind, row.phone, row.details) != (spec.kind, spec.phone, details):
        departments.update(row.id, kind=spec.kind, phone=spec.phone, details=details)


def _update_region(region: _Region, known_departments: dict[str, Department]) -> None:
    if not region.head:
        return
    row = known_departments[region.head]
    details = {**row.details, "region": region.facts}
    if row.details != details:
        departments.update(row.id, kind=row.kind, phone=row.phone, details=details)


def _merge(spec: _DepartmentSpec, known_departments: dict[str, Department]) -> None:
    if not spec.record.has("successor"):
        return
    code, row = spec.record.text("successor"), known_departments[spec.code]
    if code not in known_departments:
        raise spec.record.error("successor", f"没有编号为“{code}”的单位")
    # a merged department is closed, and loading the same file again must not fail at that
    if row.successor_id != known_departments[code].id:
        with spec.record.errors_at("successor"):
            departments.merge(row.id, into=known_departments[code].id)


def _is_town(row: Department) -> bool:
    return bool(row.details.get("town"))


def _to_data(row: Department, head: Department | None, codes: dict[int, str]) -> dict[str, object]:
    shape: dict[str, object] = {"id": row.slug, "name": row.name}
    if row.kind:
        shape["kind"] = row.kind
    # below the head is the default of `load`, so it is not written
    if row.parent_id is not None and (head is None or row.parent_id != head.id):
        shape["parent"] = codes[row.parent_id]
    if row.successor_id is not None:
        shape["successor"] = codes[row.successor_id]
    if row.phone:
        shape["phone"] = row.phone
    shape |= {name: row.details[name] for name in _DETAIL_FIELDS if name in row.details}
    return shape
