"""Listing: the alerts that a staff member may see, filtered and in pages, and how many are open.

Unresolved alerts stand in the order of their urgency, then of the last time they were raised: a
problem that goes on stands above one that was noticed once. Resolved ones stand newest first.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Boolean, ColumnElement, func, literal, select, tuple_
from sqlalchemy.sql.expression import Select

from config.alerts import Alert, AlertState, readable_by
from config.database import UtcDateTime, session
from config.permissions import Principal

PAGE_SIZE = 30

_CURSOR = re.compile(r"([01])\.(\d{1,16})\.(\d{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_RESOLVED = Alert.resolved_at.is_(None)
_WAITS = _NOT_RESOLVED & Alert.taken_at.is_(None)


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts are wanted. What is None does not narrow the list.

    `state` None means all that are not resolved; `department_ids` are the ids of whole subtrees.
    """

    state: AlertState | None = None
    kind: str | None = None
    account_id: int | None = None
    department_ids: Collection[int] | None = None


@dataclass(frozen=True)
class AlertPage:
    """A page of alerts. `after` is the argument for the next page, None on the last."""

    alerts: tuple[Alert, ...]
    after: str | None


@dataclass(frozen=True)
class WaitingCount:
    """How many alerts nobody has taken yet; `etag` changes with whatever a reader would notice."""

    count: int
    urgent: int
    etag: str


def list_for_staff(
    member: Principal, filters: AlertFilter, *, after: str | None = None
) -> AlertPage:
    """One page of the alerts that a member may see.

    `after` is the `after` of the page before; a malformed one gives the first page.
    """
    rows = select(Alert).where(readable_by(member), *_conditions(filters))
    if filters.state is AlertState.RESOLVED:
        rows = _newest_first(rows, after)
    else:
        rows = _most_urgent_first(rows, after)
    # one row more than shown tells whether there is another page, without a count
    found = list(session.scalars(rows.limit(PAGE_SIZE + 1)))
    page = tuple(found[:PAGE_SIZE])
    return AlertPage(page, _cursor(page[-1]) if len(found) > PAGE_SIZE else None)


def list_open_for_staff(member: Principal, *, limit: int) -> list[Alert]:
    """The first alerts, of those that a member may see, that nobody has taken yet."""
    rows = select(Alert).where(readable_by(member), _WAITS)
    return list(session.scalars(_most_urgent_first(rows, None).limit(limit)))


def list_newest_for_staff(member: Principal, *, limit: int) -> list[Alert]:
    """The alerts that nobody has taken yet, the last raised first, whether urgent or not."""
    rows = select(Alert).where(readable_by(member), _WAITS)
    newest = rows.order_by(Alert.last_raised_at.desc(), Alert.id.desc())
    return list(session.scalars(newest.limit(limit)))


def count_waiting(member: Principal) -> WaitingCount:
    """How many alerts that a member may see wait for somebody. One query; every page asks it."""
    row = session.execute(
        select(
            func.count(),
            func.count().filter(Alert.urgent),
            # these three change whenever one is raised, again or for the first time
            func.coalesce(func.sum(Alert.count), 0),
            func.coalesce(func.max(Alert.id), 0),
            func.max(Alert.last_raised_at),
        ).where(readable_by(member), _WAITS)
    ).one()
    count, urgent, raised, newest_id, last_raised_at = row
    stamp = f"{last_raised_at:%H%M%S%f}" if last_raised_at else ""
    return WaitingCount(count, urgent, f"{count}-{urgent}-{raised}-{newest_id}-{stamp}")


def _conditions(filters: AlertFilter) -> list[ColumnElement[bool]]:
    states = {
        None: _NOT_RESOLVED,
        AlertState.OPEN: _WAITS,
        AlertState.TAKEN: _NOT_RESOLVED & Alert.taken_at.is_not(None),
        AlertState.RESOLVED: ~_NOT_RESOLVED,
    }
    conditions: list[ColumnElement[bool]] = [states[filters.state]]
    if filters.kind is not None:
        conditions.append(Alert.kind == filters.kind)
    if filters.account_id is not None:
        conditions.append(Alert.account_id == filters.account_id)
    if filters.department_ids is not None:
        conditions.append(Alert.department_id.in_(filters.department_ids))
    return conditions


def _newest_first(rows: Select[Alert], after: str | None) -> Select[Alert]:
    cursor = _CURSOR.fullmatch(after or "")
    if cursor:
        rows = rows.where(Alert.id < int(cursor[3]))
    return rows.order_by(Alert.id.desc())


def _most_urgent_first(rows: Select[Alert], after: str | None) -> Select[Alert]:
    cursor = _CURSOR.fullmatch(after or "")
    if cursor:
        # by the values and not by an offset: an alert that is raised while somebody turns pages
        # must not push another one out of sight
        last = tuple_(
            literal(cursor[1] == "1", Boolean()),
            literal(_EPOCH + timedelta(microseconds=int(cursor[2])), UtcDateTime()),
            literal(int(cursor[3]), BigInteger()),
        )
        rows = rows.where(tuple_(Alert.urgent, Alert.last_raised_at, Alert.id) < last)
    return rows.order_by(Alert.urgent.desc(), Alert.last_raised_at.desc(), Alert.id.desc())


def _cursor(alert: Alert) -> str:
    microseconds = (alert.last_raised_at - _EPOCH) // timedelta(microseconds=1)
    return f"{int(alert.urgent)}.{microseconds}.{alert.id}"
