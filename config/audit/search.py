"""Search of the audit log by person, object, time, action and request, newest first.

    Query ──> the most selective index ──> at most SCAN_LIMIT rows ──> the other filters
                                                                └──> SearchPage(rows, next_before)

A page costs the same however many rows there are. Where SCAN_LIMIT rows hold too few hits, the page
tells back to which time it looked, and the next page goes on there (docs/decisions/0051).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, false, select, tuple_, union_all

from config import clock
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal

PAGE_SIZE = 50
SCAN_LIMIT = 20_000
MAX_TERM_LENGTH = 100

# More departments and accounts than this are filtered row by row: a UNION of hundreds of branches
# costs more than it saves, and so many owners hold a good part of all rows.
_MAX_BRANCHES = 60
# With a filter that has no index, each branch gives up to SCAN_LIMIT ids to sort.
_MAX_SCANNED_BRANCHES = 4


@dataclass(frozen=True, slots=True)
class Query:
    """The filters of a search; empty ones are ignored.

    `person` and `label` are parts of names, without regard to case. `first` and `last` are local
    days, both included.
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
    """Entries, newest first. `next_before` is the `before` of the next page, None on the last.

    `scanned_back_to` is set when the scan ended at its limit: the time back to which it looked.
    """

    rows: Sequence[AuditEntry]
    next_before: int | None = None
    scanned_back_to: datetime | None = None


def search_for_staff(
    member: Principal, query: Query, *, before: int | None = None, size: int = PAGE_SIZE
) -> SearchPage:
    """The entries that the member may read, older than the entry of id `before`.

    Raises Forbidden when the member may read no audit at all, Invalid for a range of days that
    ends before it begins.
    """
    member.require_anywhere(Permission.AUDIT_READ)
    return search_in_scope(member.scope(Permission.AUDIT_READ), query, before=before, size=size)


def access_entry(member: Principal, entry_id: int) -> AuditEntry:
    """An entry that the member may read. Raises NotFound."""
    entry = session.get(AuditEntry, entry_id)
    if entry is None:
        raise NotFound(kind="audit", id=entry_id)
    member.require(
        Permission.AUDIT_READ, department_id=entry.department_id, account_id=entry.account_id
    )
    return entry


def search_in_scope(
    scope: PermissionScope, query: Query, *, before: int | None = None, size: int = PAGE_SIZE
) -> SearchPage:
    """The entries within a scope. Raises Invalid for days that make no range."""
    _validate_days(query)
    bounds = [*_time_bounds(query), *_older_than(before)]
    indexed, row_filters = _indexed_filters(query), _row_filters(query)
    if not indexed and not scope.everywhere:
        # The rows of one department lie thinly among all others: by time alone, a scan would read
        # through most of the log.
        owners = _owner_filters(scope)
        if not row_filters and len(owners) <= _MAX_BRANCHES:
            return _fetch_page(_newest_first(_newest_of(owners, bounds, size + 1)), size)
        if len(owners) <= _MAX_SCANNED_BRANCHES:
            indexed = [_newest_of(owners, bounds, SCAN_LIMIT)]
    if not scope.everywhere:
        row_filters.append(
            scope.sql_filter(department=AuditEntry.department_id, account=AuditEntry.account_id)
        )
    # one index walks the rows; the other filters are tested on what it finds
    return _scan_newest([*indexed[:1], *bounds], [*indexed[1:], *row_filters], size)


def _validate_days(query: Query) -> None:
    for name, day in (("first", query.first), ("last", query.last)):
        # years at the ends of datetime overflow when a day is added or moved to UTC
        if day is not None and not 2000 <= day.year <= 2999:
            raise Invalid(field=name, problem="日期超出范围。")
    if query.first and query.last and query.last < query.first:
        raise Invalid(field="last", problem="结束日期不能早于开始日期。")


def _indexed_filters(query: Query) -> list[ColumnElement[bool]]:
    """The filters that have an index, the most selective one first."""
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
    """The filters without an index, tested row by row."""
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
    """The condition for entries after a row in the order of a page: by time, then by id.

    Keyset pagination (https://use-the-index-luke.com/no-offset): a later page costs no more than
    the first, and new rows do not shift it.
    """
    if before is None:
        return []
    at = session.scalar(select(AuditEntry.at).where(AuditEntry.id == before))
    return [] if at is None else [tuple_(AuditEntry.at, AuditEntry.id) < tuple_(at, before)]


def _owner_filters(scope: PermissionScope) -> list[ColumnElement[bool]]:
    """The entries of each department and account inside a scope, as `scope.sql_filter` has them.

    Each condition has its own index. An account's entries go by the account alone: when it moves to
    another department, they move with it.
    """
    own = AuditEntry.account_id.is_(None)
    return [
        *(own & (AuditEntry.department_id == key) for key in sorted(scope.departments)),
        *(AuditEntry.account_id == key for key in sorted(scope.accounts)),
    ]


def _newest_of(
    owners: list[ColumnElement[bool]], bounds: list[ColumnElement[bool]], limit: int
) -> ColumnElement[bool]:
    """The condition for the newest entries of several owners, `limit` of each by its index."""
    if not owners:
        return false()
    branches = [
        _newest_first(owner, *bounds).with_only_columns(AuditEntry.id).limit(limit).subquery()
        for owner in owners
    ]
    # Ids first, rows afterwards: SQLite sorts a union in a temporary table, of ids only a small
    # one.
    return AuditEntry.id.in_(union_all(*(select(branch.c.id) for branch in branches)))


def _scan_newest(
    indexed: list[ColumnElement[bool]], row_filters: list[ColumnElement[bool]], size: int
) -> SearchPage:
    """The entries that pass `row_filters` among the newest SCAN_LIMIT that an index finds."""
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
