"""From a push as it came to one of our values.

WeChat's names for kinds and fields stand in the readers and in no other room. Event names are
compared in lower case. Unknown kinds are kept; a known kind without the fields that make it
what it is, is refused.
"""

from matrix.wechat.messages import inbound
from matrix.wechat.messages.event_readers import EVENTS
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.job_event_readers import JOB_EVENTS
from matrix.wechat.messages.message_readers import MESSAGES, message_fields
from matrix.wechat.messages.xml import CommonFields, XmlTree, identifier, parse_xml, timestamp

_EVENTS = EVENTS | JOB_EVENTS


def parse(xml: bytes) -> Inbound:
    """The message or event that a push holds.

    Raises Malformed for what is no push, or lacks the fields of its kind.
    """
    return parse_tree(parse_xml(xml))


def parse_tree(tree: XmlTree) -> Inbound:
    """The message or event that the fields of a push make. Raises Malformed."""
    common: CommonFields = {
        "to": identifier(tree, "ToUserName"),
        "openid": identifier(tree, "FromUserName"),
        "sent_at": timestamp(tree, "CreateTime"),
    }
    kind = identifier(tree, "MsgType").lower()
    if kind == "event":
        name = identifier(tree, "Event").lower()
        event = _EVENTS.get(name)
        if event:
            return event(tree, common)
        return inbound.Unknown(kind=f"event:{name}", raw=tree, **common)
    message = MESSAGES.get(kind)
    if message:
        return message(tree, message_fields(tree, common))
    message_id = identifier(tree, "MsgId") if tree.get("MsgId") else None
    return inbound.Unknown(kind=kind, raw=tree, message_id=message_id, **common)
