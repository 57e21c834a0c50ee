"""Parsing: from the body of a push to one of our values.

WeChat's names for kinds and fields appear in the reader modules only. An event we do not know is
kept as Unknown; a known event without the fields that define it is refused, because acting on half
of it would be wrong. A message is never refused for a field: somebody waits for its answer.
"""

from datetime import datetime

from matrix.wechat.messages import inbound
from matrix.wechat.messages.event_readers import EVENTS
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.job_event_readers import JOB_EVENTS
from matrix.wechat.messages.message_readers import MESSAGES, message_fields, read_unknown
from matrix.wechat.messages.xml import (
    CommonFields,
    MalformedPush,
    XmlTree,
    find_identifier,
    find_text,
    identifier,
    parse_xml,
    timestamp,
)

_EVENTS = EVENTS | JOB_EVENTS


def parse(xml: bytes, *, received_at: datetime | None = None) -> Inbound:
    """The message or event in the XML of a push. Raises MalformedPush.

    `received_at` is when a message was sent that does not say it itself.
    """
    return parse_tree(parse_xml(xml), received_at=received_at)


def parse_tree(tree: XmlTree, *, received_at: datetime | None = None) -> Inbound:
    """The message or event of a parsed push, as in `parse`. Raises MalformedPush."""
    # the case of names differs between documents and pushes (wechat-platform.md 2.1)
    kind = find_text(tree, "MsgType").lower()
    if kind == "event":
        return _parse_event(tree)
    read = MESSAGES.get(kind)
    if read is None and find_identifier(tree, "MsgId") is None:
        common = _common_fields(tree)
        return inbound.Unknown(kind=identifier(tree, "MsgType").lower(), raw=tree, **common)
    fields = message_fields(tree, _common_fields(tree, received_at))
    # of a kind that WeChat adds later, the citizen is told that it cannot be shown
    return (read or read_unknown)(tree, fields)


def _parse_event(tree: XmlTree) -> Inbound:
    common = _common_fields(tree)
    name = identifier(tree, "Event").lower()
    read = _EVENTS.get(name)
    if read:
        return read(tree, common)
    # stored whole: an event that WeChat adds later must be answered and not refused, or it comes
    # three times
    return inbound.Unknown(kind=f"event:{name}", raw=tree, **common)


def _common_fields(tree: XmlTree, received_at: datetime | None = None) -> CommonFields:
    """The fields every push has; without a time of its own it has `received_at`, if that is given.

    Raises MalformedPush without account or sender: there would be nobody to answer.
    """
    to, openid = identifier(tree, "ToUserName"), identifier(tree, "FromUserName")
    try:
        sent_at = timestamp(tree, "CreateTime")
    except MalformedPush:
        if received_at is None:
            raise
        sent_at = received_at
    return {"to": to, "openid": openid, "sent_at": sent_at}
