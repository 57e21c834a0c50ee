"""Cron lock: of several schedulers, one enqueues each run of a periodic job.

scheduler A ─┐
             ├── claim(name, due) ──> True for one of them, which enqueues the job
scheduler B ─┘

A row instead of a lock in Redis, so that claim and job are one transaction: a scheduler that dies
between the two has claimed nothing.
"""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert


class CronClaim(Base):
    """The last claimed run of a periodic job."""

    __tablename__ = "cron_claims"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_due_at: Mapped[datetime]


def claim(name: str, due: datetime) -> bool:
    """Whether this caller is the first to claim the run that was due at this instant.

    False also for an instant before the last one that was claimed: after a clock is set back, no
    run is repeated.
    """
    # one statement, so that of two schedulers in the same second one gets no row back
    claimed = session.scalar(
        upsert(CronClaim)
        .values(name=name, last_due_at=due)
        .on_conflict_do_update(
            index_elements=[CronClaim.name],
            set_={"last_due_at": due},
            where=CronClaim.last_due_at < due,
        )
        .returning(CronClaim.name)
    )
    return claimed is not None
