"""Adoption: what staff wrote in WeChat's own console becomes drafts here.

With a server connected the console's automatic replies no longer work. Each becomes a draft rule
of the account, for somebody to read and put into force; the welcome and the fallback are taken
over where we have none. Pictures and sounds of the console cannot be taken along; an alarm says
which replies lack them.
"""

from datetime import datetime

from config import alarms
from keywords import replies, stored, texts, versions
from keywords.drafts import RuleDraft
from keywords.replies import Choice
from keywords.rules import Keyword, Mode
from matrix import accounts
from matrix.accounts import Account
from matrix.wechat.gateway import (
    AutoReplies,
    ConsoleKind,
    ConsoleMatch,
    ConsolePick,
    ConsoleReply,
    ConsoleRule,
)

_MODES = {ConsoleMatch.EQUAL: Mode.EQUAL, ConsoleMatch.CONTAINS: Mode.CONTAINS}
_CHOICES = {ConsolePick.ALL: Choice.ALL, ConsolePick.RANDOM: Choice.RANDOM}


def adopt_replies(account: Account, found: AutoReplies, *, now: datetime) -> None:
    """Take over the console's replies of one account; a second time changes nothing."""
    lost = [
        rule.name
        for number, rule in enumerate(found.rules, 1)
        if not _adopt_rule(account, rule, number, now=now)
    ]
    if found.welcome and found.welcome.kind is ConsoleKind.TEXT:
        accounts.adopt_welcome(account.id, found.welcome.content)
    if found.fallback and found.fallback.kind is ConsoleKind.TEXT:
        texts.adopt_fallback(found.fallback.content, account_id=account.id, now=now)
    if lost:
        alarms.raise_alarm(
            "account.partly_adopted",
            account.appid,
            f"{account.name}后台的自动回复有素材无法迁移：{'、'.join(lost)[:200]}",
            now=now,
            department_id=account.department_id,
        )


def _adopt_rule(account: Account, rule: ConsoleRule, number: int, *, now: datetime) -> bool:
    """Draft one rule; False when some of its replies could not be taken along."""
    code = f"{account.appid}.console.{number}"
    spoken = [reply for each in rule.replies for reply in _reply(each)]
    keywords = tuple(Keyword(each.text, _MODES[each.match]) for each in rule.keywords)
    if spoken and keywords and stored.by_code(code) is None:
        draft = RuleDraft(
            code=code,
            name=rule.name[:60] or code,
            keywords=keywords,
            replies=tuple(spoken[: replies.MOST_REPLIES]),
            choice=_CHOICES[rule.pick],
        )
        versions.save(
            draft,
            rule_id=None,
            base=None,
            department_id=None,
            account_id=account.id,
            author_id=None,
            now=now,
        )
    return len(spoken) >= len(rule.replies)


def _reply(reply: ConsoleReply) -> list[replies.Reply]:
    if reply.kind is ConsoleKind.TEXT and reply.content.strip():
        return [replies.Text(reply.content)]
    return [
        replies.News(
            title=each.title, url=each.url, description=each.digest, picture=each.picture_url
        )
        for each in reply.articles
        if each.title and each.url
    ]
