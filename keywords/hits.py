"""Hits: how often each rule answered, by account and local day.

Filled from the inbox, a few minutes behind. A rule is known here by its code, which stays with
it for life, so what a deleted rule once answered can still be read.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert
from config.tenancy import Member, Right
from keywords.drafts import State
from keywords.stored import StoredRule


class Hits(Base):
    """How often a rule answered at one account on one day, and when it last did."""

    __tablename__ = "rule_hits"
    __table_args__ = (Index("ix_rule_hits_local_day", "local_day"),)

    rule_code: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Tally:
    """Hits to be added: how many, and the last of them."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said of a rule in a list; `last_at` is None for one that never answered."""

    count: int = 0
    last_at: datetime | None = None


NO_HITS = Summary()


def add(tallies: Mapping[tuple[str, int, date], Tally]) -> None:
    """Add hits by (rule code, account id, local day)."""
    if not tallies:
        return
    statement = upsert(Hits).values(
        [
            {
                "rule_code": code,
                "account_id": account_id,
                "local_day": day,
                "count": tally.count,
                "last_at": tally.last_at,
            }
            for (code, account_id, day), tally in sorted(tallies.items())
        ]
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Hits.rule_code, Hits.account_id, Hits.local_day],
            set_={
                "count": Hits.count + statement.excluded.count,
                "last_at": statement.excluded.last_at,
            },
        )
    )


def by_day(member: Member, code: str, *, today: date, days: int) -> dict[date, int]:
    """A rule's hits at the member's accounts on each of the last `days` days, oldest first."""
    since = today - timedelta(days=days - 1)
    rows = session.execute(
        select(Hits.local_day, func.sum(Hits.count))
        .where(Hits.rule_code == code, Hits.local_day >= since, _seen_by(member))
        .group_by(Hits.local_day)
    )
    counted: dict[date, int] = dict(rows.all())
    days_listed = (since + timedelta(days=number) for number in range(days))
    return {day: int(counted.get(day, 0)) for day in days_listed}


def by_account(member: Member, code: str, *, since: date) -> dict[int, int]:
    """A rule's hits since a day by id of the member's accounts, the most first."""
    total = func.sum(Hits.count)
    rows = session.execute(
        select(Hits.account_id, total)
        .where(Hits.rule_code == code, Hits.local_day >= since, _seen_by(member))
        .group_by(Hits.account_id)
        .order_by(total.desc(), Hits.account_id)
    )
    return {account_id: int(count) for account_id, count in rows}


def summaries(member: Member, codes: Collection[str], *, since: date) -> dict[str, Summary]:
    """Hits since a day and the last hit ever, of these rules at the member's accounts.

    A rule that never answered is not among them. One query.
    """
    recent = func.sum(Hits.count).filter(Hits.local_day >= since)
    rows = session.execute(
        select(Hits.rule_code, func.coalesce(recent, 0), func.max(Hits.last_at))
        .where(Hits.rule_code.in_(codes), _seen_by(member))
        .group_by(Hits.rule_code)
    )
    return {code: Summary(int(count), last_at) for code, count, last_at in rows}


def silent_for_staff(
    member: Member, *, since: date, created_before: datetime, after: str = "", at_most: int = 50
) -> list[StoredRule]:
    """Live rules of the member's area that are older than an instant and had no hit since a day.

    By code, behind `after`.
    """
    answered = select(Hits.rule_code).where(
        Hits.rule_code == StoredRule.code, Hits.local_day >= since
    )
    area = member.area(Right.RULES_READ)
    return list(
        session.scalars(
            select(StoredRule)
            .where(
                StoredRule.state == State.LIVE,
                StoredRule.created_at < created_before,
                StoredRule.code > after,
                area.covers(department=StoredRule.department_id, account=StoredRule.account_id),
                ~answered.exists(),
            )
            .order_by(StoredRule.code)
            .limit(at_most)
        )
    )


def forget(*, before: date) -> int:
    """Remove hits of days before a day. Returns how many rows."""
    removed = delete(Hits).where(Hits.local_day < before).returning(Hits.rule_code)
    return len(session.scalars(removed).all())


def _seen_by(member: Member) -> ColumnElement[bool]:
    return member.area(Right.RULES_READ).covers(account=Hits.account_id)
