"""Traffic: how many pushes an account got on a day, by what the hub did with them.

Filled by a walk over the inbox, a few minutes behind; pages read it instead of counting messages.
"""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert
from config.permissions import Permission, Principal
from matrix.inbox import Outcome


class DailyCount(Base):
    """Pushes of one account on one local day with one outcome."""

    __tablename__ = "inbox_daily_counts"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(primary_key=True)
    count: Mapped[int]


def add(counts: Mapping[tuple[int, date, Outcome], int]) -> None:
    """Add to the counts by (account id, local day, outcome)."""
    if not counts:
        return
    statement = upsert(DailyCount)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=[DailyCount.account_id, DailyCount.local_day, DailyCount.outcome],
            set_={"count": DailyCount.count + statement.excluded.count},
        ),
        [
            {"account_id": account_id, "local_day": day, "outcome": outcome, "count": count}
            for (account_id, day, outcome), count in sorted(counts.items())
        ],
    )


def list_for_staff(principal: Principal, *, since: date) -> list[DailyCount]:
    """The counts of the accounts whose rules a member may read, the oldest day first."""
    scope = principal.scope(Permission.RULES_READ)
    return list(
        session.scalars(
            select(DailyCount)
            .where(DailyCount.local_day >= since, scope.sql_filter(account=DailyCount.account_id))
            .order_by(DailyCount.local_day, DailyCount.account_id, DailyCount.outcome)
        )
    )
