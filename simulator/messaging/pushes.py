"""Pushes: the XML by which an account learns what a citizen did.

Texts are written as CDATA, numbers without; a dict is a nested element, a list repeated `item`s.
(WeChat: 接收普通消息, 接收事件推送.)
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

# the citizen is on another page, is gone, or did nothing: the platform accepts a reply but shows no
# failure text without one (WeChat: 接收事件推送)
NO_REPLY_EXPECTED = frozenset(
    {
        "unsubscribe",
        "VIEW",
        "view_miniprogram",
        "LOCATION",
        "scancode_push",
        "TEMPLATESENDJOBFINISH",
        "MASSSENDJOBFINISH",
        "PUBLISHJOBFINISH",
        "subscribe_msg_popup_event",
        "subscribe_msg_change_event",
        "subscribe_msg_sent_event",
    }
)


# characters that XML 1.0 forbids even when escaped; citizens paste them from other programs
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class _MessageIds:
    """Growing 64-bit ids of the platform's form, which do not repeat after a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        with self._lock:
            # by the clock, so that ids stay unique after a restart without being stored; the factor
            # gives them the seventeen digits of real ones, which do not fit into a JavaScript
            # number
            self._last = max(self._last + 1, int(time.time() * 1_000_000) * 14)
            return self._last


message_ids = _MessageIds()


@dataclass
class Push:
    """One push. `awaits_reply`: the citizen expects a reply in the chat."""

    appid: str
    openid: str
    citizen: str
    kind: str  # the MsgType, or the Event of an event
    xml: str
    created: int
    message_id: int = 0  # 0 for events
    awaits_reply: bool = True


def message(
    appid: str, original_id: str, openid: str, citizen: str, kind: str, **fields: object
) -> Push:
    """A message of a citizen with a new MsgId; `fields` are named as in WeChat's XML."""
    number, created = message_ids.next(), int(time.time())
    common = {
        "ToUserName": original_id,
        "FromUserName": openid,
        "CreateTime": created,
        "MsgType": kind,
    }
    # bizmsgmenuid follows MsgId in real pushes; parsers must not depend on the order
    trailing = {name: fields.pop(name) for name in ("bizmsgmenuid",) if name in fields}
    xml = render({**common, **fields, "MsgId": number, **trailing})
    return Push(appid, openid, citizen, kind, xml, created, number)


def event(
    appid: str, original_id: str, openid: str, citizen: str, name: str, **fields: object
) -> Push:
    """An event; `fields` are named as in WeChat's XML."""
    created = int(time.time())
    xml = render(
        {
            "ToUserName": original_id,
            "FromUserName": openid,
            "CreateTime": created,
            "MsgType": "event",
            "Event": name,
            **fields,
        }
    )
    return Push(
        appid, openid, citizen, name, xml, created, awaits_reply=name not in NO_REPLY_EXPECTED
    )


def render(fields: Mapping[str, object]) -> str:
    """The fields as one `<xml>` element."""
    return "<xml>" + "".join(_element(name, value) for name, value in fields.items()) + "</xml>"


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(one, inside) for one, inside in value.items())
    elif isinstance(value, list):
        inner = "".join(_element("item", one) for one in value)
    # no CDATA around numbers, as in real pushes: parsers must read both forms
    elif isinstance(value, (int, float)):
        inner = escape(str(value))
    else:
        text = _NOT_XML.sub("", str(value))
        # the end mark of CDATA inside a text would end it early, so it is split over two sections
        inner = "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return f"<{name}>{inner}</{name}>"
