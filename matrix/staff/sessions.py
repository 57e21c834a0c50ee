"""Sessions: sign-ins kept on the server.

    half (password was right) ── second factor ──> full ── out, idle, too old, changed ──> ended

The browser has 256 random bits in a cookie, the database their digest. Going from half to full
makes a new session with a new id. A session without a deed for a while, or older than a working
day, is over; so are all sessions of a person whose rights, password or state change.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import settings
from config.database import Base, BigKey, change, session

# a deed within this time of the last one noted is not noted again
NOTED = timedelta(minutes=1)
# how long a second factor counts for dangerous deeds
FRESH = timedelta(minutes=10)
_HALF_LASTS = timedelta(minutes=10)
_AGENT = 200


class Stage(StrEnum):
    """How far a sign-in has come."""

    HALF = "half"
    FULL = "full"


class Session(Base):
    """One sign-in. `confirmed_at` is when its owner last proved to be there."""

    __tablename__ = "staff_sessions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    stage: Mapped[Stage]
    address: Mapped[str]
    agent: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_why: Mapped[str]

    def is_alive(self, *, now: datetime) -> bool:
        """Whether it was not ended, is not idle for too long and not too old."""
        limits = settings.get()
        if self.ended_at is not None:
            return False
        if self.stage is Stage.HALF:
            return now < self.created_at + _HALF_LASTS
        idle = timedelta(minutes=limits.session_idle_minutes)
        whole = timedelta(hours=limits.session_hours)
        return now < self.seen_at + idle and now < self.created_at + whole

    def is_fresh(self, *, now: datetime) -> bool:
        """Whether its owner proved to be there a short while ago."""
        return self.confirmed_at is not None and now < self.confirmed_at + FRESH


@dataclass(frozen=True)
class Origin:
    """Where a sign-in comes from: the client's address and what its browser calls itself."""

    address: str
    agent: str = ""


def start(
    staff_id: int, stage: Stage, origin: Origin, *, now: datetime, confirmed: bool = False
) -> str:
    """Begin a session. Returns the secret for the cookie."""
    secret = secrets.token_urlsafe(32)
    session.add(
        Session(
            digest=_digest(secret),
            staff_id=staff_id,
            stage=stage,
            address=origin.address,
            agent=origin.agent[:_AGENT],
            created_at=now,
            seen_at=now,
            confirmed_at=now if confirmed else None,
            ended_why="",
        )
    )
    session.flush()
    return secret


def find(secret: str, *, now: datetime) -> Session | None:
    """The living session of a cookie, or None."""
    found = session.scalars(select(Session).where(Session.digest == _digest(secret))).one_or_none()
    return found if found is not None and found.is_alive(now=now) else None


def touch(session_id: int, *, now: datetime) -> None:
    """Note that its owner did something."""
    change(Session, session_id, when={"ended_at": None}, to={"seen_at": now})


def confirm(session_id: int, *, now: datetime) -> None:
    """Note that its owner proved to be there."""
    change(Session, session_id, when={"ended_at": None}, to={"confirmed_at": now})


def end(session_id: int, *, why: str, now: datetime) -> bool:
    """End a session; False when it was over."""
    ended = {"ended_at": now, "ended_why": why}
    return change(Session, session_id, when={"ended_at": None}, to=ended) is not None


def end_all(staff_id: int, *, why: str, now: datetime, but: int | None = None) -> int:
    """End all sessions of a person, perhaps but one. Returns how many."""
    ended = session.scalars(
        update(Session)
        .where(Session.staff_id == staff_id, Session.ended_at.is_(None), Session.id != (but or 0))
        .values(ended_at=now, ended_why=why)
        .returning(Session.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.expire_all()
    return len(ended)


def living(staff_id: int, *, now: datetime) -> list[Session]:
    """The full sessions of a person that still work, the newest first."""
    rows = select(Session).where(
        Session.staff_id == staff_id, Session.ended_at.is_(None), Session.stage == Stage.FULL
    )
    found = session.scalars(rows.order_by(Session.id.desc()))
    return [each for each in found if each.is_alive(now=now)]


def forget(*, before: datetime) -> int:
    """Remove sessions that nobody has used since an instant. Returns how many."""
    removed = delete(Session).where(Session.seen_at < before).returning(Session.id)
    return len(session.scalars(removed).all())


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
