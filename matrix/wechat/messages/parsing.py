"""Parsing: from the body of a push to one of our values.

WeChat's names for kinds and fields appear in the reader modules only. A kind we do not know is kept
as Unknown; a known kind without the fields that define it is refused, because acting on half of it
would be wrong.
"""

from matrix.wechat.messages import inbound
from matrix.wechat.messages.event_readers import EVENTS
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.job_event_readers import JOB_EVENTS
from matrix.wechat.messages.message_readers import MESSAGES, message_fields
from matrix.wechat.messages.xml import CommonFields, XmlTree, identifier, parse_xml, timestamp

_EVENTS = EVENTS | JOB_EVENTS


def parse(xml: bytes) -> Inbound:
    """The message or event in the XML of a push. Raises MalformedPush."""
    return parse_tree(parse_xml(xml))


def parse_tree(tree: XmlTree) -> Inbound:
    """The message or event of a parsed push. Raises MalformedPush."""
    common: CommonFields = {
        "to": identifier(tree, "ToUserName"),
        "openid": identifier(tree, "FromUserName"),
        "sent_at": timestamp(tree, "CreateTime"),
    }
    # the case of names differs between documents and pushes (wechat-platform.md 2.1)
    kind = identifier(tree, "MsgType").lower()
    if kind == "event":
        name = identifier(tree, "Event").lower()
        event = _EVENTS.get(name)
        if event:
            return event(tree, common)
        # stored whole: an event that WeChat adds later must be answered and
        # not refused, or it comes three times
        return inbound.Unknown(kind=f"event:{name}", raw=tree, **common)
    message = MESSAGES.get(kind)
    if message:
        return message(tree, message_fields(tree, common))
    message_id = identifier(tree, "MsgId") if tree.get("MsgId") else None
    return inbound.Unknown(kind=kind, raw=tree, message_id=message_id, **common)
