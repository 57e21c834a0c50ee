"""Requests to lower a review: somebody asks, and somebody else agrees (four eyes).

    request ──> PolicyRequest ── agree, by another person ──> the policy is set
                     └── drop, by anybody who manages the department

At most one request waits for each department; a newer one replaces it. A change that does not
lower the review needs none.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, delete
from sqlalchemy.orm import Mapped, mapped_column

from config import alerts, audit
from config.alerts import AlertKind
from config.database import Base, session, upsert
from config.errors import DomainError, NotFound
from config.permissions import Principal
from keywords.rules import review_policies
from keywords.rules.review_policies import ReviewPolicy, ReviewPolicyAction


class ReviewAlert(AlertKind):
    """Alerts about reviews that may be worth less than they look."""

    LOWERED = "review.lowered", "审核要求被降低"
    DEPENDENT_REVIEWER = "review.dependent_reviewer", "审核人由参与者本人安排"


class OwnRequest(DomainError):
    """Whoever asked for it cannot agree to it as well."""

    status = 403
    text = "降低审核要求须由另一位管理员确认。"


class PolicyRequest(Base):
    """A policy that somebody wants for a department; `needs_review` None is that of the one above.

    `base` is the version of the policy it was asked for.
    """

    __tablename__ = "review_policy_requests"

    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), primary_key=True)
    needs_review: Mapped[bool | None]
    review_months: Mapped[int]
    base: Mapped[int]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    staff_name: Mapped[str]
    requested_at: Mapped[datetime]


@dataclass(frozen=True)
class WantedPolicy:
    """What a department should have; `needs_review` None means that of the department above."""

    needs_review: bool | None
    review_months: int

    def lowers(self, present: ReviewPolicy, above: ReviewPolicy) -> bool:
        """Whether less would be asked of rules than now."""
        wanted = self._effective(above)
        return (
            wanted.needs_review < present.needs_review
            or wanted.review_months > present.review_months
        )

    def _effective(self, above: ReviewPolicy) -> ReviewPolicy:
        if self.needs_review is None:
            return above
        return ReviewPolicy(self.needs_review, self.review_months)


def find(department_id: int) -> PolicyRequest | None:
    """The request that waits for a department, or None."""
    return session.get(PolicyRequest, department_id, populate_existing=True)


def request(
    department_id: int, wanted: WantedPolicy, *, base: int, by: Principal, now: datetime
) -> None:
    """Ask for a lower policy. Raises alerts and changes nothing else."""
    values = {
        "needs_review": wanted.needs_review,
        "review_months": wanted.review_months,
        "base": base,
        "staff_id": by.staff_id,
        "staff_name": by.name,
        "requested_at": now,
    }
    session.execute(
        upsert(PolicyRequest)
        .values(department_id=department_id, **values)
        .on_conflict_do_update(index_elements=[PolicyRequest.department_id], set_=values)
    )
    _audit(ReviewPolicyAction.REQUEST, department_id, wanted)
    _alert(department_id, f"{by.name}申请降低规则的审核要求，须由另一位管理员确认。", now)


def agree(department_id: int, *, by: Principal, now: datetime) -> None:
    """Set the policy that somebody else asked for.

    Raises NotFound, OwnRequest, Stale when the policy has changed since.
    """
    waiting = _take(department_id)
    if waiting.staff_id == by.staff_id:
        raise OwnRequest(department=department_id)
    if waiting.needs_review is None:
        review_policies.clear(department_id, version=waiting.base)
    else:
        review_policies.set_policy(
            department_id,
            needs_review=waiting.needs_review,
            review_months=waiting.review_months,
            version=waiting.base,
            now=now,
        )
    text = f"经{waiting.staff_name}申请、{by.name}确认，规则的审核要求已降低。"
    _alert(department_id, text, now)


def drop(department_id: int) -> None:
    """Drop a request. Raises NotFound when none waits."""
    waiting = _take(department_id)
    wanted = WantedPolicy(waiting.needs_review, waiting.review_months)
    _audit(ReviewPolicyAction.DROP, department_id, wanted)


def _take(department_id: int) -> PolicyRequest:
    """Remove the request and return it. Raises NotFound when another was first."""
    waiting = find(department_id)
    taken = delete(PolicyRequest).where(PolicyRequest.department_id == department_id)
    if waiting is not None:
        session.expunge(waiting)
    if waiting is None or not session.scalars(taken.returning(PolicyRequest.staff_id)).all():
        raise NotFound(kind="policy request", id=department_id)
    return waiting


def _alert(department_id: int, text: str, now: datetime) -> None:
    alerts.raise_alert(
        ReviewAlert.LOWERED, department_id, text, now=now, department_id=department_id
    )


def _audit(action: ReviewPolicyAction, department_id: int, wanted: WantedPolicy) -> None:
    audit.record(
        action,
        owner=audit.Owner(department_id),
        object_id=department_id,
        after={"needs_review": wanted.needs_review, "review_months": wanted.review_months},
    )
