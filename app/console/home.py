"""The first page: what waits for the person who signed in, by their own rights.

Each source looks for one kind of work and gives a Group, or None where there is none or it is
none of this person's business. A further source is a function in `SOURCES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, url_for

from app import live
from app.auth import member, needs
from app.console import alarms as alarm_pages
from app.console.drawing import day
from app.console.talks import words
from config import alarms, clock
from config.tenancy import Member, Right
from keywords import listing, unmatched
from keywords.history import RuleVersion
from keywords.unmatched import Wanted
from matrix import talks
from matrix.board import Level, board

blueprint = Blueprint("home", __name__, url_prefix="/console")

_MOST = 5


@dataclass(frozen=True)
class Item:
    """One thing to do: what, where from and since when, and the page to do it on."""

    text: str
    detail: str
    address: str
    at: datetime | None = None
    is_urgent: bool = False


@dataclass(frozen=True)
class Group:
    """Things to do of one kind; `more` leads to all of them, where these are not all."""

    title: str
    icon: str
    items: Sequence[Item]
    more: str = ""


Source = Callable[[Member, datetime], Group | None]


@blueprint.get("/")
@needs(*Right)
def index() -> str:
    """What is to be done."""
    found = [source(member(), clock.now()) for source in SOURCES]
    groups = [group for group in found if group is not None and group.items]
    return render_template("console/home/index.html", groups=groups)


def _alarms(who: Member, now: datetime) -> Group | None:
    if not (who.area(Right.TALKS_READ) or who.area(Right.ALARMS_CLOSE)):
        return None
    found = alarms.open_for_staff(who, at_most=_MOST + 1)
    links = alarm_pages.links(found)
    everything = url_for("alarms.index")
    items = [
        Item(
            text=alarm.message,
            detail=f"第 {alarm.count} 次" if alarm.count > 1 else "",
            address=links.get(alarm.id, everything),
            at=alarm.last_at,
            is_urgent=alarm.urgent,
        )
        for alarm in found[:_MOST]
    ]
    return Group("提醒", "bell", items, everything if len(found) > _MOST else "")


def _waiting(who: Member, now: datetime) -> Group | None:
    if not who.area(Right.TALKS_ANSWER):
        return None
    page = talks.waiting_of(who, now=now, at_most=_MOST)
    items = [
        Item(
            text=line.talk.words or f"［{words.KINDS.get(line.talk.kind, '消息')}］",
            detail=line.account_name,
            address=url_for("talks.show", follower_id=line.talk.follower_id),
            at=line.talk.waiting_since,
            is_urgent=line.is_alarmed,
        )
        for line in page.lines
    ]
    more = url_for("talks.index", tab="waiting") if page.before else ""
    return Group("等待回复的市民", "messages", items, more)


def _to_review(who: Member, now: datetime) -> Group | None:
    if not who.area(Right.RULES_REVIEW):
        return None
    found = [
        version
        for version in listing.waiting_for_review(who)
        if who.staff_id not in (version.submitter_id, *version.writers)
    ]
    more = url_for("rules.index", state="waiting") if len(found) > _MOST else ""
    items = [_of_version(version, "") for version in found[:_MOST]]
    return Group("等我审核的规则", "eye-check", items, more)


def _returned(who: Member, now: datetime) -> Group | None:
    if not who.area(Right.RULES_WRITE):
        return None
    found = listing.returned_to(who, limit=_MOST + 1)
    more = url_for("rules.index", state="returned") if len(found) > _MOST else ""
    items = [_of_version(version, f"审核意见：{version.comment}") for version in found[:_MOST]]
    return Group("退回给我的规则", "arrow-back-up", items, more)


def _of_version(version: RuleVersion, detail: str) -> Item:
    return Item(
        text=version.shape["name"],
        detail=detail,
        address=url_for("rules.review", version_id=version.id),
        at=version.decided_at or version.submitted_at,
    )


def _overdue(who: Member, now: datetime) -> Group | None:
    area = who.area(Right.RULES_WRITE)
    if not area:
        return None
    # one reads more rules than one may mend
    writer = Member(who.staff_id, who.name, {Right.RULES_READ: area})
    wanted = listing.Filters(due_on=clock.local_day(now))
    found = listing.for_staff(writer, wanted, limit=_MOST + 1)
    items = [
        Item(
            text=line.rule.name,
            detail=f"应在{day(line.rule.review_by)}前复核",
            address=url_for("rules.show", rule_id=line.rule.id),
        )
        for line in found[:_MOST]
    ]
    more = url_for("rules.index", due="y") if len(found) > _MOST else ""
    return Group("过了复核日期的规则", "calendar-due", items, more)


def _unanswered(who: Member, now: datetime) -> Group | None:
    area = who.area(Right.RULES_WRITE)
    if not area:
        return None
    writer = Member(who.staff_id, who.name, {Right.RULES_READ: area})
    found = unmatched.clusters_for_staff(writer, Wanted(), at_most=_MOST + 1)
    names = {account.id: account.name for account in live.current().accounts.values()}
    everything = url_for("studio.unmatched")
    items = [
        Item(
            text=cluster.title,
            detail=f"{names.get(cluster.account_id, '')} · 问了 {cluster.count} 次",
            address=url_for("studio.unmatched", account=cluster.account_id),
            at=cluster.last_at,
        )
        for cluster in found[:_MOST]
    ]
    return Group("没有答上的问题", "help-circle", items, everything if len(found) > _MOST else "")


def _in_trouble(who: Member, now: datetime) -> Group | None:
    if not who.area(Right.ACCOUNTS_MANAGE):
        return None
    found = [each for each in board(who, Right.ACCOUNTS_MANAGE, now=now) if each.level is Level.BAD]
    items = [
        Item(
            text=each.facts.account.name,
            detail="；".join(each.reasons),
            address=url_for("accounts.show", account_id=each.facts.account.id),
        )
        for each in found[:_MOST]
    ]
    more = url_for("accounts.index") if len(found) > _MOST else ""
    return Group("出问题的公众号", "brand-wechat", items, more)


SOURCES: tuple[Source, ...] = (
    _alarms,
    _waiting,
    _in_trouble,
    _returned,
    _to_review,
    _overdue,
    _unanswered,
)
