"""Searching the audit: by person, object, time, action and request, the newest first.

    Query ──> one index, the most telling one ──> at most REACH rows ──> the rest of the filters
                                                                    └──> Page(rows, older)

However many rows there are, a page costs the same: where a filter is so rare that REACH rows
hold too few hits, the page says how far it looked and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, select, tuple_, union_all

from config import clock
from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right

PAGE = 50
REACH = 20_000
LONGEST_WORD = 100

# more departments than this are found by walking through time
_MOST_BRANCHES = 60


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; what is empty does not matter.

    `person` and `label` are parts of names, `first` and `last` local days, both included.
    """

    person: str = ""
    actor_id: int | None = None
    kind: str = ""
    object_id: str = ""
    label: str = ""
    action: str = ""
    request_id: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Hits, the newest first. `older` is where to go on, None at the end.

    `reached` is the instant down to which was looked, where the page ends for lack of hits.
    """

    rows: Sequence[Entry]
    older: int | None = None
    reached: datetime | None = None


def search(member: Member, query: Query, *, before: int | None = None, size: int = PAGE) -> Page:
    """The hits in what the member may see, older than the row of id `before`.

    Raises Forbidden when the member may read no audit at all, Invalid for a range of days that
    ends before it begins.
    """
    member.require_anywhere(Right.AUDIT_READ)
    return find(member.area(Right.AUDIT_READ), query, before=before, size=size)


def access_entry(member: Member, entry_id: int) -> Entry:
    """One row that the member may see. Raises NotFound."""
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise NotFound(kind="audit", id=entry_id)
    member.require(Right.AUDIT_READ, department_id=entry.department_id)
    return entry


def find(area: Area, query: Query, *, before: int | None = None, size: int = PAGE) -> Page:
    """The hits inside an area. Raises Invalid for days that make no range."""
    _check(query)
    bounds = [*_range(query), *_older_than(before)]
    indexed, resting = _indexed(query), _contained(query)
    if not indexed and not area.everywhere:
        if not resting and len(area.departments) <= _MOST_BRANCHES:
            return _of_departments(area, bounds, size)
        if len(area.departments) == 1:
            indexed = [Entry.department_id == key for key in area.departments]
    if not area.everywhere:
        resting.append(area.covers(department=Entry.department_id))
    return _within_reach([*indexed[:1], *bounds], [*indexed[1:], *resting], size)


def _check(query: Query) -> None:
    for name, day in (("first", query.first), ("last", query.last)):
        if day is not None and not 2000 <= day.year <= 2999:
            raise Invalid(field=name, problem="日期超出范围。")
    if query.first and query.last and query.last < query.first:
        raise Invalid(field="last", problem="结束日期不能早于开始日期。")


def _indexed(query: Query) -> list[ColumnElement[bool]]:
    """The filters that an index answers, the most telling one first."""
    found: list[ColumnElement[bool]] = []
    if query.request_id:
        found.append(Entry.request_id == query.request_id)
    if query.kind and query.object_id:
        found.append((Entry.object_kind == query.kind) & (Entry.object_id == query.object_id))
    if query.actor_id is not None:
        found.append(Entry.actor_id == query.actor_id)
    if query.action:
        found.append(Entry.action == query.action)
    if query.kind and not query.object_id:
        found.append(Entry.object_kind == query.kind)
    return found


def _contained(query: Query) -> list[ColumnElement[bool]]:
    """The filters that are read row by row."""
    found: list[ColumnElement[bool]] = []
    if query.object_id and not query.kind:
        found.append(Entry.object_id == query.object_id)
    if query.label:
        found.append(Entry.object_label.icontains(query.label, autoescape=True))
    if query.person:
        found.append(Entry.actor_label.icontains(query.person, autoescape=True))
    return found


def _range(query: Query) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if query.first:
        bounds.append(Entry.at >= clock.start_of(query.first))
    if query.last:
        bounds.append(Entry.at < clock.start_of(query.last + timedelta(days=1)))
    return bounds


def _older_than(before: int | None) -> list[ColumnElement[bool]]:
    """Behind a row in the order of the page: by time, then by id."""
    if before is None:
        return []
    at = session.scalar(select(Entry.at).where(Entry.id == before))
    return [] if at is None else [tuple_(Entry.at, Entry.id) < tuple_(at, before)]


def _of_departments(area: Area, bounds: list[ColumnElement[bool]], size: int) -> Page:
    """The newest of several departments: a few of each, so that none is read through."""
    if not area.departments:
        return Page([])
    branches = [
        _newest(Entry.department_id == key, *bounds)
        .with_only_columns(Entry.id)
        .limit(size + 1)
        .subquery()
        for key in sorted(area.departments)
    ]
    ids = union_all(*(select(branch.c.id) for branch in branches))
    return _page(_newest(Entry.id.in_(ids)), size)


def _within_reach(
    walked: list[ColumnElement[bool]], resting: list[ColumnElement[bool]], size: int
) -> Page:
    """The hits among the newest REACH rows that an index finds."""
    if not resting:
        return _page(_newest(*walked), size)
    ids = _newest(*walked).with_only_columns(Entry.id)
    page = _page(_newest(Entry.id.in_(ids.limit(REACH)), *resting), size)
    if page.older is not None:
        return page
    last = session.execute(ids.add_columns(Entry.at).offset(REACH - 1).limit(1)).one_or_none()
    return page if last is None else Page(page.rows, older=last.id, reached=last.at)


def _newest(*conditions: ColumnElement[bool]) -> Select[Entry]:
    return select(Entry).where(*conditions).order_by(Entry.at.desc(), Entry.id.desc())


def _page(statement: Select[Entry], size: int) -> Page:
    rows = session.scalars(statement.limit(size + 1)).all()
    return Page(rows[:size], older=rows[size - 1].id if len(rows) > size else None)
