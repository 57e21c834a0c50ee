"""Template messages and subscription notices.

Each account has its own templates with its own ids. A repeated `client_msg_id` to the same openid
within ten minutes counts as the same message. A one-time notice needs one consent for every send,
a long-term notice a single one. (WeChat: 模板消息, 订阅通知.)
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject
from simulator.messaging.pushes import message_ids

# the numbers of `type` in wxaapi/newtmpl/gettemplate
ONE_TIME, LONG_TERM = 2, 3
# in practice without end: one consent is enough for all sends
LONG_TERM_SENDS = 1_000_000_000
REPEAT_SECONDS = 600
_KEY = re.compile(r"\{\{(\w+)\.DATA\}\}")

_TEMPLATES = {
    "预约成功通知": "预约事项：{{thing1.DATA}}\n预约时间：{{time2.DATA}}\n"
    "办理地点：{{thing3.DATA}}",
    "预约取消通知": "预约事项：{{thing1.DATA}}\n取消时间：{{time2.DATA}}\n"
    "取消原因：{{thing3.DATA}}",
    "排队叫号通知": "排队号码：{{character_string1.DATA}}\n办理窗口：{{thing2.DATA}}\n"
    "等待人数：{{number3.DATA}}",
    "办理进度通知": "办理事项：{{thing1.DATA}}\n当前状态：{{phrase2.DATA}}\n"
    "更新时间：{{time3.DATA}}",
    "留言回复通知": "留言编号：{{character_string1.DATA}}\n回复单位：{{thing2.DATA}}\n"
    "回复时间：{{time3.DATA}}",
}
_NOTICE_TEMPLATES = {
    ("预约提醒", ONE_TIME): "预约事项：{{thing1.DATA}}\n预约时间：{{time2.DATA}}",
    ("叫号提醒", ONE_TIME): "排队号码：{{character_string1.DATA}}\n办理窗口：{{thing2.DATA}}",
    ("办事进度提醒", LONG_TERM): "办理事项：{{thing1.DATA}}\n当前状态：{{phrase2.DATA}}",
}


@dataclass
class Template:
    """One template of one account. kind 0: template message, else ONE_TIME or LONG_TERM notice."""

    id: str
    title: str
    content: str
    kind: int = 0

    @property
    def keys(self) -> list[str]:
        """The keys for which a message must give values."""
        return _KEY.findall(self.content)

    def rows(self, data: JsonObject) -> list[list[str]]:
        """Label and value of each line, as the phone shows them."""
        rows = []
        for line in self.content.split("\n"):
            label, _, mark = line.partition("：")
            key = _KEY.search(mark)
            rows.append([label, str(data[key[1]]["value"]) if key else mark])
        return rows


class Templates:
    """The templates of all accounts, and the client ids that were used."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # ids differ from account to account, so an id that was copied from another account must be
        # 40037
        self._by_appid: dict[str, dict[str, Template]] = {}
        self._sent: dict[tuple[str, str, str], tuple[float, int]] = {}

    def list_of(self, appid: str, *, notices: bool) -> list[Template]:
        """The account's templates, either for notices or for template messages."""
        return [one for one in self._templates_of(appid).values() if bool(one.kind) == notices]

    def get(self, appid: str, template_id: object, *, notice: bool) -> Template:
        """A template; 40037 when it is not this account's."""
        found = self._templates_of(appid).get(template_id) if isinstance(template_id, str) else None
        if found is None or bool(found.kind) != notice:
            raise ApiError(40037, "invalid template_id")
        return found

    def add(self, appid: str, title: str, content: str, kind: int = 0) -> Template:
        """Add a template to an account."""
        template = Template(_template_id(appid, f"{title}/{kind}"), title, content, kind)
        self._templates_of(appid)[template.id] = template
        return template

    def delete(self, appid: str, template_id: object, *, notice: bool) -> None:
        """Delete a template; 40037 when it does not exist."""
        del self._templates_of(appid)[self.get(appid, template_id, notice=notice).id]

    def find_sent(self, appid: str, openid: str, client_id: str) -> int | None:
        """The msgid given for this client id within the last ten minutes, or None."""
        at, msgid = self._sent.get((appid, openid, client_id), (0.0, 0))
        return msgid if msgid and self._clock.now() - at < REPEAT_SECONDS else None

    def new_msgid(self, appid: str, openid: str, client_id: str) -> int:
        """A new msgid, remembered under the client id if there is one."""
        msgid = message_ids.next()
        if client_id:
            self._sent[appid, openid, client_id] = (self._clock.now(), msgid)
        return msgid

    def _templates_of(self, appid: str) -> dict[str, Template]:
        if appid not in self._by_appid:
            self._by_appid[appid] = {}
            for title, content in _TEMPLATES.items():
                self.add(appid, title, content)
            for (title, kind), content in _NOTICE_TEMPLATES.items():
                self.add(appid, title, content, kind)
        return self._by_appid[appid]


def validate_data(template: Template, data: object) -> JsonObject:
    """The values of a message; 47003 names the key that is missing or malformed."""
    if not isinstance(data, dict):
        raise ApiError(47003, "argument invalid! data is empty")
    for key in template.keys:
        item = data.get(key)
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, (str, int, float)) or value == "":
            raise ApiError(47003, f"argument invalid! data.{key}.value is empty")
        if not _is_valid_value(key.rstrip("0123456789"), str(value)):
            raise ApiError(47003, f"argument invalid! data.{key}.value invalid")
    return data


def _is_valid_value(kind: str, value: str) -> bool:
    # the limits of parameter types (WeChat: 类目模板); characters, not bytes
    if kind == "thing":
        return len(value) <= 20
    if kind == "character_string":
        return len(value) <= 32 and value.isascii()
    if kind == "phrase":
        return len(value) <= 5
    if kind == "number":
        return bool(re.fullmatch(r"-?[\d.]{1,32}", value))
    return len(value) <= 32


def _template_id(appid: str, name: str) -> str:
    # 43 characters, as the id in WeChat's own example of a call has; WeChat promises no length. The
    # same after a restart, because services store them.
    digest = hashlib.sha256(f"{appid}/{name}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:43]
