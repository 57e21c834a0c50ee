"""The list of rules that staff see: filtered, a page at a time, in a fixed number of queries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from config.database import session
from config.tenancy import Member, Right
from keywords import history
from keywords.drafts import State
from keywords.history import RuleVersion
from keywords.normalize import fold
from keywords.rules import Scope
from keywords.stored import StoredRule

PAGE = 50


class Standing(StrEnum):
    """Where a rule stands, in the words of the list."""

    LIVE = "live"
    OFF = "off"
    NEW = "new"
    WAITING = "waiting"
    EDITED = "edited"
    RETURNED = "returned"


@dataclass(frozen=True)
class Filters:
    """What is asked for; empty parts do not restrict.

    `department_ids` are whole subtrees, `is_city` asks for rules of nobody else; `unheard` asks
    for live rules that never answered, `due_on` for live ones that were to be looked at again
    before that local day.
    """

    department_ids: Collection[int] = ()
    account_id: int | None = None
    is_city: bool = False
    scope: Scope | None = None
    standing: Standing | None = None
    text: str = ""
    unheard: bool = False
    due_on: date | None = None


@dataclass(frozen=True)
class Listed:
    """One line: the rule, and its newest version where it has any."""

    rule: StoredRule
    newest: RuleVersion | None


@dataclass(frozen=True)
class Overdue:
    """How many live rules of one owner are past their date."""

    department_id: int | None
    account_id: int | None
    count: int


def for_staff(
    member: Member, filters: Filters, *, offset: int = 0, limit: int = PAGE
) -> list[Listed]:
    """The rules a member may read, the last changed first."""
    asked = select(StoredRule).where(*_conditions(member, filters))
    rows = session.scalars(
        asked.order_by(StoredRule.updated_at.desc(), StoredRule.id.desc())
        .offset(offset)
        .limit(limit)
    ).all()
    newest = history.newest_of(row.id for row in rows)
    return [Listed(row, newest.get(row.id)) for row in rows]


def count_for_staff(member: Member, filters: Filters) -> int:
    """How many rules there are to page through."""
    asked = select(func.count(StoredRule.id)).where(*_conditions(member, filters))
    return session.scalar(asked) or 0


def waiting_for_review(member: Member, *, limit: int = PAGE) -> Sequence[RuleVersion]:
    """Submitted versions that a member may decide on, the longest waiting first.

    Those they wrote or submitted themselves are among them; they cannot approve these.
    """
    area = member.area(Right.RULES_REVIEW)
    inside = area.covers(department=RuleVersion.department_id, account=RuleVersion.account_id)
    asked = select(RuleVersion).where(RuleVersion.state == history.State.SUBMITTED, inside)
    return session.scalars(asked.order_by(RuleVersion.submitted_at).limit(limit)).all()


def returned_to(member: Member, *, limit: int = PAGE) -> Sequence[RuleVersion]:
    """What reviewers sent back to a member and nobody has taken up again."""
    asked = select(RuleVersion).where(
        RuleVersion.state == history.State.REJECTED,
        RuleVersion.author_id == member.staff_id,
        ~_is_followed(RuleVersion),
    )
    return session.scalars(asked.order_by(RuleVersion.decided_at).limit(limit)).all()


def overdue(today: date) -> list[Overdue]:
    """Live rules past the day until which they were trusted, counted by owner."""
    owner = (StoredRule.department_id, StoredRule.account_id)
    asked = (
        select(*owner, func.count())
        .where(StoredRule.state == State.LIVE, StoredRule.review_by < today)
        .group_by(*owner)
    )
    return [Overdue(*row) for row in session.execute(asked)]


def _conditions(member: Member, filters: Filters) -> list[ColumnElement[bool]]:
    area = member.area(Right.RULES_READ)
    asked = [area.covers(department=StoredRule.department_id, account=StoredRule.account_id)]
    if filters.department_ids:
        asked.append(StoredRule.department_id.in_(filters.department_ids))
    if filters.account_id is not None:
        asked.append(StoredRule.account_id == filters.account_id)
    if filters.is_city:
        asked += [StoredRule.department_id.is_(None), StoredRule.account_id.is_(None)]
    if filters.scope is not None:
        asked.append(StoredRule.scope == filters.scope)
    if filters.standing is not None:
        asked.append(_stands(filters.standing))
    for word in filters.text.split():
        asked.append(StoredRule.search.contains(fold(word), autoescape=True))
    if filters.unheard:
        asked += [StoredRule.state == State.LIVE, StoredRule.last_hit_on.is_(None)]
    if filters.due_on is not None:
        asked += [StoredRule.state == State.LIVE, StoredRule.review_by < filters.due_on]
    return asked


def _stands(standing: Standing) -> ColumnElement[bool]:
    match standing:
        case Standing.LIVE:
            return StoredRule.state == State.LIVE
        case Standing.OFF:
            return StoredRule.state == State.OFF
        case Standing.NEW:
            return StoredRule.state == State.DRAFT
        case Standing.WAITING:
            return _has_version(history.State.SUBMITTED)
        case Standing.EDITED:
            return _has_version(history.State.DRAFT) & (StoredRule.state != State.DRAFT)
        case Standing.RETURNED:
            return _has_version(history.State.REJECTED, is_newest=True)


def _has_version(state: history.State, *, is_newest: bool = False) -> ColumnElement[bool]:
    version = aliased(RuleVersion)
    asked = [version.rule_id == StoredRule.id, version.state == state]
    if is_newest:
        asked.append(~_is_followed(version))
    return exists().where(*asked)


def _is_followed(version: type[RuleVersion]) -> ColumnElement[bool]:
    """Whether a later version of the same rule exists."""
    later = aliased(RuleVersion)
    return exists().where(later.rule_id == version.rule_id, later.number > version.number)
