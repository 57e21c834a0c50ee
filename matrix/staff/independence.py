"""Independence: whether a second person was made by the first.

Whoever manages staff could add a person, make them reviewer or send themselves their reset link,
and approve in their name what they wrote. It is not forbidden, for a small office may have to do
so, but it shows in the review and raises an alert.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select

from config import settings
from config.audit import AuditEntry
from config.database import session
from matrix.staff.members import AUDIT_KIND, StaffAction

# each gives access to the person, or in the person's name
_GIVING = (
    StaffAction.CREATE,
    StaffAction.GRANT_ROLE,
    StaffAction.CREATE_LINK,
    StaffAction.RESET_TWO_FACTOR,
    StaffAction.ENABLE,
)


def find_access_giver(
    staff_id: int, among: Collection[int], *, before: datetime
) -> AuditEntry | None:
    """The latest entry by which one of these people gave this one access, not long before.

    `among` are ids of staff; how long counts is the setting `reviewer_grant_days`.
    """
    since = before - timedelta(days=settings.get().reviewer_grant_days)
    rows = select(AuditEntry).where(
        AuditEntry.object_kind == AUDIT_KIND.name,
        AuditEntry.object_id == str(staff_id),
        AuditEntry.action.in_(_GIVING),
        AuditEntry.actor_id.in_(among),
        AuditEntry.at > since,
        AuditEntry.at <= before,
    )
    return session.scalars(rows.order_by(AuditEntry.id.desc()).limit(1)).one_or_none()
