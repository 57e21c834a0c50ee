"""What citizens wrote, for the tests of the pages about it."""

import re

from sqlalchemy import select

from app import jobs as handlers
from config import alarms, clock
from config.alarms import Alarm
from config.database import session, transaction
from matrix import followers
from matrix.followers import Follower
from tests.fixtures.console import Client, Desk

KEY = "k" * 22
_HIDDEN = re.compile(r'name="(key|seen)"[^>]*value="([^"]*)"')


def hear(desk: Desk, *words: str, openid: str = "o1", to: str = "police") -> int:
    """Let a citizen write; the list knows it afterwards. Returns the follower's id."""
    for each in words:
        assert desk.hub.push(to, desk.hub.text(openid, each, to=to)).status == 200
    handlers.gather_talks(now=clock.now())
    return follower(desk, openid, to).id


def follower(desk: Desk, openid: str = "o1", to: str = "police") -> Follower:
    """The follower of an openid."""
    account_id = desk.account_id(to)
    with transaction():
        found = followers.find(account_id, openid)
        assert found is not None
        return found


def hidden(client: Client, follower_id: int) -> dict[str, str]:
    """The key and the last seen message of the answer form on a talk's page."""
    page = client.get(f"/console/talks/{follower_id}").text
    found: dict[str, str] = {}
    for name, value in _HIDDEN.findall(page):
        found.setdefault(name, value)
    return found


def cry(desk: Desk, code: str, message: str, **more: bool) -> int:
    """Raise an alarm of a department. Returns its id."""
    owner = desk.department_id(code)
    with transaction():
        alarms.raise_alarm(
            "thing.broken", message, message, now=clock.now(), department_id=owner, **more
        )
        return session.scalars(select(Alarm.id).where(Alarm.subject == message)).one()
