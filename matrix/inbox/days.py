"""Days of the inbox: which ids a local day has.

Ids grow with time, so a range of days is a range of ids, and the inbox needs no index on its day.
The table is filled while conversations are projected, a few seconds behind the inbox.
"""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, BigKey, session, upsert
from matrix.inbox import InboxMessage


class InboxDay(Base):
    """The first inbox id of a local day."""

    __tablename__ = "inbox_days"

    local_day: Mapped[date] = mapped_column(primary_key=True)
    first_id: Mapped[int] = mapped_column(BigKey)


def record(first_ids: Mapping[date, int]) -> None:
    """Note the first ids found for some days; an id that is smaller than the known one wins.

    A row may become visible after one with a greater id, so the same day may be noted again.
    """
    # one or two rows: a batch spans a midnight at most, unless the job makes up for days
    for day, first in first_ids.items():
        statement = upsert(InboxDay).values(local_day=day, first_id=first)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[InboxDay.local_day],
                set_={"first_id": statement.excluded.first_id},
                where=InboxDay.first_id > statement.excluded.first_id,
            )
        )


def first_id_of(day: date) -> int | None:
    """The first inbox id of a day or a later one; None when nothing was received since."""
    return session.scalar(
        select(InboxDay.first_id)
        .where(InboxDay.local_day >= day)
        .order_by(InboxDay.local_day)
        .limit(1)
    )


def newest_id() -> int:
    """The id of the newest inbox row; 0 when there is none."""
    return session.scalar(select(func.max(InboxMessage.id))) or 0
