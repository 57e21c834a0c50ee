"""The first page: what the signed-in person has to do, by their permissions.

Each source finds one kind of work and gives a `TodoGroup`, or None where the person lacks the
permission for it. To add a kind of work, add a function to `TODO_SOURCES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, url_for

from app import snapshots
from app.console.alerts.blueprint import object_links
from app.console.conversations import labels
from app.console.template_globals import format_date
from app.web.auth import member, requires
from config import clock
from config.alerts import listing as listing_of_alerts
from config.permissions import Permission, Principal
from keywords.rules import listing
from keywords.rules.versions import RuleVersion
from keywords.statistics import unanswered
from keywords.statistics.unanswered import ClusterFilter
from matrix import conversations
from matrix.health.health import HealthLevel, list_for_staff

blueprint = Blueprint("home", __name__, url_prefix="/console")

_MAX_ITEMS = 5


@dataclass(frozen=True)
class TodoItem:
    """One thing to do: what, a detail, the address of the page to do it on, and since when."""

    text: str
    detail: str
    url: str
    at: datetime | None = None
    is_urgent: bool = False


@dataclass(frozen=True)
class TodoGroup:
    """Things to do of one kind. `more_url` leads to all of them, where these are not all."""

    title: str
    icon: str
    items: Sequence[TodoItem]
    more_url: str = ""


TodoSource = Callable[[Principal, datetime], TodoGroup | None]


@blueprint.get("/")
# every permission: whoever may do anything has a first page; without a role it is 403
@requires(*Permission)
def index() -> str:
    """All groups that have something to do."""
    found = [source(member(), clock.now()) for source in TODO_SOURCES]
    # an empty group would be one more thing to read without anything to do
    groups = [group for group in found if group is not None and group.items]
    return render_template("console/home/index.html", groups=groups)


def _open_alerts(principal: Principal, now: datetime) -> TodoGroup | None:
    if not (
        principal.scope(Permission.CONVERSATIONS_READ) or principal.scope(Permission.ALERTS_RESOLVE)
    ):
        return None
    # one more than is shown tells whether there are others, without counting them
    found = listing_of_alerts.list_open_for_staff(principal, limit=_MAX_ITEMS + 1)
    links = object_links(found)
    all_url = url_for("alerts.index")
    items = [
        TodoItem(
            text=alert.message,
            detail=f"第 {alert.count} 次" if alert.count > 1 else "",
            url=links[alert.id][0] if alert.id in links else all_url,
            at=alert.last_raised_at,
            is_urgent=alert.urgent,
        )
        for alert in found[:_MAX_ITEMS]
    ]
    return TodoGroup("提醒", "bell", items, all_url if len(found) > _MAX_ITEMS else "")


def _waiting_conversations(principal: Principal, now: datetime) -> TodoGroup | None:
    if not principal.scope(Permission.CONVERSATIONS_REPLY):
        return None
    page = conversations.list_waiting_for_staff(principal, now=now, at_most=_MAX_ITEMS)
    items = [
        TodoItem(
            text=line.conversation.preview
            or f"［{labels.KINDS.get(line.conversation.kind, '消息')}］",
            detail=line.account_name,
            url=url_for("conversations.show", follower_id=line.conversation.follower_id),
            at=line.conversation.waiting_since,
            is_urgent=line.is_alerted,
        )
        for line in page.lines
    ]
    more_url = url_for("conversations.index", tab="waiting") if page.before else ""
    return TodoGroup("等待回复的市民", "messages", items, more_url)


def _rules_to_review(principal: Principal, now: datetime) -> TodoGroup | None:
    if not principal.scope(Permission.RULES_REVIEW):
        return None
    found = [
        # nobody may review a text that they wrote on, so it is not their work
        version
        for version in listing.list_waiting_for_review(principal)
        if principal.staff_id not in (version.submitter_id, *version.contributor_ids)
    ]
    more_url = url_for("rules.index", state="waiting") if len(found) > _MAX_ITEMS else ""
    items = [_version_item(version, "") for version in found[:_MAX_ITEMS]]
    return TodoGroup("等我审核的规则", "eye-check", items, more_url)


def _returned_rules(principal: Principal, now: datetime) -> TodoGroup | None:
    if not principal.scope(Permission.RULES_WRITE):
        return None
    found = listing.list_returned_to(principal, limit=_MAX_ITEMS + 1)
    more_url = url_for("rules.index", state="returned") if len(found) > _MAX_ITEMS else ""
    items = [
        _version_item(version, f"审核意见：{version.comment}") for version in found[:_MAX_ITEMS]
    ]
    return TodoGroup("退回给我的规则", "arrow-back-up", items, more_url)


def _version_item(version: RuleVersion, detail: str) -> TodoItem:
    return TodoItem(
        text=str(version.content["name"]),
        detail=detail,
        url=url_for("rules.review", version_id=version.id),
        at=version.decided_at or version.submitted_at,
    )


def _rules_due_for_review(principal: Principal, now: datetime) -> TodoGroup | None:
    permission_scope = principal.scope(Permission.RULES_WRITE)
    if not permission_scope:
        return None
    # a role may read more rules than it may change: only the latter are this person's work
    writer = Principal(
        principal.staff_id, principal.name, {Permission.RULES_READ: permission_scope}
    )
    filters = listing.RuleFilters(review_due_before=clock.local_day(now))
    found = listing.list_for_staff(writer, filters, limit=_MAX_ITEMS + 1)
    items = [
        TodoItem(
            text=line.rule.name,
            detail=f"应在{format_date(line.rule.review_by)}前复核",
            url=url_for("rules.show", rule_id=line.rule.id),
        )
        for line in found[:_MAX_ITEMS]
    ]
    more_url = url_for("rules.index", due="y") if len(found) > _MAX_ITEMS else ""
    return TodoGroup("过了复核日期的规则", "calendar-due", items, more_url)


def _unanswered_questions(principal: Principal, now: datetime) -> TodoGroup | None:
    permission_scope = principal.scope(Permission.RULES_WRITE)
    if not permission_scope:
        return None
    writer = Principal(
        principal.staff_id, principal.name, {Permission.RULES_READ: permission_scope}
    )
    # as above: only questions that this person may write a rule for
    found = unanswered.list_for_staff(writer, ClusterFilter(), limit=_MAX_ITEMS + 1)
    names = {account.id: account.name for account in snapshots.current().accounts.values()}
    all_url = url_for("rule_tools.list_unanswered")
    items = [
        TodoItem(
            text=cluster.title,
            detail=f"{names.get(cluster.account_id, '')} · 问了 {cluster.count} 次",
            url=url_for("rule_tools.list_unanswered", account=cluster.account_id),
            at=cluster.last_at,
        )
        for cluster in found[:_MAX_ITEMS]
    ]
    return TodoGroup(
        "没有答上的问题", "help-circle", items, all_url if len(found) > _MAX_ITEMS else ""
    )


def _unhealthy_accounts(principal: Principal, now: datetime) -> TodoGroup | None:
    if not principal.scope(Permission.ACCOUNTS_MANAGE):
        return None
    found = [
        each
        for each in list_for_staff(principal, Permission.ACCOUNTS_MANAGE, now=now)
        # warnings stand on the page of accounts; here only what must be mended
        if each.level is HealthLevel.BAD
    ]
    items = [
        TodoItem(
            text=each.inputs.account.name,
            detail="；".join(each.reasons),
            url=url_for("accounts.show", account_id=each.inputs.account.id),
        )
        for each in found[:_MAX_ITEMS]
    ]
    more_url = url_for("accounts.index") if len(found) > _MAX_ITEMS else ""
    return TodoGroup("出问题的公众号", "brand-wechat", items, more_url)


TODO_SOURCES: tuple[TodoSource, ...] = (
    _open_alerts,
    _waiting_conversations,
    _unhealthy_accounts,
    _returned_rules,
    _rules_to_review,
    _rules_due_for_review,
    _unanswered_questions,
)
