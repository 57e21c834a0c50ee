"""Suggestions: rules that resemble a message, and the department whose duty it names."""

from collections.abc import Sequence

from app.callback.dialogue import links
from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from app.callback.dialogue.departments import card_lines
from app.callback.dialogue.rules import result_of_rule
from app.snapshots import name_key
from config import clock
from keywords.language.small_talk import is_small_talk
from keywords.rules.spec_fields import MAX_NAME_LENGTH
from keywords.rules.values import Rule
from matrix.departments.directory import DepartmentCard
from matrix.inbox import Outcome

_DID_YOU_MEAN = "您是不是想问："
_OTHER_DEPARTMENTS = "您问的可能由其他单位办理："
_HOW_TO_CHOOSE = "点一下蓝色的字，或者照着输入，就能看到答复。"
_OWN_DUTY = "您问的由{name}办理，可以直接联系："
_OTHER_DUTY = "您问的可能由{name}办理，可以直接联系："


def typed_name(context: ReplyContext) -> DialogueResult | None:
    """The answer of the rule whose name, as a suggestion shows it, was typed instead of tapped.

    A rule of another department, or one of several with this name, only where it was just
    suggested.
    """
    words = context.words or ""
    # a longer message is no name, and is spared the key
    key = name_key(words) if len(words) <= MAX_NAME_LENGTH else ""
    named = context.snapshot.rules_by_name.get(key, ()) if key else ()
    own = [
        rule for rule in named if context.snapshot.ruleset.has_rule(context.account.id, rule.slug)
    ]
    # a keyword that is the whole message says more than a name
    if len(own) == 1 and (context.matched_rule is own[0] or context.equal_rule is None):
        return result_of_rule(context, own[0]) if _is_awake(context, own[0]) else None
    for rule in named:
        if rule.slug in _last_suggested(context):
            return result_of_rule(context, rule)
    return None


def suggest(context: ReplyContext) -> DialogueResult | None:
    """Up to three similar rules, else the department that the message is for."""
    # a link of ours was tapped: another list would only lead around in a circle
    if context.words is None or context.option_id:
        return None
    offered = _answering_rules(context)
    if offered and not _is_repeated(context, offered):
        return text_result(Outcome.SUGGESTION, _list_text(context, offered))
    card = _routed_department(context)
    return text_result(Outcome.SUGGESTION, _duty_text(context, card)) if card else None


def _answering_rules(context: ReplyContext) -> list[Rule]:
    """Similar rules that have something to say at this account."""
    similar = context.snapshot.ruleset.suggest(
        context.account.id, context.words or "", now=context.now
    )
    return [rule for rule in similar if result_of_rule(context, rule) is not None]


def _last_suggested(context: ReplyContext) -> set[str]:
    """The slugs of the rules that were last suggested to the follower."""
    answers = (
        push.answer for push in context.history.recent() if push.outcome is Outcome.SUGGESTION
    )
    return set(links.rule_slugs(next(answers, "")))


def _is_repeated(context: ReplyContext, offered: Sequence[Rule]) -> bool:
    """Whether the follower's last message got the very same list."""
    last = next(iter(context.history.recent()), None)
    if last is None or last.outcome is not Outcome.SUGGESTION:
        return False
    return set(links.rule_slugs(last.answer)) == {rule.slug for rule in offered}


def _is_awake(context: ReplyContext, rule: Rule) -> bool:
    return not rule.schedule or rule.schedule.is_open(clock.local(context.now))


def _list_text(context: ReplyContext, offered: Sequence[Rule]) -> str:
    own = {rule.slug for rule in offered if context.snapshot.is_own(context.account, rule)}
    lines = [_DID_YOU_MEAN if own else _OTHER_DEPARTMENTS]
    for rule in offered:
        owner_name = "" if rule.slug in own else context.snapshot.owner_name(rule)
        lines.append(f"· {links.rule_link(rule)}{f'（{owner_name}）' if owner_name else ''}")
    if not own:
        lines += _routing_lines(context, offered)
    return "\n".join((*lines, _HOW_TO_CHOOSE))


def _routing_lines(context: ReplyContext, offered: Sequence[Rule]) -> list[str]:
    """A line about the department whose duty the message names, unless a rule of it is offered."""
    card = _routed_department(context)
    if card is None or card.id in {rule.department_id for rule in offered}:
        return []
    phone = f"，电话 {card.phone}" if card.phone else ""
    return [f"· {links.department_link(card)}{phone}"]


def _routed_department(context: ReplyContext) -> DepartmentCard | None:
    normal = context.normal
    if normal is None or is_small_talk(normal):
        return None
    return context.snapshot.directory.route(normal.standard)


def _duty_text(context: ReplyContext, card: DepartmentCard) -> str:
    is_own = card.id == context.account.department_id
    heading = (_OWN_DUTY if is_own else _OTHER_DUTY).format(name=card.name)
    return "\n".join((heading, *card_lines(context, card)[1:]))
