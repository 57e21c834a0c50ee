"""Messages without words: each is told what happens to it, and that words help."""

from datetime import timedelta

from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from keywords.rules.standard_texts import StandardText
from matrix.inbox import Outcome
from matrix.wechat import messages

# stickers that come one after the other get one answer
_SAME_ROW = timedelta(minutes=10)
_OCCASIONS: dict[type[messages.Inbound], StandardText] = {
    messages.Image: StandardText.IMAGE,
    messages.Voice: StandardText.VOICE,
    messages.Video: StandardText.VIDEO,
    messages.ShortVideo: StandardText.VIDEO,
    messages.Location: StandardText.LOCATION,
    messages.Link: StandardText.LINK,
    messages.File: StandardText.FILE,
    messages.MiniProgramCard: StandardText.MINI_PROGRAM_CARD,
}


def not_shown(context: ReplyContext) -> DialogueResult | None:
    """One friendly line about what WeChat cannot show, and silence for those that follow it."""
    inbound = context.inbound
    if isinstance(inbound, messages.Text) and not inbound.content.strip():
        return _unsupported(context)
    if not isinstance(inbound, messages.UnsupportedMessage):
        return None
    last = next(iter(context.history.recent()), None)
    if (
        last is not None
        and last.kind == inbound.kind
        and last.received_at > context.now - _SAME_ROW
    ):
        return DialogueResult(Outcome.NOT_SHOWN)
    return _unsupported(context)


def for_staff(context: ReplyContext) -> DialogueResult | None:
    """What happens to a picture, a voice message, a place …: people look at it."""
    # a voice message whose words WeChat has written down is a question like others
    occasion = None if context.match_input else _OCCASIONS.get(type(context.inbound))
    if occasion is None:
        return None
    return text_result(Outcome.FOR_STAFF, context.standard_text(occasion))


def _unsupported(context: ReplyContext) -> DialogueResult:
    return text_result(Outcome.NOT_SHOWN, context.standard_text(StandardText.UNSUPPORTED))
