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
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal

PAGE_SIZE = 50
SCAN_LIMIT = 20_000
MAX_TERM_LENGTH = 100

# more departments than this are found by walking through time
_MAX_BRANCHES = 60


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
class SearchPage:
    """Hits, the newest first. `older` is where to go on, None at the end.

    `reached` is the instant down to which was looked, where the page ends for lack of hits.
    """

    rows: Sequence[AuditEntry]
    next_before: int | None = None
    scanned_back_to: datetime | None = None


def search_for_staff(
    member: Principal, query: Query, *, before: int | None = None, size: int = PAGE_SIZE
) -> SearchPage:
    """The hits in what the member may see, older than the row of id `before`.

    Raises Forbidden when the member may read no audit at all, Invalid for a range of days that
    ends before it begins.
    """
    member.require_anywhere(Permission.AUDIT_READ)
    return search_in_scope(member.scope(Permission.AUDIT_READ), query, before=before, size=size)


def access_entry(member: Principal, entry_id: int) -> AuditEntry:
    """One row that the member may see. Raises NotFound."""
    entry = session.get(AuditEntry, entry_id)
    if entry is None:
        raise NotFound(kind="audit", id=entry_id)
    member.require(Permission.AUDIT_READ, department_id=entry.department_id)
    return entry


def search_in_scope(
    scope: PermissionScope, query: Query, *, before: int | None = None, size: int = PAGE_SIZE
) -> SearchPage:
    """The hits inside an area. Raises Invalid for days that make no range."""
    _validate_days(query)
    bounds = [*_time_bounds(query), *_older_than(before)]
    indexed, row_filters = _indexed_filters(query), _row_filters(query)
    if not indexed and not scope.everywhere:
        if not row_filters and len(scope.departments) <= _MAX_BRANCHES:
            return _search_departments(scope, bounds, size)
        if len(scope.departments) == 1:
            indexed = [AuditEntry.department_id == key for key in scope.departments]
    if not scope.everywhere:
        row_filters.append(scope.sql_filter(department=AuditEntry.department_id))
    return _scan_newest([*indexed[:1], *bounds], [*indexed[1:], *row_filters], size)


def _validate_days(query: Query) -> None:
    for name, day in (("first", query.first), ("last", query.last)):
        if day is not None and not 2000 <= day.year <= 2999:
            raise Invalid(field=name, problem="日期超出范围。")
    if query.first and query.last and query.last < query.first:
        raise Invalid(field="last", problem="结束日期不能早于开始日期。")


def _indexed_filters(query: Query) -> list[ColumnElement[bool]]:
    """The filters that an index answers, the most telling one first."""
    filters: list[ColumnElement[bool]] = []
    if query.request_id:
        filters.append(AuditEntry.request_id == query.request_id)
    if query.kind and query.object_id:
        filters.append(
            (AuditEntry.object_kind == query.kind) & (AuditEntry.object_id == query.object_id)
        )
    if query.actor_id is not None:
        filters.append(AuditEntry.actor_id == query.actor_id)
    if query.action:
        filters.append(AuditEntry.action == query.action)
    if query.kind and not query.object_id:
        filters.append(AuditEntry.object_kind == query.kind)
    return filters


def _row_filters(query: Query) -> list[ColumnElement[bool]]:
    """The filters that are read row by row."""
    filters: list[ColumnElement[bool]] = []
    if query.object_id and not query.kind:
        filters.append(AuditEntry.object_id == query.object_id)
    if query.label:
        filters.append(AuditEntry.object_label.icontains(query.label, autoescape=True))
    if query.person:
        filters.append(AuditEntry.actor_label.icontains(query.person, autoescape=True))
    return filters


def _time_bounds(query: Query) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if query.first:
        bounds.append(AuditEntry.at >= clock.start_of_day(query.first))
    if query.last:
        bounds.append(AuditEntry.at < clock.start_of_day(query.last + timedelta(days=1)))
    return bounds


def _older_than(before: int | None) -> list[ColumnElement[bool]]:
    """Behind a row in the order of the page: by time, then by id."""
    if before is None:
        return []
    at = session.scalar(select(AuditEntry.at).where(AuditEntry.id == before))
    return [] if at is None else [tuple_(AuditEntry.at, AuditEntry.id) < tuple_(at, before)]


def _search_departments(
    scope: PermissionScope, bounds: list[ColumnElement[bool]], size: int
) -> SearchPage:
    """The newest of several departments: a few of each, so that none is read through."""
    if not scope.departments:
        return SearchPage([])
    branches = [
        _newest_first(AuditEntry.department_id == key, *bounds)
        .with_only_columns(AuditEntry.id)
        .limit(size + 1)
        .subquery()
        for key in sorted(scope.departments)
    ]
    ids = union_all(*(select(branch.c.id) for branch in branches))
    return _fetch_page(_newest_first(AuditEntry.id.in_(ids)), size)


def _scan_newest(
    indexed: list[ColumnElement[bool]], row_filters: list[ColumnElement[bool]], size: int
) -> SearchPage:
    """The hits among the newest REACH rows that an index finds."""
    if not row_filters:
        return _fetch_page(_newest_first(*indexed), size)
    ids = _newest_first(*indexed).with_only_columns(AuditEntry.id)
    page = _fetch_page(_newest_first(AuditEntry.id.in_(ids.limit(SCAN_LIMIT)), *row_filters), size)
    if page.next_before is not None:
        return page
    last = session.execute(
        ids.add_columns(AuditEntry.at).offset(SCAN_LIMIT - 1).limit(1)
    ).one_or_none()
    return (
        page
        if last is None
        else SearchPage(page.rows, next_before=last.id, scanned_back_to=last.at)
    )


def _newest_first(*conditions: ColumnElement[bool]) -> Select[AuditEntry]:
    return (
        select(AuditEntry).where(*conditions).order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    )


def _fetch_page(statement: Select[AuditEntry], size: int) -> SearchPage:
    rows = session.scalars(statement.limit(size + 1)).all()
    return SearchPage(rows[:size], next_before=rows[size - 1].id if len(rows) > size else None)
