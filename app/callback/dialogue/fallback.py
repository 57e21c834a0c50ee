"""The last answers of the dialogue: the welcome, and what is said when nothing else is.

Somebody who is refused again is not told the same again: the texts vary, and lead to the menu, the
departments, a person and the phone.
"""

from app.callback.dialogue import departments
from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from keywords.rules.standard_texts import StandardText
from matrix.inbox import Outcome
from matrix.wechat import messages

WELCOME = "您好，欢迎关注{name}。您可以直接写下要办的事，例如“身份证丢了怎么办”。"


def welcome(context: ReplyContext) -> DialogueResult | None:
    """The account's greeting of somebody who has just followed it."""
    if not isinstance(context.inbound, messages.Followed):
        return None
    text = context.account.welcome or WELCOME.format(name=context.account.name)
    return text_result(Outcome.WELCOME, text)


def fallback(context: ReplyContext) -> DialogueResult | None:
    """The account's fallback, and other words with ways out for who was refused before."""
    if not isinstance(context.inbound, messages.Message):
        return None
    refusals = sum(push.outcome is Outcome.FALLBACK for push in context.history.recent())
    if not refusals:
        text = context.snapshot.ruleset.fallback_reply(context.account.id)
        return text_result(Outcome.FALLBACK, text)
    # from the second on in turns, so that no two that follow each other are the same
    occasion = StandardText.FALLBACK_WAYS_OUT if refusals % 2 == 0 else StandardText.FALLBACK_AGAIN
    text = context.standard_text(occasion, **departments.contact(context))
    return text_result(Outcome.FALLBACK, f"{text}\n{departments.command_links()}")
