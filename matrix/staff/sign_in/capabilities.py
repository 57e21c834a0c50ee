"""Capabilities: what still works for a person without asking for their rights again.

    open one-time links, half-done sign-ins, sessions, and the step-ups noted in them

All of it ends whenever a role, factor, password, department or state of the person changes:
somebody may have got it when the person could do less, and would keep it when they can do more.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from config.database import session
from matrix.staff.members import Staff
from matrix.staff.sign_in import one_time_links, sessions


def end_all(
    staff_id: int, *, reason: str, now: datetime, except_session_id: int | None = None
) -> int:
    """End sessions at every stage, except perhaps one, and open links. Returns how many sessions.

    `reason` is Chinese, for the person's list of sessions.
    """
    one_time_links.end_open(staff_id, now=now)
    return sessions.end_all(staff_id, reason=reason, now=now, except_id=except_session_id)


def end_in_departments(department_ids: Collection[int], *, now: datetime) -> None:
    """End them for all people of departments that were moved or merged.

    Those who managed these people before may have made links for them.
    """
    people = select(Staff.id).where(Staff.department_id.in_(department_ids))
    for staff_id in session.scalars(people).all():
        end_all(staff_id, reason="所在单位已变更", now=now)
