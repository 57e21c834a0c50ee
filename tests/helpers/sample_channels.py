"""Channels by which people of the tests are told of alerts."""

from typing import Any

from config import clock
from config.database import transaction
from config.permissions import Principal
from matrix.inbox import InboxAlert
from matrix.notifications import channels, preferences
from matrix.notifications.channels import ChannelKind, ChannelSpec
from matrix.staff import members
from matrix.staff.members import Staff
from tests.helpers.console import Console

ORIGIN = "https://qyapi.weixin.qq.com"
WECOM_PATH, DINGTALK_PATH = "/cgi-bin/webhook/send?key=", "/robot/send?access_token="


def add(person: Staff, address: str = f"{ORIGIN}{WECOM_PATH}sample-key-1", **more: Any) -> int:
    """Give somebody a robot that tells of emergencies. Its id."""
    kind = ChannelKind.DINGTALK if DINGTALK_PATH in address else ChannelKind.WECOM
    spec = ChannelSpec(kind=kind, name="值班群", address=address, **more)
    with transaction():
        owner = members.get(person.id)
        by = Principal(owner.id, owner.name, {}, owner.department_id)
        made = channels.add(by, spec, now=clock.now())
        preferences.subscribe(owner.id, made.id, {InboxAlert.EMERGENCY.value: 5})
        return made.id


def make(console: Console, code: str, values: dict[str, Any]) -> int:
    """A channel of somebody of a department, for a path that names one."""
    return add(console.person("agent", code))
