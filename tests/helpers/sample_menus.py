"""Menus of a department's account, for paths that name one (route_samples.py)."""

from typing import Any

from sqlalchemy import func, select

from config import clock
from config.database import session, transaction
from matrix.menus import conditional, versions
from matrix.menus.conditional import ConditionalMenu
from matrix.menus.remote_state import RemoteMenu
from matrix.menus.versions import Menu
from tests.helpers.console import Console


def store_row(row: Any) -> int:
    """Insert a row. Its id."""
    with transaction():
        session.add(row)
        session.flush()
        key: int = row.id
    return key


def make_menu(console: Console, code: str, values: dict[str, Any]) -> int:
    """A menu that was pushed."""
    account_id = console.account_id(code)
    with transaction():
        last = session.scalar(select(func.max(Menu.version)).where(Menu.account_id == account_id))
    return store_row(
        Menu(
            account_id=account_id,
            version=(last or 0) + 1,
            buttons=[{"name": "办事", "kind": "ask", "value": "办事"}],
            state=versions.MenuState.PUSHED,
            problem=None,
            note="",
            author="",
            created_at=clock.now(),
            pushed_at=clock.now(),
        )
    )


def make_conditional(console: Console, code: str, values: dict[str, Any]) -> int:
    """A conditional menu that is published."""
    return store_row(
        ConditionalMenu(
            account_id=console.account_id(code),
            name="试",
            tag_id=2,
            tag_name="星标组",
            platform=None,
            buttons=[{"name": "办事", "kind": "ask", "value": "办事"}],
            state=conditional.ConditionalMenuState.PUBLISHED,
            problem=None,
            wechat_id="1",
            author="",
            created_at=clock.now(),
        )
    )


def make_remote_menu(console: Console, code: str, values: dict[str, Any]) -> int:
    """The menu that one citizen sees at WeChat."""
    account_id, now = values["account_id"], clock.now()
    with transaction():
        person = f"citizen{session.scalar(select(func.count(RemoteMenu.id)))}"
    times = {"requested_at": now, "seen_at": now}
    return store_row(
        RemoteMenu(
            account_id=account_id,
            person=person,
            **times,
            is_open=True,
            buttons=[],
            tags=[],
            problem=None,
        )
    )
