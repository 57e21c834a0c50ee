"""Cache versions: how processes learn that what they hold in memory is stale.

    change ── invalidate(name), same transaction ──> number + 1
    each process, once a second ── current() ──> number moved: build again

A request never asks; it may see values that are up to about a second old. The reasons for numbers
in the database instead of messages over Redis stand in docs/decisions/0003.
"""

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert


class CacheVersion(Base):
    """A counter of changes by name. Modules that change something have its name as CACHE_KEY."""

    __tablename__ = "cache_versions"

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]


def invalidate(name: str) -> None:
    """Add one to the number of this name, in the running transaction.

    Until that ends, other transactions that invalidate the same name wait.
    """
    # an upsert in the transaction of the change: rolled back with it,
    # and seen by others only together with it
    statement = upsert(CacheVersion).values(name=name, number=1)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[CacheVersion.name], set_={"number": CacheVersion.number + 1}
        )
    )


def current() -> dict[str, int]:
    """All numbers by name; a name that was never invalidated is missing and counts as 0."""
    rows = session.execute(select(CacheVersion.name, CacheVersion.number))
    return dict(rows.all())


def lock_version(name: str) -> int:
    """The number of this name, which cannot change until the transaction ends.

    For a change that must be based on the present state of what the name stands for.
    """
    # SQLite ignores FOR UPDATE and needs none: a writing transaction holds the whole database
    row = select(CacheVersion.number).where(CacheVersion.name == name).with_for_update()
    return session.scalars(row).one_or_none() or 0
