"""Queries for the pages that list rules: filtered, paged, in a fixed number of queries.

Everything is limited to what the staff member may read or review.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from config.database import session
from config.permissions import Permission, Principal
from keywords.language.normalize import fold
from keywords.rules import versions
from keywords.rules.spec import RuleState
from keywords.rules.store import RuleRow
from keywords.rules.values import RuleScope
from keywords.rules.versions import RuleVersion

PAGE_SIZE = 50


class ListStatus(StrEnum):
    """The status by which staff filter the list; a rule can have several at once.

    `new` was never published, `waiting` has a submitted version, `edited` is published and has a
    draft beside it, `returned` has a rejected version that nobody has taken up again.
    """

    LIVE = "live"
    OFF = "off"
    NEW = "new"
    WAITING = "waiting"
    EDITED = "edited"
    RETURNED = "returned"


@dataclass(frozen=True)
class RuleFilters:
    """What to list; fields with their default do not restrict.

    `department_ids`: owned by one of these departments. `is_city`: owned by the whole city.
    `text`: words separated by spaces, all of which must occur in name, keywords, replies or
    samples. `never_hit`: live but never answered. `review_due_before`: live, and to be reviewed
    before that local day.
    """

    department_ids: Collection[int] = ()
    account_id: int | None = None
    is_city: bool = False
    scope: RuleScope | None = None
    status: ListStatus | None = None
    text: str = ""
    never_hit: bool = False
    review_due_before: date | None = None


@dataclass(frozen=True)
class RuleListItem:
    """One line of the list: the rule, and its newest version if it has any."""

    rule: RuleRow
    newest: RuleVersion | None


@dataclass(frozen=True)
class OverdueCount:
    """How many live rules of one owner are past their review date."""

    department_id: int | None
    account_id: int | None
    count: int


def list_for_staff(
    member: Principal, filters: RuleFilters, *, offset: int = 0, limit: int = PAGE_SIZE
) -> list[RuleListItem]:
    """The rules a staff member may read, the last changed first. Two queries."""
    query = select(RuleRow).where(*_conditions(member, filters))
    rows = session.scalars(
        # the id makes the order total, or a rule could appear on two pages
        query.order_by(RuleRow.updated_at.desc(), RuleRow.id.desc()).offset(offset).limit(limit)
    ).all()
    newest = versions.newest_by_rule(row.id for row in rows)
    return [RuleListItem(row, newest.get(row.id)) for row in rows]


def count_for_staff(member: Principal, filters: RuleFilters) -> int:
    """How many rules `list_for_staff` would give without paging."""
    query = select(func.count(RuleRow.id)).where(*_conditions(member, filters))
    return session.scalar(query) or 0


def list_waiting_for_review(member: Principal, *, limit: int = PAGE_SIZE) -> Sequence[RuleVersion]:
    """Submitted versions that a staff member may review, the longest waiting first.

    Versions they wrote or submitted themselves are included, though they cannot approve these:
    the page shows them as waiting for somebody else.
    """
    # by the owner that the version proposes: who reviews is who will answer for it
    area = member.scope(Permission.RULES_REVIEW)
    inside = area.sql_filter(department=RuleVersion.department_id, account=RuleVersion.account_id)
    query = select(RuleVersion).where(RuleVersion.state == versions.VersionState.SUBMITTED, inside)
    return session.scalars(query.order_by(RuleVersion.submitted_at).limit(limit)).all()


def list_returned_to(member: Principal, *, limit: int = PAGE_SIZE) -> Sequence[RuleVersion]:
    """Rejected versions that a staff member wrote, without any later version of the rule."""
    query = select(RuleVersion).where(
        RuleVersion.state == versions.VersionState.REJECTED,
        RuleVersion.author_id == member.staff_id,
        ~_has_later_version(RuleVersion),
    )
    return session.scalars(query.order_by(RuleVersion.decided_at).limit(limit)).all()


def count_overdue(today: date) -> list[OverdueCount]:
    """Live rules whose review date is before `today` (a local day), counted by owner."""
    owner = (RuleRow.department_id, RuleRow.account_id)
    query = (
        select(*owner, func.count())
        .where(RuleRow.state == RuleState.LIVE, RuleRow.review_by < today)
        .group_by(*owner)
    )
    return [OverdueCount(*row) for row in session.execute(query)]


def _conditions(member: Principal, filters: RuleFilters) -> list[ColumnElement[bool]]:
    area = member.scope(Permission.RULES_READ)
    # first and always: the other conditions only narrow it
    conditions = [area.sql_filter(department=RuleRow.department_id, account=RuleRow.account_id)]
    if filters.department_ids:
        conditions.append(RuleRow.department_id.in_(filters.department_ids))
    if filters.account_id is not None:
        conditions.append(RuleRow.account_id == filters.account_id)
    if filters.is_city:
        conditions += [RuleRow.department_id.is_(None), RuleRow.account_id.is_(None)]
    if filters.scope is not None:
        conditions.append(RuleRow.scope == filters.scope)
    if filters.status is not None:
        conditions.append(_status_condition(filters.status))
    # autoescape: "%" typed by staff is a character and not a wildcard
    for word in filters.text.split():
        conditions.append(RuleRow.search_text.contains(fold(word), autoescape=True))
    if filters.never_hit:
        conditions += [RuleRow.state == RuleState.LIVE, RuleRow.last_hit_on.is_(None)]
    if filters.review_due_before is not None:
        conditions += [
            RuleRow.state == RuleState.LIVE,
            RuleRow.review_by < filters.review_due_before,
        ]
    return conditions


def _status_condition(status: ListStatus) -> ColumnElement[bool]:
    match status:
        case ListStatus.LIVE:
            return RuleRow.state == RuleState.LIVE
        case ListStatus.OFF:
            return RuleRow.state == RuleState.OFF
        case ListStatus.NEW:
            return RuleRow.state == RuleState.DRAFT
        case ListStatus.WAITING:
            return _has_version(versions.VersionState.SUBMITTED)
        case ListStatus.EDITED:
            return _has_version(versions.VersionState.DRAFT) & (RuleRow.state != RuleState.DRAFT)
        case ListStatus.RETURNED:
            return _has_version(versions.VersionState.REJECTED, is_newest=True)


def _has_version(state: versions.VersionState, *, is_newest: bool = False) -> ColumnElement[bool]:
    # aliased, since two of these conditions may stand in one query
    version = aliased(RuleVersion)
    conditions = [version.rule_id == RuleRow.id, version.state == state]
    if is_newest:
        # a rejected version that was taken up again is no work any more
        conditions.append(~_has_later_version(version))
    return exists().where(*conditions)


def _has_later_version(version: type[RuleVersion]) -> ColumnElement[bool]:
    """Whether a later version of the same rule exists."""
    later = aliased(RuleVersion)
    return exists().where(later.rule_id == version.rule_id, later.number > version.number)
