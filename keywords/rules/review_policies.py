"""Review policies: whether a department's rules need a second person, and when they are due again.

A department uses its own policy, else that of the nearest department above, else the built-in one:
review required, and a rule is to be looked at again after 12 months. Rules of the whole city and
mandatory rules always need a review by somebody else, because they answer for every department.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, find_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from keywords.rules.values import RuleScope
from keywords.rules.versions import RuleVersion

MAX_REVIEW_MONTHS = 60
_KIND = "review_policy"
_THING = "该单位的规则要求"


class ReviewPolicyAction(AuditAction, kind=ObjectKind("review_policy", "审核规定")):
    """What is recorded about review policies."""

    SET = "review_policy.set", "设置审核规定"
    CLEAR = "review_policy.clear", "取消本单位的审核规定"


class ReviewPolicyRow(Versioned, Base):
    """The policy that one department has set for itself and the departments below."""

    __tablename__ = "review_policies"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    needs_review: Mapped[bool]
    review_months: Mapped[int]
    updated_at: Mapped[datetime]


@dataclass(frozen=True)
class ReviewPolicy:
    """The policy in force.

    `department_id` is the department that set it; None for the built-in policy. `version` is the
    row's optimistic lock, 0 where there is no row.
    """

    needs_review: bool = True
    review_months: int = 12
    department_id: int | None = None
    version: int = 0

    def requires_review(self, version: RuleVersion) -> bool:
        """Whether this version must be approved by a second person before it is published."""
        is_city = version.department_id is None and version.account_id is None
        # from the JSON: making the spec would validate a whole rule for one word of it
        is_mandatory = version.content.get("scope") == RuleScope.MANDATORY.value
        return is_city or is_mandatory or self.needs_review

    def review_by(self, today: date) -> date:
        """The local day by which a rule published `today` is to be reviewed again.

        The same day of the month, or its last day where the month is shorter.
        """
        # months count from 0 for the division and from 1 in dates
        years, month = divmod(today.month - 1 + self.review_months, 12)
        year, month = today.year + years, month + 1
        return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def nearest(chain: Sequence[int]) -> ReviewPolicy:
    """The policy of the first department in `chain` that has one, else the built-in policy.

    `chain` is the department's id and then those above it, as `departments` gives them.
    """
    found = {
        row.department_id: row
        for row in session.scalars(
            select(ReviewPolicyRow).where(ReviewPolicyRow.department_id.in_(chain))
        )
    }
    # the query gives no order; the chain does
    row = next((found[key] for key in chain if key in found), None)
    if row is None:
        return ReviewPolicy()
    return ReviewPolicy(row.needs_review, row.review_months, row.department_id, row.version)


def access_policy(
    member: Principal, department_id: int, right: Permission
) -> ReviewPolicyRow | None:
    """The department's own policy, or None. Raises NotFound without this permission there."""
    if not member.may(right, department_id=department_id):
        raise NotFound(kind=_KIND, id=department_id)
    return session.get(ReviewPolicyRow, department_id)


def set_policy(
    department_id: int, *, needs_review: bool, review_months: int, version: int, now: datetime
) -> None:
    """Set the policy of a department and of those below without their own.

    `version` is that of the row as the page showed it, 0 where there was none. Raises Invalid,
    Stale.
    """
    if not 1 <= review_months <= MAX_REVIEW_MONTHS:
        raise Invalid(field="review_months", problem=f"应为 1 到 {MAX_REVIEW_MONTHS} 个月。")
    row = find_for_update(ReviewPolicyRow, department_id)
    before = _audit_values(row)
    after: dict[str, object] = {"needs_review": needs_review, "review_months": review_months}
    if before == after:
        return
    check_version(row, version, _THING, department=department_id)
    if row is None:
        row = ReviewPolicyRow(department_id=department_id)
        session.add(row)
    row.needs_review, row.review_months, row.updated_at = needs_review, review_months, now
    session.flush()
    _audit(ReviewPolicyAction.SET, department_id, before, after)


def clear(department_id: int, *, version: int) -> None:
    """Delete a department's policy, so that the one above applies again. Raises Stale."""
    row = find_for_update(ReviewPolicyRow, department_id)
    check_version(row, version, _THING, department=department_id)
    # only a form that saw version 0 gets here: there was none then, and there is none now
    if row is None:
        return
    before = _audit_values(row)
    session.delete(row)
    session.flush()
    _audit(ReviewPolicyAction.CLEAR, department_id, before, None)


def _audit_values(row: ReviewPolicyRow | None) -> dict[str, object] | None:
    if row is None:
        return None
    return {"needs_review": row.needs_review, "review_months": row.review_months}


def _audit(
    action: ReviewPolicyAction,
    department_id: int,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
) -> None:
    audit.record(
        action,
        owner=audit.Owner(department_id),
        object_id=department_id,
        before=before,
        after=after,
    )
