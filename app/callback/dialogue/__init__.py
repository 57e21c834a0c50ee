"""The dialogue: decides what the hub answers to a push.

    push ──> danger ─> blocked ─> tapped link ─> not shown ─> command ─> awaited reply ─> department
             ─> picture, voice, file … ─> follow-up question ─> rule by name ─> keywords ─> welcome
             ─> small talk ─> old names ─> suggestions ─> fallback
                                            the first result wins ──> DialogueResult

A chain of functions (chain of responsibility), each with a result or None, in modules by what they
answer from. `answer` changes nothing; app/callback/recording.py stores what follows from it. On the
way to the keywords it reads memory only. The history of the follower is read from the database
where nothing in memory answers, and for the few messages that refer to what went before.
"""

from dataclasses import replace
from datetime import datetime

from app.callback.dialogue import (
    attachments,
    departments,
    fallback,
    follow_ups,
    rules,
    small_talk,
    suggestions,
)
from app.callback.dialogue.context import (
    Answerer,
    DialogueResult,
    History,
    NoHistory,
    ReplyContext,
    text_result,
)
from app.snapshots import Snapshot
from keywords.matching.emergencies import Danger
from keywords.rules.values import InputKind, MatchInput
from matrix.accounts import AccountSnapshot
from matrix.inbox import Outcome
from matrix.wechat import messages, passive_replies
from matrix.wechat.messages import Inbound
from matrix.wechat.text_parts import split_text

__all__ = ["NO_REPLY", "DialogueResult", "History", "answer", "match_input_of"]

NO_REPLY = DialogueResult(Outcome.SILENT)
_NO_HISTORY = NoHistory()


def answer(
    inbound: Inbound,
    account: AccountSnapshot,
    snapshot: Snapshot,
    *,
    now: datetime,
    history: History = _NO_HISTORY,
) -> DialogueResult:
    """The answer to a push, NO_REPLY when there is none. Changes nothing.

    Without a `history` it reads memory only, and the follower writes for the first time.
    """
    # A push that is not answered is still acknowledged with `success`, or WeChat would tell the
    # citizen that the account is out of order.
    if not inbound.awaits_reply:
        return NO_REPLY
    context = ReplyContext(inbound, account, snapshot, match_input_of(inbound), history, now)
    danger = _find_danger(context)
    is_certain = danger is not None and danger.is_certain
    if account.paused:
        # says nothing, but staff are alerted all the same
        return DialogueResult(Outcome.EMERGENCY if is_certain else Outcome.SILENT, danger=danger)
    if danger is not None and is_certain:
        return _emergency(context, danger)
    found = next(filter(None, (answerer(context) for answerer in _ANSWERERS)), NO_REPLY)
    return found if danger is None else _with_numbers(found, context, danger)


def match_input_of(inbound: Inbound) -> MatchInput | None:
    """What the keywords are asked: typed or spoken words, a menu key, or the scene of a QR code.

    None for pushes that have nothing of these.
    """
    match inbound:
        case messages.Text():
            return MatchInput(inbound.content)
        # speech recognition was announced to end: most voice messages come
        # without a text (wechat-platform.md 17)
        case messages.Voice() if inbound.transcript:
            return MatchInput(inbound.transcript)
        case messages.MenuClicked() | messages.MenuQrCodeSubmitted():
            return MatchInput(inbound.key, InputKind.CLICK)
        case messages.Scanned():
            return MatchInput(inbound.scene, InputKind.SCAN)
        case messages.Followed() if inbound.scene:
            return MatchInput(inbound.scene, InputKind.SCAN)
    return None


def _find_danger(context: ReplyContext) -> Danger | None:
    if context.words is None:
        return None
    return context.snapshot.ruleset.find_danger(context.words)


def _emergency(context: ReplyContext, danger: Danger) -> DialogueResult:
    found = text_result(Outcome.EMERGENCY, context.snapshot.ruleset.emergency_reply(danger))
    return replace(found, danger=danger)


def _with_numbers(found: DialogueResult, context: ReplyContext, danger: Danger) -> DialogueResult:
    """An answer with the line of telephone numbers after it, where somebody may be in danger."""
    line = passive_replies.Text(context.snapshot.ruleset.possible_danger_line)
    match found.reply:
        case passive_replies.Text() if not found.follow_ups and _fits(found.reply, line):
            reply = passive_replies.Text(f"{found.reply.content}\n\n{line.content}")
            return replace(found, reply=reply, danger=danger)
        case None:
            # silence towards a blocked follower ends where life may be in danger
            return replace(found, reply=line, danger=danger)
    return replace(found, follow_ups=(*found.follow_ups, line), danger=danger)


def _fits(reply: passive_replies.Text, line: passive_replies.Text) -> bool:
    return len(split_text(f"{reply.content}\n\n{line.content}")) == 1


def _blocked(context: ReplyContext) -> DialogueResult | None:
    """Silence for a follower whom an agent has blocked.

    Dangers are looked for before: they count from a blocked follower as well.
    """
    is_blocked = (context.account.id, context.inbound.openid) in context.snapshot.blocked_followers
    return NO_REPLY if is_blocked else None


# The order, after danger: what was asked for by name (a tapped link, a command), then what a
# rule has asked for (before departments: "太华路街道" may be the place of a leak), rules before the
# standard welcome so that staff can replace it for a QR code, and suggestions only where no rule
# fits.
_ANSWERERS: tuple[Answerer, ...] = (
    _blocked,
    rules.tapped_suggestion,
    departments.tapped_link,
    attachments.not_shown,
    departments.command,
    follow_ups.awaited_reply,
    departments.by_name,
    attachments.for_staff,
    follow_ups.guide_fact,
    suggestions.typed_name,
    rules.by_keywords,
    fallback.welcome,
    small_talk.answer,
    departments.by_loose_name,
    suggestions.suggest,
    fallback.fallback,
)
