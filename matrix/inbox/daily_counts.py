"""Daily counts: how many pushes an account got on a local day, by outcome.

A job fills the table through an inbox cursor, a few minutes behind. Pages read these rows instead
of counting millions of messages.
"""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert
from config.permissions import Permission, Principal
from matrix.inbox import Outcome


class DailyCount(Base):
    """How many pushes one account got on one local day with one outcome."""

    __tablename__ = "inbox_daily_counts"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(primary_key=True)
    count: Mapped[int]


def add(counts: Mapping[tuple[int, date, Outcome], int]) -> None:
    """Add to the counts, given by (account id, local day, outcome)."""
    if not counts:
        return
    statement = upsert(DailyCount)
    # one executemany on the connection; the ORM would flush row by row
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=[DailyCount.account_id, DailyCount.local_day, DailyCount.outcome],
            set_={"count": DailyCount.count + statement.excluded.count},
        ),
        [
            {"account_id": account_id, "local_day": day, "outcome": outcome, "count": count}
            # sorted: two transactions that lock the same rows in the same order cannot deadlock
            for (account_id, day, outcome), count in sorted(counts.items())
        ],
    )


def list_for_staff(principal: Principal, *, since: date) -> list[DailyCount]:
    """Counts since a local day, for accounts whose rules the principal may read, oldest first."""
    scope = principal.scope(Permission.RULES_READ)
    return list(
        session.scalars(
            select(DailyCount)
            .where(DailyCount.local_day >= since, scope.sql_filter(account=DailyCount.account_id))
            .order_by(DailyCount.local_day, DailyCount.account_id, DailyCount.outcome)
        )
    )
