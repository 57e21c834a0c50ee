"""Pushes: the XML that tells an account what a citizen did.

Texts stand in CDATA, numbers bare; a dict becomes a nested element and a list repeated `item`s.
(WeChat: 接收普通消息, 接收事件推送.)
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

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


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class _MessageIds:
    """64-bit ids that grow, also over a restart, and look like the platform's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, int(time.time() * 1_000_000) * 14)
            return self._last


message_ids = _MessageIds()


@dataclass
class Push:
    """One thing to tell an account. `waits`: the citizen looks at the chat for an answer."""

    appid: str
    openid: str
    citizen: str
    kind: str  # the MsgType, or for events their Event
    xml: str
    created: int
    message_id: int = 0  # 0 for events
    awaits_reply: bool = True


def message(
    appid: str, original_id: str, openid: str, citizen: str, kind: str, **fields: Any
) -> Push:
    """A message of the citizen with a fresh MsgId; `fields` in the platform's spelling."""
    number, created = message_ids.next(), int(time.time())
    common = {
        "ToUserName": original_id,
        "FromUserName": openid,
        "CreateTime": created,
        "MsgType": kind,
    }
    trailing = {name: fields.pop(name) for name in ("bizmsgmenuid",) if name in fields}
    xml = render({**common, **fields, "MsgId": number, **trailing})
    return Push(appid, openid, citizen, kind, xml, created, number)


def event(
    appid: str, original_id: str, openid: str, citizen: str, name: str, **fields: Any
) -> Push:
    """Something that happened, as an event; `fields` in the platform's spelling."""
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


def render(fields: Mapping[str, Any]) -> str:
    """The fields as one `<xml>` element."""
    return "<xml>" + "".join(_element(name, value) for name, value in fields.items()) + "</xml>"


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(one, inside) for one, inside in value.items())
    elif isinstance(value, list):
        inner = "".join(_element("item", one) for one in value)
    elif isinstance(value, (int, float)):
        inner = escape(str(value))
    else:
        text = _NOT_XML.sub("", str(value))
        inner = "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return f"<{name}>{inner}</{name}>"
