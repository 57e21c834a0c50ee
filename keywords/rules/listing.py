"""The list of rules that staff see: filtered, a page at a time, in a fixed number of queries."""

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
    """Where a rule stands, in the words of the list."""

    LIVE = "live"
    OFF = "off"
    NEW = "new"
    WAITING = "waiting"
    EDITED = "edited"
    RETURNED = "returned"


@dataclass(frozen=True)
class RuleFilters:
    """What is asked for; empty parts do not restrict.

    `department_ids` are whole subtrees, `is_city` asks for rules of nobody else; `unheard` asks
    for live rules that never answered, `due_on` for live ones that were to be looked at again
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
    """One line: the rule, and its newest version where it has any."""

    rule: RuleRow
    newest: RuleVersion | None


@dataclass(frozen=True)
class OverdueCount:
    """How many live rules of one owner are past their date."""

    department_id: int | None
    account_id: int | None
    count: int


def list_for_staff(
    member: Principal, filters: RuleFilters, *, offset: int = 0, limit: int = PAGE_SIZE
) -> list[RuleListItem]:
    """The rules a member may read, the last changed first."""
    asked = select(RuleRow).where(*_conditions(member, filters))
    rows = session.scalars(
        asked.order_by(RuleRow.updated_at.desc(), RuleRow.id.desc()).offset(offset).limit(limit)
    ).all()
    newest = versions.newest_by_rule(row.id for row in rows)
    return [RuleListItem(row, newest.get(row.id)) for row in rows]


def count_for_staff(member: Principal, filters: RuleFilters) -> int:
    """How many rules there are to page through."""
    asked = select(func.count(RuleRow.id)).where(*_conditions(member, filters))
    return session.scalar(asked) or 0


def list_waiting_for_review(member: Principal, *, limit: int = PAGE_SIZE) -> Sequence[RuleVersion]:
    """Submitted versions that a member may decide on, the longest waiting first.

    Those they wrote or submitted themselves are among them; they cannot approve these.
    """
    area = member.scope(Permission.RULES_REVIEW)
    inside = area.sql_filter(department=RuleVersion.department_id, account=RuleVersion.account_id)
    asked = select(RuleVersion).where(RuleVersion.state == versions.VersionState.SUBMITTED, inside)
    return session.scalars(asked.order_by(RuleVersion.submitted_at).limit(limit)).all()


def list_returned_to(member: Principal, *, limit: int = PAGE_SIZE) -> Sequence[RuleVersion]:
    """What reviewers sent back to a member and nobody has taken up again."""
    asked = select(RuleVersion).where(
        RuleVersion.state == versions.VersionState.REJECTED,
        RuleVersion.author_id == member.staff_id,
        ~_has_later_version(RuleVersion),
    )
    return session.scalars(asked.order_by(RuleVersion.decided_at).limit(limit)).all()


def count_overdue(today: date) -> list[OverdueCount]:
    """Live rules past the day until which they were trusted, counted by owner."""
    owner = (RuleRow.department_id, RuleRow.account_id)
    asked = (
        select(*owner, func.count())
        .where(RuleRow.state == RuleState.LIVE, RuleRow.review_by < today)
        .group_by(*owner)
    )
    return [OverdueCount(*row) for row in session.execute(asked)]


def _conditions(member: Principal, filters: RuleFilters) -> list[ColumnElement[bool]]:
    area = member.scope(Permission.RULES_READ)
    asked = [area.sql_filter(department=RuleRow.department_id, account=RuleRow.account_id)]
    if filters.department_ids:
        asked.append(RuleRow.department_id.in_(filters.department_ids))
    if filters.account_id is not None:
        asked.append(RuleRow.account_id == filters.account_id)
    if filters.is_city:
        asked += [RuleRow.department_id.is_(None), RuleRow.account_id.is_(None)]
    if filters.scope is not None:
        asked.append(RuleRow.scope == filters.scope)
    if filters.status is not None:
        asked.append(_status_condition(filters.status))
    for word in filters.text.split():
        asked.append(RuleRow.search_text.contains(fold(word), autoescape=True))
    if filters.never_hit:
        asked += [RuleRow.state == RuleState.LIVE, RuleRow.last_hit_on.is_(None)]
    if filters.review_due_before is not None:
        asked += [RuleRow.state == RuleState.LIVE, RuleRow.review_by < filters.review_due_before]
    return asked


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
    version = aliased(RuleVersion)
    asked = [version.rule_id == RuleRow.id, version.state == state]
    if is_newest:
        asked.append(~_has_later_version(version))
    return exists().where(*asked)


def _has_later_version(version: type[RuleVersion]) -> ColumnElement[bool]:
    """Whether a later version of the same rule exists."""
    later = aliased(RuleVersion)
    return exists().where(later.rule_id == version.rule_id, later.number > version.number)
