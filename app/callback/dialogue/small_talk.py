"""Small talk: whole messages that ask for nothing, each with a short kind answer of its own."""

from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from keywords.language import small_talk
from keywords.rules.standard_texts import StandardText
from matrix.inbox import Outcome


def answer(context: ReplyContext) -> DialogueResult | None:
    """The short answer to small talk."""
    kind = kind_of(context)
    if kind is None:
        return None
    return text_result(Outcome.SMALL_TALK, context.standard_text(kind))


def kind_of(context: ReplyContext) -> StandardText | None:
    """The text for the small talk that the message is as a whole; None when it is none."""
    if context.normal is None or context.option_id:
        return None
    kind = small_talk.classify(context.normal)
    # each kind has a standard text of its own name
    return StandardText(kind.value) if kind is not None else None
