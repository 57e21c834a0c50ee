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
from config.permissions import Permission, Principal
from keywords.rules.spec import RuleState
from keywords.rules.store import RuleRow


class RuleHits(Base):
    """How often a rule answered at one account on one day, and when it last did."""

    __tablename__ = "rule_hits"
    __table_args__ = (Index("ix_rule_hits_local_day", "local_day"),)

    rule_slug: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class HitIncrement:
    """Hits to be added: how many, and the last of them."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class HitSummary:
    """What is said of a rule in a list; `last_at` is None for one that never answered."""

    count: int = 0
    last_at: datetime | None = None


NO_HITS = HitSummary()


def record(increments: Mapping[tuple[str, int, date], HitIncrement]) -> None:
    """Add hits by (rule code, account id, local day)."""
    if not increments:
        return
    statement = upsert(RuleHits)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=[RuleHits.rule_slug, RuleHits.account_id, RuleHits.local_day],
            set_={
                "count": RuleHits.count + statement.excluded.count,
                "last_at": statement.excluded.last_at,
            },
        ),
        [
            {
                "rule_slug": code,
                "account_id": account_id,
                "local_day": day,
                "count": increment.count,
                "last_at": increment.last_at,
            }
            for (code, account_id, day), increment in sorted(increments.items())
        ],
    )


def count_by_day(member: Principal, slug: str, *, today: date, days: int) -> dict[date, int]:
    """A rule's hits at the member's accounts on each of the last `days` days, oldest first."""
    since = today - timedelta(days=days - 1)
    rows = session.execute(
        select(RuleHits.local_day, func.sum(RuleHits.count))
        .where(RuleHits.rule_slug == slug, RuleHits.local_day >= since, _visible_to(member))
        .group_by(RuleHits.local_day)
    )
    counted: dict[date, int] = dict(rows.all())
    days_listed = (since + timedelta(days=number) for number in range(days))
    return {day: int(counted.get(day, 0)) for day in days_listed}


def count_by_account(member: Principal, slug: str, *, since: date) -> dict[int, int]:
    """A rule's hits since a day by id of the member's accounts, the most first."""
    total = func.sum(RuleHits.count)
    rows = session.execute(
        select(RuleHits.account_id, total)
        .where(RuleHits.rule_slug == slug, RuleHits.local_day >= since, _visible_to(member))
        .group_by(RuleHits.account_id)
        .order_by(total.desc(), RuleHits.account_id)
    )
    return {account_id: int(count) for account_id, count in rows}


def summaries(member: Principal, slugs: Collection[str], *, since: date) -> dict[str, HitSummary]:
    """Hits since a day and the last hit ever, of these rules at the member's accounts.

    A rule that never answered is not among them. One query.
    """
    recent = func.sum(RuleHits.count).filter(RuleHits.local_day >= since)
    rows = session.execute(
        select(RuleHits.rule_slug, func.coalesce(recent, 0), func.max(RuleHits.last_at))
        .where(RuleHits.rule_slug.in_(slugs), _visible_to(member))
        .group_by(RuleHits.rule_slug)
    )
    return {code: HitSummary(int(count), last_at) for code, count, last_at in rows}


def list_unused_for_staff(
    member: Principal, *, since: date, created_before: datetime, after: str = "", limit: int = 50
) -> list[RuleRow]:
    """Live rules of the member's area that are older than an instant and had no hit since a day.

    By code, behind `after`.
    """
    answered = select(RuleHits.rule_slug).where(
        RuleHits.rule_slug == RuleRow.slug, RuleHits.local_day >= since
    )
    area = member.scope(Permission.RULES_READ)
    return list(
        session.scalars(
            select(RuleRow)
            .where(
                RuleRow.state == RuleState.LIVE,
                RuleRow.created_at < created_before,
                RuleRow.slug > after,
                area.sql_filter(department=RuleRow.department_id, account=RuleRow.account_id),
                ~answered.exists(),
            )
            .order_by(RuleRow.slug)
            .limit(limit)
        )
    )


def delete_older_than(*, before: date) -> int:
    """Remove hits of days before a day. Returns how many rows."""
    removed = delete(RuleHits).where(RuleHits.local_day < before).returning(RuleHits.rule_slug)
    return len(session.scalars(removed).all())


def _visible_to(member: Principal) -> ColumnElement[bool]:
    return member.scope(Permission.RULES_READ).sql_filter(account=RuleHits.account_id)
