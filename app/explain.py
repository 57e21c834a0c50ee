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

from app.callback import dialogue
from app.callback.dialogue import DialogueResult
from app.snapshots import Snapshot
from config.permissions import PermissionScope
from keywords.matching.matcher import Candidate
from keywords.matching.ruleset import MatchResult
from keywords.publishing.what_if import WhatIf
from keywords.rules.values import InputKind, MatchInput, Rule
from matrix.accounts import AccountSnapshot
from matrix.inbox import Outcome
from matrix.wechat import messages, passive_replies
from matrix.wechat.messages import Inbound
from matrix.wechat.text_parts import strip_links

OUTCOME_LABELS = {
    Outcome.EMERGENCY: "紧急提示",
    Outcome.RULE: "由规则答复",
    Outcome.SUGGESTION: "没有规则命中，给出建议",
    Outcome.FALLBACK: "没有规则命中，回复默认答复",
    Outcome.SILENT: "不答复",
}
_REPLY_KIND_LABELS = {
    passive_replies.Image: "图片",
    passive_replies.Voice: "语音",
    passive_replies.Video: "视频",
    passive_replies.Music: "音乐",
    passive_replies.News: "图文",
    passive_replies.Transfer: "转人工客服",
}
_FAKE_OPENID = "explain"


@dataclass(frozen=True)
class Explanation:
    """What one account says to one occasion, with everything that led to it."""

    account: AccountSnapshot
    match_input: MatchInput
    answer: DialogueResult
    verdict: MatchResult
    rule: Rule | None

    @property
    def outcome_label(self) -> str:
        """The outcome in a few words."""
        if self.account.paused:
            return f"{OUTCOME_LABELS[Outcome.SILENT]}（账号已暂停）"
        return OUTCOME_LABELS.get(self.answer.outcome, self.answer.outcome.value)

    @property
    def unsendable_rule(self) -> Rule | None:
        """The rule that would answer if the account had the pictures and sounds it sends."""
        rule = self.verdict.rule
        return None if rule is None or self.answer.rule_code == rule.slug else rule

    @property
    def suggestions(self) -> tuple[Rule, ...]:
        """The rules the citizen is offered."""
        return self.verdict.suggestions if self.answer.outcome is Outcome.SUGGESTION else ()

    @cached_property
    def reply_texts(self) -> list[str]:
        """What the citizen reads, message by message; of a picture or sound what it is."""
        first = () if self.answer.reply is None else (self.answer.reply,)
        return [_reply_text(reply) for reply in (*first, *self.answer.follow_ups)]


def explain_one(
    match_input: MatchInput, account: AccountSnapshot, snapshot: Snapshot, *, now: datetime
) -> Explanation:
    """What an account would answer at this moment. Reads memory only."""
    answer = dialogue.answer(_as_push(match_input, account, now), account, snapshot, now=now)
    ruleset = snapshot.ruleset
    verdict = ruleset.explain(account.id, match_input, now=now)
    if match_input.kind is InputKind.CLICK and not verdict.candidates:
        # a button that nobody listens to is read as what a citizen would type
        verdict = ruleset.explain(account.id, MatchInput(match_input.text), now=now)
    rule = ruleset.find_rule(answer.rule_code) if answer.rule_code else None
    return Explanation(account, match_input, answer, verdict, rule)


def explain_all(
    match_input: MatchInput, scope: PermissionScope, snapshot: Snapshot, *, now: datetime
) -> list[Explanation]:
    """What each account of an area would answer, by the accounts' names."""
    return [
        explain_one(match_input, account, snapshot, now=now)
        for account in accounts_in(scope, snapshot)
    ]


def accounts_in(scope: PermissionScope, snapshot: Snapshot) -> list[AccountSnapshot]:
    """The accounts of an area, by name."""
    inside = (each for each in snapshot.accounts.values() if scope.contains(account_id=each.id))
    return sorted(inside, key=lambda account: (account.name, account.id))


def winner_after(
    explanation: Explanation, changed: Rule, snapshot: Snapshot, *, now: datetime
) -> Rule | None:
    """The rule that would answer a text at the account if one rule were as in `changed`."""
    account_scope = snapshot.ruleset.positions.get(explanation.account.id)
    if account_scope is None or explanation.verdict.emergency:
        return None
    rehearsal = WhatIf(snapshot.ruleset, changed)
    (rule,) = rehearsal.answers_after(account_scope, [explanation.match_input.text], now=now)
    return rule


def describe(candidate: Candidate) -> str:
    """Why a rule was a candidate, and why it may not answer."""
    return "；".join(filter(None, (candidate.reason, candidate.obstacle)))


def best_per_rule(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of each rule, in order."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.rule.slug, candidate)
    return list(found.values())


def _as_push(match_input: MatchInput, account: AccountSnapshot, now: datetime) -> Inbound:
    """The push by which WeChat would tell us of the occasion."""
    common: dict[str, Any] = {"to": account.original_id, "openid": _FAKE_OPENID, "sent_at": now}
    match match_input.kind:
        case InputKind.TEXT:
            return messages.Text(**common, message_id=_FAKE_OPENID, content=match_input.text)
        case InputKind.CLICK:
            return messages.MenuClicked(**common, key=match_input.text)
        case InputKind.SCAN:
            return messages.Scanned(**common, scene=match_input.text)


def _reply_text(reply: passive_replies.Reply) -> str:
    if isinstance(reply, passive_replies.Text):
        return strip_links(reply.content)
    kind = _REPLY_KIND_LABELS[type(reply)]
    if isinstance(reply, passive_replies.News):
        return f"[{kind}] " + "、".join(article.title for article in reply.articles)
    title = getattr(reply, "title", "")
    return f"[{kind}] {title}".rstrip()
