"""Follow-ups: messages that mean something only after the one before.

"身份证丢了怎么办" ── rule with a guide ──> "要多少钱" ──> the guide's fee
"水管爆了" ── "请留言漏水位置" ──> "太华路 12 号门口" ──> thanks, and kept with the question
"""

from collections.abc import Iterator
from datetime import timedelta

from app.callback.dialogue import facts, small_talk
from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from app.callback.dialogue.departments import fact_lines
from app.callback.dialogue.facts import FactQuestion
from keywords.rules.standard_texts import StandardText
from keywords.rules.values import Rule
from matrix.departments.directory import DepartmentCard
from matrix.inbox import Outcome
from matrix.wechat import messages
from services.catalogue import GuideFacts

# for how long "要多少钱" refers to the last answer
GUIDE_WINDOW = timedelta(minutes=5)
# what may stand between an answer and a question about it
_KEEPS_SUBJECT = (Outcome.INFORMATION, Outcome.SMALL_TALK, Outcome.NOT_SHOWN)


def awaited_reply(context: ReplyContext) -> DialogueResult | None:
    """Thanks for what a rule asked the citizen for; the message is not matched.

    A voice message is kept with the question as well, but answered as one: nobody has heard yet
    what it says.
    """
    if not isinstance(context.inbound, messages.Message) or context.option_id:
        return None
    question_id = context.history.question_id()
    if question_id is None or small_talk.kind_of(context) is not None or _asks_back(context):
        return None
    occasion = StandardText.REPLY_RECEIVED
    if isinstance(context.inbound, messages.Voice) and context.words is None:
        occasion = StandardText.VOICE
    found = text_result(Outcome.FOR_STAFF, context.standard_text(occasion))
    return DialogueResult(found.outcome, found.reply, found.follow_ups, reply_to=question_id)


def _asks_back(context: ReplyContext) -> bool:
    """Whether the message asks ("电话多少", "公安局电话") and gives nothing that was asked for."""
    question = context.question
    if question is None:
        return False
    return not question.subject or context.snapshot.directory.find(question.subject) is not None


def guide_fact(context: ReplyContext) -> DialogueResult | None:
    """What the guide of the last answer, else its department, says about a fee, a place …"""
    question = context.question
    if question is None or question.subject or context.equal_rule is not None:
        return None
    rule = _last_rule(context)
    if rule is None:
        return None
    guide = context.snapshot.guides.get(rule.service)
    card = context.snapshot.directory.get(guide.department_id if guide else rule.department_id)
    heading, lines = "", list[str]()
    if guide is not None:
        heading, lines = f"{guide.name}：", list(_guide_lines(guide, card, question))
    elif card is not None:
        heading, lines = card.name, list(fact_lines(card, question.facts))
    return text_result(Outcome.INFORMATION, "\n".join((heading, *lines))) if lines else None


def _last_rule(context: ReplyContext) -> Rule | None:
    """The rule that the follower's last messages were about, if it answered a moment ago."""
    for push in context.history.recent():
        if push.received_at < context.now - GUIDE_WINDOW:
            return None
        if push.outcome is Outcome.RULE and push.rule_slug:
            return context.snapshot.ruleset.find_rule(push.rule_slug)
        if push.outcome not in _KEEPS_SUBJECT:
            return None
    return None


def _guide_lines(
    guide: GuideFacts, card: DepartmentCard | None, question: FactQuestion
) -> Iterator[str]:
    """A line for each asked fact that the guide knows, or else the card of its department."""
    for fact in question.facts:
        text = str(getattr(guide, fact.value))
        if text:
            yield f"{facts.LABELS[fact]}：{text}"
        elif card is not None:
            yield from fact_lines(card, (fact,))
