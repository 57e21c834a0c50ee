"""Import of the automatic replies that staff wrote in WeChat's own console.

WeChat stops using them once a server address is set (wechat-platform.md 1.1). Each becomes a draft
rule of the account, for staff to check and publish. Welcome and fallback texts are taken over where
the hub has none. Pictures and recordings cannot be read from the console; an alert names the
replies that lack them.
"""

from datetime import datetime

from config import alerts
from keywords.publishing import workflow
from keywords.rules import default_replies, replies, store
from keywords.rules.replies import Choice
from keywords.rules.spec import RuleSpec
from keywords.rules.values import Keyword, MatchMode
from matrix import accounts
from matrix.accounts import Account
from matrix.accounts.jobs_and_alerts import AccountAlert
from matrix.wechat.gateway import (
    AutoReplies,
    AutoReply,
    AutoReplyChoice,
    AutoReplyKind,
    AutoReplyMatch,
    AutoReplyRule,
)

_MODES = {AutoReplyMatch.EQUAL: MatchMode.EQUAL, AutoReplyMatch.CONTAINS: MatchMode.CONTAINS}
_CHOICES = {AutoReplyChoice.ALL: Choice.ALL, AutoReplyChoice.RANDOM: Choice.RANDOM}


def import_replies(account: Account, found: AutoReplies, *, now: datetime) -> None:
    """Take over the console's replies of one account. A second call changes nothing."""
    incomplete = [
        rule.name
        for number, rule in enumerate(found.rules, 1)
        if not _import_rule(account, rule, number, now=now)
    ]
    if found.welcome and found.welcome.kind is AutoReplyKind.TEXT:
        accounts.import_welcome(account.id, found.welcome.content)
    if found.fallback and found.fallback.kind is AutoReplyKind.TEXT:
        default_replies.set_fallback_if_missing(
            found.fallback.content, account_id=account.id, now=now
        )
    if incomplete:
        alerts.raise_alert(
            AccountAlert.IMPORT_INCOMPLETE,
            account.appid,
            f"{account.name}后台的自动回复有素材无法迁移：{'、'.join(incomplete)[:200]}",
            now=now,
            department_id=account.department_id,
            account_id=account.id,
            object_id=account.id,
        )


def _import_rule(account: Account, rule: AutoReplyRule, number: int, *, now: datetime) -> bool:
    """Save one rule as a draft; False when some of its replies could not be converted."""
    # by position in the list: WeChat gives a rule no id, and does not say that names are unique
    code = f"{account.appid}.console.{number}"
    convertible = [reply for each in rule.replies for reply in _to_replies(each)]
    keywords = tuple(Keyword(each.text, _MODES[each.match]) for each in rule.keywords)
    if convertible and keywords and store.find_by_slug(code) is None:
        rule_spec = RuleSpec(
            slug=code,
            name=rule.name[:60] or code,
            keywords=keywords,
            replies=tuple(convertible[: replies.MAX_REPLIES]),
            choice=_CHOICES[rule.pick],
        )
        # a draft and not a published rule: somebody here must read it first
        workflow.save_draft(
            rule_spec,
            rule_id=None,
            base_lock_version=None,
            department_id=None,
            account_id=account.id,
            author_id=None,
            now=now,
        )
    # a news reply gives one message for each of its articles, hence not `==`
    return len(convertible) >= len(rule.replies)


def _to_replies(reply: AutoReply) -> list[replies.Reply]:
    if reply.kind is AutoReplyKind.TEXT and reply.content.strip():
        return [replies.Text(reply.content)]
    return [
        replies.News(
            title=each.title, url=each.url, description=each.digest, picture=each.picture_url
        )
        for each in reply.articles
        if each.title and each.url
    ]
