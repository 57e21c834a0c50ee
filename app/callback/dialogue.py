"""The dialogue: decides what the hub answers to a push.

    push ──> emergency ─> blocked ─> tapped suggestion ─> keywords ─> welcome
             ─> suggestions ─> fallback            the first result wins ──> DialogueResult

A chain of functions (chain of responsibility), each with a result or None. `answer` reads memory
only and changes nothing; app/callback/recording.py stores what follows from it.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.snapshots import Snapshot
from keywords.rules import replies as said
from keywords.rules.values import InputKind, MatchInput, Rule
from matrix.accounts import AccountSnapshot
from matrix.inbox import Outcome
from matrix.wechat import messages, passive_replies
from matrix.wechat.messages import Inbound
from matrix.wechat.passive_replies import Reply, adapt_to
from matrix.wechat.text_parts import split_text

WELCOME = "您好，欢迎关注{name}。您可以直接写下要办的事，例如“身份证丢了怎么办”。"
_OPTION_PREFIX = "rule:"
_DID_YOU_MEAN = "您是不是想问："
_OTHER_DEPARTMENTS = "您问的可能由其他单位办理："
# what ends an attribute, a parameter or the address in a link of `_suggestion_link`
_UNSAFE_IN_LINK = re.compile(r"""[<>&"'#?=%\s]""")
# not seeded, so the processes of one server do not choose the same replies one after another
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class DialogueResult:
    """What the hub answers, and why.

    `reply` is the passive reply, None for silence. `follow_ups` are further messages, sent by
    customer service because a push can be answered with one only. `rule_code` is the slug of the
    rule that answered, `emergency_word` the word that makes the message an emergency.
    """

    outcome: Outcome
    reply: Reply | None = None
    follow_ups: tuple[Reply, ...] = ()
    rule_code: str | None = None
    emergency_word: str | None = None


NO_REPLY = DialogueResult(Outcome.SILENT)


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """One push with everything an answerer may need.

    `match_input` is None for a push that says nothing to the keywords, such as a picture.
    """

    inbound: Inbound
    account: AccountSnapshot
    snapshot: Snapshot
    match_input: MatchInput | None
    now: datetime


def answer(
    inbound: Inbound, account: AccountSnapshot, snapshot: Snapshot, *, now: datetime
) -> DialogueResult:
    """The answer to a push, NO_REPLY when there is none. Reads memory only, changes nothing."""
    # A push that is not answered is still acknowledged with `success`, or WeChat would tell the
    # citizen that the account is out of order.
    if account.paused or not inbound.awaits_reply:
        return NO_REPLY
    context = ReplyContext(inbound, account, snapshot, match_input_of(inbound), now)
    for answerer in _ANSWERERS:
        found = answerer(context)
        if found is not None:
            return found
    return NO_REPLY


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


# ---- the answerers, in order ----


def _emergency(context: ReplyContext) -> DialogueResult | None:
    if context.match_input is None or context.match_input.kind is not InputKind.TEXT:
        return None
    word = context.snapshot.ruleset.find_emergency(context.match_input.text)
    if word is None:
        return None
    text = context.snapshot.ruleset.emergency_reply
    return DialogueResult(Outcome.EMERGENCY, passive_replies.Text(text), emergency_word=word)


def _blocked(context: ReplyContext) -> DialogueResult | None:
    """Silence for a follower whom an agent has blocked.

    Emergencies are looked for before: they count from a blocked follower as well.
    """
    is_blocked = (context.account.id, context.inbound.openid) in context.snapshot.blocked_followers
    return NO_REPLY if is_blocked else None


def _tapped_suggestion(context: ReplyContext) -> DialogueResult | None:
    """The answer of the rule that a tapped suggestion names, also of another department."""
    option = context.inbound.option_id if isinstance(context.inbound, messages.Text) else None
    if not option or not option.startswith(_OPTION_PREFIX):
        return None
    rule = context.snapshot.ruleset.find_rule(option.removeprefix(_OPTION_PREFIX))
    return _result_of_rule(context, rule) if rule else None


def _keywords(context: ReplyContext) -> DialogueResult | None:
    if context.match_input is None:
        return None
    ruleset, account_id = context.snapshot.ruleset, context.account.id
    rule = ruleset.match(account_id, context.match_input, now=context.now)
    if rule is None and context.match_input.kind is InputKind.CLICK:
        # Staff may give a button the words that a citizen would type, without a rule for its key.
        rule = ruleset.match(account_id, MatchInput(context.match_input.text), now=context.now)
    return _result_of_rule(context, rule) if rule else None


