"""From a push as it came to one of our values.

WeChat's names for kinds and fields stand in the readers and in no other room. Event names are
compared in lower case. Unknown kinds are kept; a known kind without the fields that make it
what it is, is refused.
"""

from matrix.wechat.messages import kinds
from matrix.wechat.messages.event_readers import EVENTS
from matrix.wechat.messages.kinds import Inbound
from matrix.wechat.messages.message_readers import MESSAGES, with_id
from matrix.wechat.messages.outcome_readers import OUTCOMES
from matrix.wechat.messages.reading import Common, Tree, identifier, moment, read

_EVENTS = EVENTS | OUTCOMES


def parse(xml: bytes) -> Inbound:
    """The message or event that a push holds.

    Raises Malformed for what is no push, or lacks the fields of its kind.
    """
    return understand(read(xml))


def understand(tree: Tree) -> Inbound:
    """The message or event that the fields of a push make. Raises Malformed."""
    common: Common = {
        "to": identifier(tree, "ToUserName"),
        "openid": identifier(tree, "FromUserName"),
        "sent_at": moment(tree, "CreateTime"),
    }
    kind = identifier(tree, "MsgType").lower()
    if kind == "event":
        name = identifier(tree, "Event").lower()
        event = _EVENTS.get(name)
        if event:
            return event(tree, common)
        return kinds.Unknown(kind=f"event:{name}", raw=tree, **common)
    message = MESSAGES.get(kind)
    if message:
        return message(tree, with_id(tree, common))
    message_id = identifier(tree, "MsgId") if tree.get("MsgId") else None
    return kinds.Unknown(kind=kind, raw=tree, message_id=message_id, **common)
