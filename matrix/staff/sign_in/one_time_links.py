"""One-time links: how a first password is set without an administrator ever knowing it.

    FIRST    creates the first matrix administrator; valid only while there is none
    INVITE   a new person sets a password
    RESET    a person who lost theirs sets another; all their sessions end

A link contains 256 random bits, of which only the SHA-256 digest is stored. It works once, and for
a limited time.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session
from config.errors import DomainError
from matrix.staff import members
from matrix.staff.members import StaffAction


class LinkPurpose(StrEnum):
    """What a link is for."""

    FIRST = "first"
    INVITE = "invite"
    RESET = "reset"


# a reset is asked for and used at once; an invitation may have to wait over a weekend
LIFETIMES = {
    LinkPurpose.FIRST: timedelta(hours=24),
    LinkPurpose.INVITE: timedelta(hours=72),
    LinkPurpose.RESET: timedelta(minutes=30),
}


class LinkExpired(DomainError):
    """The link was used, replaced by a newer one, or is too old."""

    status = 410
    text = "这个链接已经失效，请向管理员重新索取。"


class OneTimeLink(Base):
    """One link that was handed out."""

    __tablename__ = "staff_one_time_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[LinkPurpose]
    # None for the first administrator, who does not exist yet
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


def create(purpose: LinkPurpose, staff_id: int | None, *, now: datetime) -> str:
    """The secret of a new link; earlier links of the same person (or of FIRST) become invalid."""
    end_open(staff_id, now=now)
    secret = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            digest=_digest(secret),
            purpose=purpose,
            staff_id=staff_id,
            created_at=now,
            expires_at=now + LIFETIMES[purpose],
        )
    )
    session.flush()
    if staff_id is not None:
        members.record_audit(StaffAction.CREATE_LINK, members.get(staff_id), purpose=purpose.value)
    return secret


def end_open(staff_id: int | None, *, now: datetime) -> None:
    """End all open links of a person; None means those for the first administrator."""
    session.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.staff_id == staff_id,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now,
        )
        .values(expires_at=now)
        # links that were read in this transaction must not look open any longer
        .execution_options(synchronize_session="fetch")
    )


def get(secret: str, *, now: datetime) -> OneTimeLink:
    """The link with this secret, if it still works. Raises LinkExpired."""
    found = session.scalars(
        select(OneTimeLink).where(OneTimeLink.digest == _digest(secret))
    ).one_or_none()
    # one error for all three: a stranger learns nothing about links that exist
    if found is None or found.used_at is not None or found.expires_at <= now:
        raise LinkExpired
    return found


def use(link: OneTimeLink, *, now: datetime) -> None:
    """Use a link up. Raises LinkExpired when it was used, or ended, since it was read."""
    # two browsers may open the link at once, or a role be granted while its page is open
    used = session.scalar(
        update(OneTimeLink)
        .where(
            OneTimeLink.id == link.id,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(OneTimeLink.id)
    )
    if used is None:
        raise LinkExpired


def _digest(secret: str) -> str:
    # 256 random bits cannot be guessed, so a fast hash without salt is enough
    return sha256(secret.encode()).hexdigest()
