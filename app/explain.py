"""Explain: what an account would answer to a text, and why; for the command and the console.

    match input + account ──┬── as a push ── dialogue.answer ──> what the citizen would get
                            └── ruleset.explain ──> candidates with score and reason

The answer comes from the same function and the same snapshot as that of the callback, so the two
cannot differ (docs/decisions/0031). Reads memory only; nothing is stored.
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
    Outcome.INFORMATION: "用单位或办事指南的资料答复",
    Outcome.SMALL_TALK: "按寒暄答复",
    Outcome.FOR_STAFF: "请人工查看",
    Outcome.NOT_SHOWN: "没有可以看的内容",
}
_REPLY_KIND_LABELS = {
    passive_replies.Image: "图片",
    passive_replies.Voice: "语音",
    passive_replies.Video: "视频",
    passive_replies.Music: "音乐",
    passive_replies.News: "图文",
    passive_replies.Transfer: "转人工客服",
}
# no openid has this form, so no blocklist holds it and an explanation is never silenced by one
_FAKE_OPENID = "explain"


@dataclass(frozen=True)
class Explanation:
    """What one account would answer to one input, with everything that led to it.

    `answer` is what the citizen would get, `verdict` the candidates of the matching, and `rule` the
    rule that answers, or None.
    """

    account: AccountSnapshot
    match_input: MatchInput
    answer: DialogueResult
    verdict: MatchResult
    rule: Rule | None

    @property
    def outcome_label(self) -> str:
        """The outcome in a few Chinese words, for staff."""
        if self.account.paused and self.answer.reply is None:
            return f"{OUTCOME_LABELS[Outcome.SILENT]}（账号已暂停）"
        return OUTCOME_LABELS.get(self.answer.outcome, self.answer.outcome.value)

    @property
    def unsendable_rule(self) -> Rule | None:
        """The rule that matched best but cannot answer; None when the best one does answer.

        Its replies need files that have no media id at this account yet.
        """
        rule = self.verdict.rule
        # a department's card, for example, is given although a rule would match
        is_unanswered = self.answer.outcome in (Outcome.SUGGESTION, Outcome.FALLBACK)
        return rule if is_unanswered else None

    @property
    def suggestions(self) -> tuple[Rule, ...]:
        """The rules that are offered to the citizen as suggestions; empty when a rule answers."""
        return self.verdict.suggestions if self.answer.outcome is Outcome.SUGGESTION else ()

    @cached_property
    def reply_texts(self) -> list[str]:
        """What the citizen reads, one text a message; for other kinds the kind in brackets."""
        # a long answer goes out as the reply and further messages:
        # shown in the order of their arrival
        first = () if self.answer.reply is None else (self.answer.reply,)
        return [_reply_text(reply) for reply in (*first, *self.answer.follow_ups)]


def explain_one(
    match_input: MatchInput, account: AccountSnapshot, snapshot: Snapshot, *, now: datetime
) -> Explanation:
    """What an account would answer to the input at the instant `now`. Reads memory only."""
    answer = dialogue.answer(_as_push(match_input, account, now), account, snapshot, now=now)
    ruleset = snapshot.ruleset
    verdict = ruleset.explain(account.id, match_input, now=now)
    if match_input.kind is InputKind.CLICK and not verdict.candidates:
        # the dialogue does the same: a click that no rule listens to is matched as typed text
        verdict = ruleset.explain(account.id, MatchInput(match_input.text), now=now)
    rule = ruleset.find_rule(answer.rule_code) if answer.rule_code else None
    return Explanation(account, match_input, answer, verdict, rule)


def explain_all(
    match_input: MatchInput, scope: PermissionScope, snapshot: Snapshot, *, now: datetime
) -> list[Explanation]:
    """The explanation of each account in a scope, sorted by the account's name."""
    return [
        explain_one(match_input, account, snapshot, now=now)
        for account in accounts_in(scope, snapshot)
    ]


def accounts_in(scope: PermissionScope, snapshot: Snapshot) -> list[AccountSnapshot]:
    """The accounts in a scope, sorted by name."""
    inside = (each for each in snapshot.accounts.values() if scope.contains(account_id=each.id))
    return sorted(inside, key=lambda account: (account.name, account.id))


def winner_after(
    explanation: Explanation, changed: Rule, snapshot: Snapshot, *, now: datetime
) -> Rule | None:
    """The rule that would answer at the account if one rule were as in `changed`, or None.

    None also where the account has no rules or an emergency word stands in the text.
    """
    account_scope = snapshot.ruleset.positions.get(explanation.account.id)
    # emergency words are looked for before any rule, so no change of a rule can win against them
    if account_scope is None or explanation.verdict.emergency:
        return None
    rehearsal = WhatIf(snapshot.ruleset, changed)
    (rule,) = rehearsal.answers_after(account_scope, [explanation.match_input.text], now=now)
    return rule


def describe(candidate: Candidate) -> str:
    """Why a rule was a candidate and, if so, why it may not answer, as one Chinese text."""
    return "；".join(filter(None, (candidate.reason, candidate.obstacle)))


def best_per_rule(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of each rule, in the given order (best first in a verdict)."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.rule.slug, candidate)
    return list(found.values())


def _as_push(match_input: MatchInput, account: AccountSnapshot, now: datetime) -> Inbound:
    """The input as the push that WeChat would send for it."""
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
