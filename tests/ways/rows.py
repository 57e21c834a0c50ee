"""What stands in the database while processes work on it."""

from sqlalchemy import func, select

from config.database import reading, session
from config.jobs import Job, State
from matrix.sendings import Sending
from matrix.sendings import State as Sent


def left() -> int:
    """Jobs that are neither done nor dead."""
    with reading():
        alive = select(func.count()).where(Job.state.in_((State.WAITING, State.RUNNING)))
        return session.scalar(alive) or 0


def sent() -> int:
    """Customer-service messages that WeChat took."""
    with reading():
        return session.scalar(select(func.count()).where(Sending.state == Sent.SENT)) or 0
