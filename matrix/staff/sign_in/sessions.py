"""Sessions: sign-ins kept on the server.

    HALF (password was correct) --second factor--> FULL --> ended

The browser holds 256 random bits in a cookie, the database their digest. Going from HALF to FULL
creates a new session with a new id (against session fixation). A session ends by signing out, when
idle for too long, after a maximum age, and when its owner's rights, password or state change.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import settings
from config.database import Base, BigKey, compare_and_set, session

# a request within this time of the last one noted is not noted again: saves a write per request
TOUCH_INTERVAL = timedelta(minutes=1)
# how long a confirmed identity counts for dangerous actions
CONFIRMATION_LIFETIME = timedelta(minutes=10)
# long enough to fetch the phone
_HALF_LIFETIME = timedelta(minutes=10)
_MAX_AGENT_LENGTH = 200


class SessionStage(StrEnum):
    """How far a sign-in has come."""

    HALF = "half"
    FULL = "full"


class StaffSession(Base):
    """One sign-in. `confirmed_at` is when its owner last proved their identity."""

    __tablename__ = "staff_sessions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    stage: Mapped[SessionStage]
    address: Mapped[str]
    agent: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_why: Mapped[str]

    def is_active(self, *, now: datetime) -> bool:
        """Whether it was not ended, is not idle for too long and not too old."""
        limits = settings.get()
        if self.ended_at is not None:
            return False
        if self.stage is SessionStage.HALF:
            return now < self.created_at + _HALF_LIFETIME
        max_idle = timedelta(minutes=limits.session_idle_minutes)
        max_age = timedelta(hours=limits.session_hours)
        return now < self.seen_at + max_idle and now < self.created_at + max_age

    def is_recently_confirmed(self, *, now: datetime) -> bool:
        """Whether its owner proved their identity a short while ago."""
        return self.confirmed_at is not None and now < self.confirmed_at + CONFIRMATION_LIFETIME


@dataclass(frozen=True)
class ClientInfo:
    """Where a sign-in comes from: the client's address, and the browser's User-Agent.

    `device` is the id of a browser in which people have signed in before; `known_names` are the
    digests of their names (`throttle.name_digest`).
    """

    address: str
    agent: str = ""
    device: str = ""
    known_names: frozenset[str] = frozenset()


def start(
    staff_id: int,
    stage: SessionStage,
    client: ClientInfo,
    *,
    now: datetime,
    confirmed: bool = False,
) -> str:
    """Start a session. Returns the secret for the cookie."""
    # 32 bytes from the system's random source; the row has only the digest, so
    # a copy of the database opens no session
    secret = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            digest=_digest(secret),
            staff_id=staff_id,
            stage=stage,
            address=client.address,
            agent=client.agent[:_MAX_AGENT_LENGTH],
            created_at=now,
            seen_at=now,
            confirmed_at=now if confirmed else None,
            ended_why="",
        )
    )
    session.flush()
    return secret


def find(secret: str, *, now: datetime) -> StaffSession | None:
    """The active session of a cookie's secret; None without one."""
    found = session.scalars(
        select(StaffSession).where(StaffSession.digest == _digest(secret))
    ).one_or_none()
    return found if found is not None and found.is_active(now=now) else None


def touch(session_id: int, *, now: datetime) -> None:
    """Note that the session is in use."""
    # not for one that was ended a moment ago by somebody else
    compare_and_set(StaffSession, session_id, when={"ended_at": None}, to={"seen_at": now})


def confirm(session_id: int, *, now: datetime) -> bool:
    """Note that its owner proved their identity again; False when the session has ended since."""
    to = {"confirmed_at": now}
    return compare_and_set(StaffSession, session_id, when={"ended_at": None}, to=to) is not None


def end(session_id: int, *, reason: str, now: datetime) -> bool:
    """End a session; False when it had ended before. `reason` is Chinese, for the owner's list."""
    ended = {"ended_at": now, "ended_why": reason}
    return compare_and_set(StaffSession, session_id, when={"ended_at": None}, to=ended) is not None


def end_all(staff_id: int, *, reason: str, now: datetime, except_id: int | None = None) -> int:
    """End all sessions of a person, except perhaps one. Returns how many."""
    ended = session.scalars(
        update(StaffSession)
        .where(
            StaffSession.staff_id == staff_id,
            StaffSession.ended_at.is_(None),
            StaffSession.id != (except_id or 0),
        )
        .values(ended_at=now, ended_why=reason)
        .returning(StaffSession.id)
        # sessions that were read in this transaction must not look active any longer
        .execution_options(synchronize_session="fetch")
    ).all()
    return len(ended)


def is_used_address(origin: ClientInfo) -> bool:
    """Whether somebody has signed in from this address, as far as sessions are kept."""
    rows = select(StaffSession.id).where(
        StaffSession.address == origin.address, StaffSession.stage == SessionStage.FULL
    )
    return session.scalar(rows.limit(1)) is not None


def list_active(staff_id: int, *, now: datetime) -> list[StaffSession]:
    """A person's FULL sessions that still work, newest first."""
    rows = select(StaffSession).where(
        StaffSession.staff_id == staff_id,
        StaffSession.ended_at.is_(None),
        StaffSession.stage == SessionStage.FULL,
    )
    found = session.scalars(rows.order_by(StaffSession.id.desc()))
    # the limits are settings and are computed in Python, so idle ones are sorted out here
    return [each for each in found if each.is_active(now=now)]


def delete_older_than(*, before: datetime) -> int:
    """Delete sessions not used since an instant. Returns how many."""
    removed = delete(StaffSession).where(StaffSession.seen_at < before).returning(StaffSession.id)
    return len(session.scalars(removed).all())


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
