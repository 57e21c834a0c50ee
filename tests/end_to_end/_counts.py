"""What stands in the database while processes work on it."""

from sqlalchemy import func, select

from config.database import read_only, session
from config.jobs import Job, JobState
from matrix.outbound import OutboundMessage
from matrix.outbound import OutboundState as Sent


def unfinished_jobs() -> int:
    """Jobs that are neither done nor dead."""
    with read_only():
        alive = select(func.count()).where(Job.state.in_((JobState.WAITING, JobState.RUNNING)))
        return session.scalar(alive) or 0


def sent_messages() -> int:
    """Customer-service messages that WeChat took."""
    with read_only():
        return session.scalar(select(func.count()).where(OutboundMessage.state == Sent.SENT)) or 0
