"""Explaining: what an account would answer, and why, for commands and the console's test bench.

    occasion + account ── the push it would be ── dialogue.answer ──> what the citizen gets
                     └── keywords' book ───────────────────────────> candidates and reasons

There is no second way: the answer is the callback's own, over the same compiled rules. Nothing
is written down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from app import dialogue
from app.dialogue import Answer
from app.live import Live
from config.tenancy import Area
from keywords.book import Verdict
from keywords.matching import Candidate
from keywords.rehearsal import Rehearsal
from keywords.rules import Kind, Occasion, Rule
from matrix.accounts import Connection
from matrix.inbox import Outcome
from matrix.wechat import messages, replies
from matrix.wechat.messages import Inbound
from matrix.wechat.texts import without_links

OUTCOMES = {
    Outcome.EMERGENCY: "紧急提示",
    Outcome.RULE: "由规则答复",
    Outcome.SUGGESTION: "没有规则命中，给出建议",
    Outcome.FALLBACK: "没有规则命中，回复默认答复",
    Outcome.SILENT: "不答复",
}
_KINDS = {
    replies.Image: "图片",
    replies.Voice: "语音",
    replies.Video: "视频",
    replies.Music: "音乐",
    replies.News: "图文",
    replies.Transfer: "转人工客服",
}
_NOBODY = "explain"


@dataclass(frozen=True)
class Judgement:
    """What one account says to one occasion, with everything that led to it."""

    account: Connection
    occasion: Occasion
    answer: Answer
    verdict: Verdict
    rule: Rule | None

    @property
    def told(self) -> str:
        """The outcome in a few words."""
        if self.account.paused:
            return f"{OUTCOMES[Outcome.SILENT]}（账号已暂停）"
        return OUTCOMES.get(self.answer.outcome, self.answer.outcome.value)

    @property
    def unsendable(self) -> Rule | None:
        """The rule that would answer if the account had the pictures and sounds it sends."""
        rule = self.verdict.rule
        return None if rule is None or self.answer.rule_code == rule.code else rule

    @property
    def suggestions(self) -> tuple[Rule, ...]:
        """The rules the citizen is offered."""
        return self.verdict.suggestions if self.answer.outcome is Outcome.SUGGESTION else ()

    @cached_property
    def spoken(self) -> list[str]:
        """What the citizen reads, message by message; of a picture or sound what it is."""
        first = () if self.answer.reply is None else (self.answer.reply,)
        return [_shown(reply) for reply in (*first, *self.answer.more)]


def judge(occasion: Occasion, account: Connection, picture: Live, *, now: datetime) -> Judgement:
    """What an account would answer at this moment. Reads memory only."""
    answer = dialogue.answer(_push(occasion, account, now), account, picture, now=now)
    book = picture.book
    verdict = book.explain(account.id, occasion, now=now)
    if occasion.kind is Kind.CLICK and not verdict.candidates:
        # a button that nobody listens to is read as what a citizen would type
        verdict = book.explain(account.id, Occasion(occasion.text), now=now)
    rule = book.rule(answer.rule_code) if answer.rule_code else None
    return Judgement(account, occasion, answer, verdict, rule)


def across(occasion: Occasion, area: Area, picture: Live, *, now: datetime) -> list[Judgement]:
    """What each account of an area would answer, by the accounts' names."""
    return [judge(occasion, account, picture, now=now) for account in within(area, picture)]


def within(area: Area, picture: Live) -> list[Connection]:
    """The accounts of an area, by name."""
    inside = (each for each in picture.accounts.values() if area.holds(account_id=each.id))
    return sorted(inside, key=lambda account: (account.name, account.id))


def after(judged: Judgement, changed: Rule, picture: Live, *, now: datetime) -> Rule | None:
    """The rule that would answer a text at the account if one rule were as in `changed`."""
    reach = picture.book.reaches.get(judged.account.id)
    if reach is None or judged.verdict.emergency:
        return None
    rehearsal = Rehearsal(picture.book, changed)
    (rule,) = rehearsal.answers(reach, [judged.occasion.text], now=now)
    return rule


def reason(candidate: Candidate) -> str:
    """Why a rule was a candidate, and why it may not answer."""
    return "；".join(filter(None, (candidate.reason, candidate.obstacle)))


def best_of_each(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of each rule, in order."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.rule.code, candidate)
    return list(found.values())


def _push(occasion: Occasion, account: Connection, now: datetime) -> Inbound:
    """The push by which WeChat would tell us of the occasion."""
    common: dict[str, Any] = {"to": account.original_id, "openid": _NOBODY, "sent_at": now}
    match occasion.kind:
        case Kind.TEXT:
            return messages.Text(**common, message_id=_NOBODY, content=occasion.text)
        case Kind.CLICK:
            return messages.MenuClicked(**common, key=occasion.text)
        case Kind.SCAN:
            return messages.Scanned(**common, scene=occasion.text)


def _shown(reply: replies.Reply) -> str:
    if isinstance(reply, replies.Text):
        return without_links(reply.content)
    kind = _KINDS[type(reply)]
    if isinstance(reply, replies.News):
        return f"[{kind}] " + "、".join(article.title for article in reply.articles)
    title = getattr(reply, "title", "")
    return f"[{kind}] {title}".rstrip()