def _welcome(context: ReplyContext) -> DialogueResult | None:
    if not isinstance(context.inbound, messages.Followed):
        return None
    text = context.account.welcome or WELCOME.format(name=context.account.name)
    return DialogueResult(Outcome.WELCOME, passive_replies.Text(text))


def _suggestions(context: ReplyContext) -> DialogueResult | None:
    if context.match_input is None or context.match_input.kind is not InputKind.TEXT:
        return None
    similar_rules = context.snapshot.ruleset.suggest(
        context.account.id, context.match_input.text, now=context.now
    )
    if not similar_rules:
        return None
    has_own = any(context.snapshot.is_own(context.account, rule) for rule in similar_rules)
    heading = _DID_YOU_MEAN if has_own else _OTHER_DEPARTMENTS
    text = _suggestion_text(heading, similar_rules, context)
    return DialogueResult(Outcome.SUGGESTION, passive_replies.Text(text))


def _fallback(context: ReplyContext) -> DialogueResult | None:
    if not isinstance(context.inbound, messages.Message):
        return None
    return DialogueResult(
        Outcome.FALLBACK,
        passive_replies.Text(context.snapshot.ruleset.fallback_reply(context.account.id)),
    )


# The order is the design's: danger first, then what was asked for by name (a tapped suggestion),
# rules before the standard welcome so that staff can replace it for a QR code, and suggestions only
# where no rule fits.
_ANSWERERS: tuple[Callable[[ReplyContext], DialogueResult | None], ...] = (
    _emergency,
    _blocked,
    _tapped_suggestion,
    _keywords,
    _welcome,
    _suggestions,
    _fallback,
)


# ---- from a rule to a reply ----


def _result_of_rule(context: ReplyContext, rule: Rule) -> DialogueResult | None:
    chosen = said.choose(
        rule.replies,
        rule.choice,
        # a file that has no media id at this account yet cannot be sent; another reply of the
        # rule may be
        available=lambda name: (context.account.id, name) in context.snapshot.media_ids,
        chance=_random,
    )
    parts = [part for one in chosen for part in _to_wechat(one, context)]
    passive_replies = [
        part for part in (adapt_to(part, context.inbound) for part in parts) if part is not None
    ]
    if not passive_replies:
        return None
    return DialogueResult(Outcome.RULE, passive_replies[0], tuple(passive_replies[1:]), rule.slug)


def _to_wechat(reply: said.Reply, context: ReplyContext) -> list[Reply]:
    """A rule's reply as passive replies; a text over WeChat's limit in several parts."""
    match reply:
        case said.Text():
            return [passive_replies.Text(part) for part in split_text(reply.content)]
        case said.Image():
            return [passive_replies.Image(_media_id(context, reply.media))]
        case said.Voice():
            return [passive_replies.Voice(_media_id(context, reply.media))]
        case said.Video():
            media_id = _media_id(context, reply.media)
            return [passive_replies.Video(media_id, reply.title, reply.description)]
        case said.Music():
            thumb = _media_id(context, reply.thumb)
            return [
                passive_replies.Music(
                    thumb, reply.url, reply.hq_url, reply.title, reply.description
                )
            ]
        case said.News():
            card = passive_replies.Article(reply.title, reply.description, reply.url, reply.picture)
            return [passive_replies.News((card,))]
        case said.Transfer():
            return [passive_replies.Transfer(reply.agent or None)]


def _media_id(context: ReplyContext, name: str) -> str:
    return context.snapshot.media_ids[context.account.id, name]


def _suggestion_text(heading: str, rules: Sequence[Rule], context: ReplyContext) -> str:
    lines = [heading]
    for rule in rules:
        owner_name = (
            ""
            if context.snapshot.is_own(context.account, rule)
            else context.snapshot.owner_name(rule)
        )
        lines.append(f"· {_suggestion_link(rule)}{f'（{owner_name}）' if owner_name else ''}")
    lines.append("点一下蓝色的字就能看到答复。")
    return "\n".join(lines)


def _suggestion_link(rule: Rule) -> str:
    """A link that, when tapped, sends its text back to us with the id of the option.

    WeChat's format (`weixin://bizmsgmenu`) looks like HTML and has no escapes, so characters that
    would end the link early are removed.
    """
    name = _UNSAFE_IN_LINK.sub("", rule.name)
    address = f"weixin://bizmsgmenu?msgmenucontent={name}&msgmenuid={_OPTION_PREFIX}{rule.slug}"
    return f'<a href="{address}">{name}</a>'
