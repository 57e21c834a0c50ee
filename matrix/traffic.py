"""Traffic: how many pushes an account got on a day, by what the hub did with them.

Filled by a walk over the inbox, a few minutes behind; pages read it instead of counting messages.
"""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert
from config.tenancy import Member, Right
from matrix.inbox import Outcome


class Traffic(Base):
    """Pushes of one account on one local day with one outcome."""

    __tablename__ = "traffic"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(primary_key=True)
    count: Mapped[int]


def add(counts: Mapping[tuple[int, date, Outcome], int]) -> None:
    """Add to the counts by (account id, local day, outcome)."""
    if not counts:
        return
    statement = upsert(Traffic).values(
        [
            {"account_id": account_id, "local_day": day, "outcome": outcome, "count": count}
            for (account_id, day, outcome), count in sorted(counts.items())
        ]
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Traffic.account_id, Traffic.local_day, Traffic.outcome],
            set_={"count": Traffic.count + statement.excluded.count},
        )
    )


def for_staff(member: Member, *, since: date) -> list[Traffic]:
    """The counts of the accounts whose rules a member may read, the oldest day first."""
    area = member.area(Right.RULES_READ)
    return list(
        session.scalars(
            select(Traffic)
            .where(Traffic.local_day >= since, area.covers(account=Traffic.account_id))
            .order_by(Traffic.local_day, Traffic.account_id, Traffic.outcome)
        )
    )
