"""The job that reminds departments of rules whose review is overdue."""

from collections import Counter
from datetime import datetime

from config import alerts, clock
from config.alerts import AlertKind
from config.jobs import JobName
from keywords.rules import listing
from matrix import accounts


class RuleReminderJob(JobName):
    """Jobs that remind of rules."""

    WARN_OVERDUE_REVIEWS = "rules.review_overdue", "提醒复核过期的规则"


class RuleAlert(AlertKind):
    """What staff must look at in their rules."""

    REVIEW_OVERDUE = "rules.review_overdue", "规则复核过期"


def warn_overdue_reviews(*, now: datetime) -> None:
    """Alert each department to how many of its rules are past their day of review."""
    owners, counts = accounts.department_ids(), Counter[int | None]()
    for overdue in listing.count_overdue(clock.local_day(now)):
        account = overdue.account_id
        counts[overdue.department_id if account is None else owners[account]] += overdue.count
    # One alert a department and not one a rule: raised again each morning, it updates its count
    # and message and does not pile up.
    for department_id, count in counts.items():
        alerts.raise_alert(
            RuleAlert.REVIEW_OVERDUE,
            department_id or "city",
            f"有 {count} 条关键词规则过了复核日期，请核对内容后重新发布",
            now=now,
            department_id=department_id,
        )
