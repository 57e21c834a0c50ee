"""How often rules answered: one rule day by day, and the rules that nobody needs."""

from dataclasses import dataclass
from datetime import date, timedelta

from flask import render_template, request, url_for

from app import auth, live
from app.auth import needs
from app.console.studio.blueprint import blueprint
from config import clock
from config.tenancy import Right
from keywords import hits, stored

DAYS = 30
SILENT_DAYS = 90
_PAGE = 50
# the drawing's own units; it is as wide as its place
_WIDTH, _HEIGHT, _FOOT = 600, 120, 18


@dataclass(frozen=True)
class Bar:
    """One day of the drawing."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Drawing:
    """Bars of equal width, the highest as high as the drawing."""

    bars: list[Bar]
    most: int
    width: int = _WIDTH
    height: int = _HEIGHT + _FOOT
    foot: int = _HEIGHT


def drawn(counts: dict[date, int]) -> Drawing:
    """The bars of some days."""
    most, step = max(counts.values(), default=0), _WIDTH / max(1, len(counts))
    bars = []
    for number, (day, count) in enumerate(counts.items()):
        height = max(2.0, (_HEIGHT - 14) * count / most) if count else 1.0
        bars.append(
            Bar(
                day,
                count,
                round(number * step + 1, 1),
                round(_HEIGHT - height, 1),
                round(step - 2, 1),
                round(height, 1),
            )
        )
    return Drawing(bars, most)


@blueprint.get("/rules/<int:rule_id>/hits")
@needs(Right.RULES_READ)
def rule_hits(rule_id: int) -> str:
    """A rule's hits by day and account; within htmx the part that the rule's page shows."""
    member, today = auth.member(), clock.local_day(clock.now())
    rule = stored.access_rule(member, rule_id, Right.RULES_READ)
    since = today - timedelta(days=DAYS - 1)
    counts = hits.by_day(member, rule.code, today=today, days=DAYS)
    summary = hits.summaries(member, [rule.code], since=since).get(rule.code, hits.NO_HITS)
    names = {account.id: account.name for account in live.current().accounts.values()}
    listed = hits.by_account(member, rule.code, since=since)
    is_partial = "HX-Request" in request.headers
    return render_template(
        f"console/studio/{'_hits' if is_partial else 'hits'}.html",
        rule=rule,
        drawing=drawn(counts),
        summary=summary,
        by_account=[(names.get(key, "已停用的账号"), count) for key, count in listed.items()],
        days=DAYS,
    )


@blueprint.get("/silent")
@needs(Right.RULES_READ)
def silent() -> str:
    """Rules in force that answered nobody for long."""
    member, now = auth.member(), clock.now()
    since = now - timedelta(days=SILENT_DAYS)
    rows = hits.silent_for_staff(
        member,
        since=clock.local_day(since),
        created_before=since,
        after=request.args.get("after", ""),
        at_most=_PAGE + 1,
    )
    shown = rows[:_PAGE]
    codes = [row.code for row in shown]
    following = url_for("studio.silent", after=codes[-1]) if len(rows) > _PAGE else ""
    return render_template(
        "console/studio/silent.html",
        rows=shown,
        last=hits.summaries(member, codes, since=clock.local_day(since)),
        owners=live.current().names,
        following=following,
        days=SILENT_DAYS,
    )
