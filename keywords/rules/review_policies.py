"""Policies: what a department asks before its rules change, and for how long they are trusted.

    policy of the department, else of the nearest above, else the strict one: reviewed, a year

Rules of the whole city and mandatory ones are always reviewed by somebody else.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, compare_and_set, session
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal
from keywords.rules.values import RuleScope
from keywords.rules.versions import RuleVersion

MAX_REVIEW_MONTHS = 60
_KIND = "review_policy"


class ReviewPolicyChanged(DomainError):
    """Somebody else changed the policy since it was read."""

    text = "该单位的规则要求刚被其他人修改过，请刷新后重试。"


class ReviewPolicyRow(Base):
    """What one department said for itself and those below."""

    __tablename__ = "review_policies"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    needs_review: Mapped[bool]
    review_months: Mapped[int]
    version: Mapped[int]
    updated_at: Mapped[datetime]


@dataclass(frozen=True)
class ReviewPolicy:
    """What holds. `department_id` says whose word it is; None is the house's own."""

    needs_review: bool = True
    review_months: int = 12
    department_id: int | None = None
    version: int = 0

    def requires_review(self, version: RuleVersion) -> bool:
        """Whether somebody else must read this version before citizens do."""
        is_city = version.department_id is None and version.account_id is None
        is_mandatory = version.content.get("scope") == RuleScope.MANDATORY.value
        return is_city or is_mandatory or self.needs_review

    def review_by(self, today: date) -> date:
        """The local day until which a rule written today is trusted."""
        years, month = divmod(today.month - 1 + self.review_months, 12)
        year, month = today.year + years, month + 1
        return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def nearest(chain: Sequence[int]) -> ReviewPolicy:
    """The policy of the first department of the chain that has one: itself, then upwards."""
    found = {
        row.department_id: row
        for row in session.scalars(
            select(ReviewPolicyRow).where(ReviewPolicyRow.department_id.in_(chain))
        )
    }
    row = next((found[key] for key in chain if key in found), None)
    if row is None:
        return ReviewPolicy()
    return ReviewPolicy(row.needs_review, row.review_months, row.department_id, row.version)


def access_policy(
    member: Principal, department_id: int, right: Permission
) -> ReviewPolicyRow | None:
    """What a department itself has said, or None. Raises NotFound outside the member's area."""
    if not member.may(right, department_id=department_id):
        raise NotFound(kind=_KIND, id=department_id)
    return session.get(ReviewPolicyRow, department_id)


def set_policy(
    department_id: int, *, needs_review: bool, review_months: int, version: int, now: datetime
) -> None:
    """Say it for a department and those below. `version` is 0 where nothing was said before.

    Raises Invalid, PolicyChanged.
    """
    if not 1 <= review_months <= MAX_REVIEW_MONTHS:
        raise Invalid(field="review_months", problem=f"应为 1 到 {MAX_REVIEW_MONTHS} 个月。")
    row = session.get(ReviewPolicyRow, department_id, populate_existing=True)
    before = _audit_values(row)
    after: dict[str, Any] = {"needs_review": needs_review, "review_months": review_months}
    if before == after:
        return
    if row is None:
        if version != 0:
            raise ReviewPolicyChanged(department=department_id)
        row = ReviewPolicyRow(department_id=department_id, **after, version=1, updated_at=now)
        session.add(row)
        session.flush()
    else:
        to = {**after, "version": version + 1, "updated_at": now}
        if (
            compare_and_set(ReviewPolicyRow, department_id, when={"version": version}, to=to)
            is None
        ):
            raise ReviewPolicyChanged(department=department_id)
    _audit("review_policy.set", department_id, before, after)


def clear(department_id: int, *, version: int) -> None:
    """Go by what is said above again. Raises PolicyChanged."""
    row = session.get(ReviewPolicyRow, department_id, populate_existing=True)
    if row is None or row.version != version:
        raise ReviewPolicyChanged(department=department_id)
    before = _audit_values(row)
    session.delete(row)
    session.flush()
    _audit("review_policy.clear", department_id, before, None)


def _audit_values(row: ReviewPolicyRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"needs_review": row.needs_review, "review_months": row.review_months}


def _audit(
    action: str,
    department_id: int,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    audit.record(
        action,
        kind=_KIND,
        object_id=department_id,
        department_id=department_id,
        before=before,
        after=after,
    )
