"""The timetable: what is due at which hour, written down once however many schedulers run.

scheduler A ─┐
             ├── claim(name, due) ──> one of them enqueues the job
scheduler B ─┘
"""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert


class CronClaim(Base):
    """When the work of this name was last due."""

    __tablename__ = "cron_claims"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_due_at: Mapped[datetime]


def claim(name: str, due: datetime) -> bool:
    """Whether this caller is the first to claim this hour of this work.

    False also for an hour before the last one claimed: a clock that was set back repeats nothing.
    """
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
