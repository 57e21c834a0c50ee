"""Hits: how often each rule answered, by account and local day.

A job fills the table from the inbox, a few minutes behind (`app/jobs/inbox_statistics.py`). Rules
are named by slug and without a foreign key, so the figures of a deleted rule stay readable.
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
    """How often a rule answered at one account on one local day, and when it last did."""

    __tablename__ = "rule_hits"
    # for the deletion of old days; the primary key begins with the slug
    __table_args__ = (Index("ix_rule_hits_local_day", "local_day"),)

    rule_slug: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class HitIncrement:
    """Hits to add: how many, and the instant of the last one."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class HitSummary:
    """Hits of a rule for a list; `last_at` is None for a rule that never answered."""

    count: int = 0
    last_at: datetime | None = None


NO_HITS = HitSummary()


def record(increments: Mapping[tuple[str, int, date], HitIncrement]) -> None:
    """Add hits, keyed by (rule slug, account id, local day)."""
    if not increments:
        return
    statement = upsert(RuleHits)
    session.connection().execute(
        # adding in the database: two workers may count for the same rule and day at once
        statement.on_conflict_do_update(
            index_elements=[RuleHits.rule_slug, RuleHits.account_id, RuleHits.local_day],
            set_={
                "count": RuleHits.count + statement.excluded.count,
                "last_at": statement.excluded.last_at,
            },
        ),
        # sorted, so that two processes lock rows in the same order and cannot deadlock
        [
            {
                "rule_slug": slug,
                "account_id": account_id,
                "local_day": day,
                "count": increment.count,
                "last_at": increment.last_at,
            }
            for (slug, account_id, day), increment in sorted(increments.items())
        ],
    )


def count_by_day(member: Principal, slug: str, *, today: date, days: int) -> dict[date, int]:
    """A rule's hits on each of the last `days` local days, oldest first, days without any as 0.

    Only accounts that the staff member may read count, here and below.
    """
    since = today - timedelta(days=days - 1)
    rows = session.execute(
        select(RuleHits.local_day, func.sum(RuleHits.count))
        .where(RuleHits.rule_slug == slug, RuleHits.local_day >= since, _visible_to(member))
        .group_by(RuleHits.local_day)
    )
    counted: dict[date, int] = dict(rows.all())
    # days without hits have no row and still a place in the chart
    days_listed = (since + timedelta(days=number) for number in range(days))
    return {day: int(counted.get(day, 0)) for day in days_listed}


def count_by_account(member: Principal, slug: str, *, since: date) -> dict[int, int]:
    """A rule's hits since a local day (included) by account id, the most first."""
    total = func.sum(RuleHits.count)
    rows = session.execute(
        select(RuleHits.account_id, total)
        .where(RuleHits.rule_slug == slug, RuleHits.local_day >= since, _visible_to(member))
        .group_by(RuleHits.account_id)
        .order_by(total.desc(), RuleHits.account_id)
    )
    return {account_id: int(count) for account_id, count in rows}


def summaries(member: Principal, slugs: Collection[str], *, since: date) -> dict[str, HitSummary]:
    """Hits since a local day, and the last hit ever, by slug. One query.

    Rules that never answered are missing.
    """
    recent = func.sum(RuleHits.count).filter(RuleHits.local_day >= since)
    rows = session.execute(
        select(RuleHits.rule_slug, func.coalesce(recent, 0), func.max(RuleHits.last_at))
        .where(RuleHits.rule_slug.in_(slugs), _visible_to(member))
        .group_by(RuleHits.rule_slug)
    )
    return {slug: HitSummary(int(count), last_at) for slug, count, last_at in rows}


def list_unused_for_staff(
    member: Principal, *, since: date, created_before: datetime, after: str = "", limit: int = 50
) -> list[RuleRow]:
    """Live rules made before an instant that had no hit since a local day, sorted by slug.

    `after` is the slug behind which the page begins.
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
                # keyset paging: the page stays right when rules begin to answer meanwhile
                RuleRow.slug > after,
                area.sql_filter(department=RuleRow.department_id, account=RuleRow.account_id),
                ~answered.exists(),
            )
            .order_by(RuleRow.slug)
            .limit(limit)
        )
    )


def delete_older_than(*, before: date) -> int:
    """Delete hits of local days before a day. Returns how many rows."""
    removed = delete(RuleHits).where(RuleHits.local_day < before).returning(RuleHits.rule_slug)
    return len(session.scalars(removed).all())


def _visible_to(member: Principal) -> ColumnElement[bool]:
    return member.scope(Permission.RULES_READ).sql_filter(account=RuleHits.account_id)
