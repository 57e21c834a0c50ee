"""Messages, followers and alerts, for tests of the pages about conversations."""

import re
from typing import Any

from sqlalchemy import select

from app.jobs import conversation_updates
from config import alerts, clock
from config.alerts import Alert, AlertKind
from config.database import session, transaction
from matrix import followers
from matrix.followers import Follower
from tests.helpers.console import Client, Console
from tests.helpers.sample_names import SampleAlert

KEY = "k" * 22
_HIDDEN = re.compile(r'name="(key|seen)"[^>]*value="([^"]*)"')


def receive(console: Console, *words: str, openid: str = "o1", to: str = "police") -> int:
    """Push texts of a citizen and update the list of conversations. Returns the follower's id."""
    for each in words:
        assert console.hub.push(to, console.hub.text(openid, each, to=to)).status == 200
    conversation_updates.update_conversations(now=clock.now())
    return follower(console, openid, to).id


def follower(console: Console, openid: str = "o1", to: str = "police") -> Follower:
    """The follower with this openid at an account; it must exist."""
    account_id = console.account_id(to)
    with transaction():
        found = followers.find(account_id, openid)
        assert found is not None
        return found


def hidden_fields(client: Client, follower_id: int) -> dict[str, str]:
    """The fields `key` and `seen` of the reply form on the page of a conversation."""
    page = client.get(f"/console/talks/{follower_id}").text
    found: dict[str, str] = {}
    for name, value in _HIDDEN.findall(page):
        found.setdefault(name, value)
    return found


def raise_alert(
    console: Console,
    code: str,
    message: str,
    *,
    kind: AlertKind = SampleAlert.BROKEN,
    **more: Any,
) -> int:
    """Raise an alert of a department. Returns its id."""
    owner = console.department_id(code)
    with transaction():
        alerts.raise_alert(kind, message, message, now=clock.now(), department_id=owner, **more)
        return session.scalars(select(Alert.id).where(Alert.subject == message)).one()
