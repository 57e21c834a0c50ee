"""How often rules answered: one rule day by day, and the rules that nobody used for long."""

from dataclasses import dataclass
from datetime import date, timedelta

from flask import render_template, request, url_for

from app import snapshots
from app.console.rules.blueprint import tools_blueprint
from app.web import auth
from app.web.auth import requires
from config import clock
from config.permissions import Permission
from keywords.rules import store
from keywords.statistics import hits

HITS_DAYS = 30
UNUSED_DAYS = 90
_PAGE_SIZE = 50
# units of the chart's viewBox: the browser scales it to the width of the page
_WIDTH, _HEIGHT, _AXIS_HEIGHT = 600, 120, 18


@dataclass(frozen=True)
class ChartBar:
    """One day of the chart, in the units of its viewBox."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class BarChart:
    """A bar chart: bars of equal width, the highest nearly as high as the chart.

    Below `axis_y` stand the labels of the days.
    """

    bars: list[ChartBar]
    max_count: int
    width: int = _WIDTH
    height: int = _HEIGHT + _AXIS_HEIGHT
    axis_y: int = _HEIGHT


def bar_chart(counts: dict[date, int]) -> BarChart:
    """The chart of hits by day, in the dict's order; a day without hits has a bar of height 1."""
    max_count, step = max(counts.values(), default=0), _WIDTH / max(1, len(counts))
    bars = []
    for number, (day, count) in enumerate(counts.items()):
        # the number above the highest bar needs 14 units; below 2 a bar would look like none
        height = max(2.0, (_HEIGHT - 14) * count / max_count) if count else 1.0
        bars.append(
            ChartBar(
                day,
                count,
                round(number * step + 1, 1),
                round(_HEIGHT - height, 1),
                round(step - 2, 1),
                round(height, 1),
            )
        )
    return BarChart(bars, max_count)


@tools_blueprint.get("/rules/<int:rule_id>/hits")
@requires(Permission.RULES_READ)
def rule_hits(rule_id: int) -> str:
    """A rule's hits by day and account; for htmx only the part that the rule's page shows."""
    member, today = auth.member(), clock.local_day(clock.now())
    rule = store.access_rule(member, rule_id, Permission.RULES_READ)
    # the day of today is one of them
    since = today - timedelta(days=HITS_DAYS - 1)
    # within the person's accounts: a rule of the whole city has hits at all others as well
    counts = hits.count_by_day(member, rule.slug, today=today, days=HITS_DAYS)
    summary = hits.summaries(member, [rule.slug], since=since).get(rule.slug, hits.NO_HITS)
    names = {account.id: account.name for account in snapshots.current().accounts.values()}
    hits_by_account = hits.count_by_account(member, rule.slug, since=since)
    is_partial = "HX-Request" in request.headers
    return render_template(
        f"console/rules/statistics/{'_hits' if is_partial else 'hits'}.html",
        rule=rule,
        chart=bar_chart(counts),
        summary=summary,
        hits_by_account=[
            # hits outlive accounts, which leave the snapshot when they are closed
            (names.get(key, "已停用的账号"), count)
            for key, count in hits_by_account.items()
        ],
        days=HITS_DAYS,
    )


@tools_blueprint.get("/silent")
@requires(Permission.RULES_READ)
def unused() -> str:
    """Published rules that answered nobody in the last UNUSED_DAYS days."""
    member, now = auth.member(), clock.now()
    since = now - timedelta(days=UNUSED_DAYS)
    rows = hits.list_unused_for_staff(
        member,
        since=clock.local_day(since),
        # a younger rule has had no chance yet
        created_before=since,
        after=request.args.get("after", ""),
        # one more than is shown tells whether there is another page, without counting all
        limit=_PAGE_SIZE + 1,
    )
    page_rows = rows[:_PAGE_SIZE]
    slugs = [row.slug for row in page_rows]
    next_url = url_for("rule_tools.unused", after=slugs[-1]) if len(rows) > _PAGE_SIZE else ""
    return render_template(
        "console/rules/statistics/unused.html",
        rows=page_rows,
        summaries=hits.summaries(member, slugs, since=clock.local_day(since)),
        department_names=snapshots.current().department_names,
        next_url=next_url,
        days=UNUSED_DAYS,
    )
