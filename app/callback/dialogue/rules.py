"""Answers by rules: a tapped suggestion, keywords, two questions at once."""

import random
import re
from collections.abc import Iterator

from app.callback.dialogue.context import DialogueResult, ReplyContext
from app.callback.dialogue.links import RULE_PREFIX
from keywords.matching.matcher import MatchLevel
from keywords.rules import replies as said
from keywords.rules.values import InputKind, MatchInput, Rule
from matrix.inbox import Outcome
from matrix.wechat import passive_replies
from matrix.wechat.passive_replies import Reply, adapt_to
from matrix.wechat.text_parts import MAX_PART_BYTES, split_text

# not seeded, so the processes of one server do not choose the same replies one after another
_random = random.SystemRandom()
# Where one question may end and another begin: marks, emoji, and words that add something.
_PART_END = re.compile(r"\W+|还有|另外|顺便|再问|同时|以及|对了|和|跟|与")
# What is denied is not asked: "不是结婚，我问离婚". But "要不要" is a question.
_DENIED = re.compile(
    "(?<!是)不是|(?<!用)不用|(?<!要)不要|(?<!想)不想|(?<!去)不去|别(?:再|给)|先不|^没"
)
# In characters. A longer message tells a story, in which things are mentioned and not asked.
_MAX_ASKED_LENGTH = 40
_MIN_PART_LENGTH = 2
_MAX_PARTS = 8


def tapped_suggestion(context: ReplyContext) -> DialogueResult | None:
    """The answer of the rule that a tapped suggestion names, also of another department."""
    if not context.option_id.startswith(RULE_PREFIX):
        return None
    slug = context.option_id.removeprefix(RULE_PREFIX)
    rule = context.snapshot.ruleset.find_rule(slug)
    return result_of_rule(context, rule) if rule else None


def by_keywords(context: ReplyContext) -> DialogueResult | None:
    """The answer of the rule that the keywords lead to, or of two when two things were asked."""
    given = context.match_input
    if given is None:
        return None
    rule = context.matched_rule
    if given.kind is InputKind.TEXT:
        return _two_questions(context, rule) or (result_of_rule(context, rule) if rule else None)
    if rule is None and given.kind is InputKind.CLICK:
        # Staff may give a button the words that a citizen would type, without a rule for its key.
        rule = context.snapshot.ruleset.match(
            context.account.id, MatchInput(given.text), now=context.now
        )
    return result_of_rule(context, rule) if rule else None


def result_of_rule(context: ReplyContext, rule: Rule) -> DialogueResult | None:
    """What a rule says at this account; None when nothing of it can be sent."""
    chosen = said.choose(
        rule.replies,
        rule.choice,
        # a file that has no media id at this account yet cannot be sent; another reply of the
        # rule may be
        available=lambda name: (context.account.id, name) in context.snapshot.media_ids,
        chance=_random,
    )
    parts = [part for one in chosen for part in _to_wechat(one, context)]
    parts = parts or [passive_replies.Text(text) for text in _captions(rule)]
    sendable = [part for part in (adapt_to(part, context.inbound) for part in parts) if part]
    if not sendable:
        return None
    first, *rest = sendable
    return DialogueResult(
        Outcome.RULE, first, tuple(rest), rule.slug, expects_reply=rule.expects_reply
    )


def _captions(rule: Rule) -> Iterator[str]:
    """What replies say in words whose file cannot be sent: the first that has any."""
    for reply in rule.replies:
        if isinstance(reply, said.Video | said.Music):
            url = reply.url if isinstance(reply, said.Music) else ""
            text = "\n".join(filter(None, (reply.title, reply.description, url)))
            if text:
                yield text
                return


# ---- two questions in one message ----


def _two_questions(context: ReplyContext, rule: Rule | None) -> DialogueResult | None:
    """Both answers to a message that asks two things, when both are sure; `rule` answers the whole.

    Sure means that a part of the message leads to each of two rules by a keyword as it is written.
    """
    words = context.words or ""
    if len(words) > _MAX_ASKED_LENGTH or _PART_END.search(words) is None:
        return None
    found = _rules_by_part(context, words)
    # the answer to the whole must be one of them, or the parts were misunderstood
    if len(found) != 2 or (rule is not None and rule.slug not in found):
        return None
    ordered = sorted(found.values(), key=lambda each: rule is not None and each.slug != rule.slug)
    one, other = (result_of_rule(context, each) for each in ordered)
    return _joined(one, other) if one and other else None


def _parts(words: str) -> list[str]:
    parts = [part.strip() for part in _PART_END.split(words)]
    parts = [part for part in parts if len(part) >= _MIN_PART_LENGTH]
    return [part for part in parts if not _DENIED.search(part)][:_MAX_PARTS]


def _rules_by_part(context: ReplyContext, words: str) -> dict[str, Rule]:
    """The rules that parts of the message lead to for sure, by slug."""
    parts = _parts(words)
    if len(parts) < 2:
        return {}
    matcher, now = context.snapshot.ruleset.matcher(context.account.id), context.now
    matches = {part: matcher.match(MatchInput(part), now=now) for part in parts}
    if len({rule.slug for rule in matches.values() if rule is not None}) < 2:
        return {}
    return {
        rule.slug: rule
        for part, rule in matches.items()
        if rule is not None and _is_sure(context, part)
    }


def _is_sure(context: ReplyContext, part: str) -> bool:
    """Whether a part has a keyword as it is written, and not only one that sounds like it."""
    matcher = context.snapshot.ruleset.matcher(context.account.id)
    best = next(iter(matcher.explain(MatchInput(part), now=context.now)))
    return not best.obstacle and best.level is not MatchLevel.PHONETIC


def _joined(one: DialogueResult, other: DialogueResult) -> DialogueResult:
    """Two answers as one: in one text where they fit, else the second as a further message."""
    first, second = one.reply, other.reply
    follow_ups = (*one.follow_ups, *other.follow_ups)
    if isinstance(first, passive_replies.Text) and isinstance(second, passive_replies.Text):
        text = f"一、{first.content}\n\n二、{second.content}"
        if not follow_ups and len(text.encode()) <= MAX_PART_BYTES:
            return DialogueResult(
                Outcome.RULE,
                passive_replies.Text(text),
                rule_code=one.rule_code,
                expects_reply=one.expects_reply or other.expects_reply,
            )
    if second is not None:
        follow_ups = (*one.follow_ups, second, *other.follow_ups)
    return DialogueResult(
        Outcome.RULE,
        first,
        follow_ups,
        one.rule_code,
        expects_reply=one.expects_reply or other.expects_reply,
    )


# ---- from a rule's replies to those of WeChat ----


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
