"""Revisions: how every process learns that compiled things are stale.

A change bumps a named number in its own transaction. Each process asks for all numbers about
once a second and rebuilds what moved; a message never asks.
"""

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert


class CacheVersion(Base):
    """How often the thing of this name has changed."""

    __tablename__ = "cache_versions"

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]


def invalidate(name: str) -> None:
    """Say, in the transaction of the change, that things of this name have changed."""
    statement = upsert(CacheVersion).values(name=name, number=1)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[CacheVersion.name], set_={"number": CacheVersion.number + 1}
        )
    )


def current() -> dict[str, int]:
    """All numbers by name."""
    rows = session.execute(select(CacheVersion.name, CacheVersion.number))
    return dict(rows.all())


def lock_version(name: str) -> int:
    """The number of this name as it is now; it does not move until the transaction ends."""
    row = select(CacheVersion.number).where(CacheVersion.name == name).with_for_update()
    return session.scalars(row).one_or_none() or 0
