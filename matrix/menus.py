"""Menus: the buttons at the foot of an account's chat, in numbered versions.

    Account 1 ──< n Menu      draft ── push (job) ──> pushed

The newest version is what the account should show. A button opens a page (link), says a key to
us (ask, and the scanning and picture kinds), or holds up to five others. Kinds are the
gateway's words (ButtonKind).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.database import Base, change, session
from config.errors import Invalid
from matrix.wechat.gateway import Button, ButtonKind

PUSH = "menus.push"

_WITH_KEY = frozenset(
    {
        ButtonKind.ASK,
        ButtonKind.SCAN,
        ButtonKind.SCAN_AND_WAIT,
        ButtonKind.CAMERA,
        ButtonKind.CAMERA_OR_ALBUM,
        ButtonKind.ALBUM,
        ButtonKind.LOCATION,
    }
)
_TOP_BYTES, _SUB_BYTES, _KEY_BYTES, _URL_BYTES = 16, 60, 128, 1024


class Menu(Base):
    """One version of one account's menu."""

    __tablename__ = "menus"
    __table_args__ = (UniqueConstraint("account_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    version: Mapped[int]
    buttons: Mapped[list[Any]]
    created_at: Mapped[datetime]
    pushed_at: Mapped[datetime | None]


def parse(rows: object) -> tuple[Button, ...]:
    """Read buttons from plain data: `[{name, kind, value} | {name, buttons: […]}]`.

    `kind` is a word of ButtonKind: ask, link, scan … Raises Invalid naming the button and what
    WeChat would not take.
    """
    if not isinstance(rows, list) or not 1 <= len(rows) <= 3:
        raise Invalid(field="menu", problem="一级菜单应为 1 到 3 个")
    return tuple(_button(row, _TOP_BYTES) for row in rows)


def _button(row: object, longest: int) -> Button:
    if not isinstance(row, dict) or not str(row.get("name", "")).strip():
        raise Invalid(field="menu", problem="菜单项缺少名称")
    name = str(row["name"])
    if len(name.encode()) > longest:
        raise Invalid(field="menu", problem=f"“{name}”过长，最多 {longest // 3} 个汉字")
    inner = row.get("buttons")
    if inner is not None:
        if longest == _SUB_BYTES or not isinstance(inner, list) or not 1 <= len(inner) <= 5:
            raise Invalid(field="menu", problem=f"“{name}”下应有 1 到 5 个子菜单，且不能再分级")
        return Button(name=name, children=tuple(_button(each, _SUB_BYTES) for each in inner))
    value = str(row.get("value", ""))
    return Button(name=name, kind=_kind(name, row.get("kind"), value), value=value)


def _kind(name: str, word: object, value: str) -> ButtonKind:
    kind = next((kind for kind in ButtonKind if kind.value == word), None)
    if kind is ButtonKind.LINK:
        if not value.startswith(("http://", "https://")) or len(value.encode()) > _URL_BYTES:
            raise Invalid(field="menu", problem=f"“{name}”的链接应以 http:// 或 https:// 开头")
    elif kind is None or kind not in _WITH_KEY:
        raise Invalid(field="menu", problem=f"“{name}”的类型“{word}”不受支持")
    elif not value or len(value.encode()) > _KEY_BYTES:
        raise Invalid(field="menu", problem=f"“{name}”缺少标识，或标识过长")
    return kind


def dump(buttons: Iterable[Button]) -> list[dict[str, Any]]:
    """The plain data that `parse` reads; kinds made only in WeChat's console are left out."""
    rows = []
    for each in buttons:
        if each.children:
            rows.append({"name": each.name, "buttons": dump(each.children)})
        elif each.kind is ButtonKind.LINK or each.kind in _WITH_KEY:
            rows.append({"name": each.name, "kind": each.kind.value, "value": each.value})
    return rows


def get(menu_id: int) -> Menu:
    """The menu of this id."""
    return session.get_one(Menu, menu_id)


def newest(account_id: int) -> Menu | None:
    """The version the account should show."""
    return session.scalars(
        select(Menu).where(Menu.account_id == account_id).order_by(Menu.version.desc()).limit(1)
    ).one_or_none()


def write(account_id: int, buttons: tuple[Button, ...], *, now: datetime) -> Menu:
    """Make these buttons the account's newest menu and push it; the same again changes nothing."""
    rows = dump(buttons)
    last = newest(account_id)
    if last is not None and last.buttons == rows:
        return last
    menu = _append(account_id, rows, now)
    jobs.enqueue(PUSH, menu_id=menu.id)
    return menu


def adopt(account_id: int, buttons: tuple[Button, ...], *, now: datetime) -> Menu | None:
    """Take over what the account shows already; None when there is nothing to take over."""
    if newest(account_id) is not None or not dump(buttons):
        return None
    menu = _append(account_id, dump(buttons), now)
    menu.pushed_at = now
    return menu


def pushed(menu_id: int, *, now: datetime) -> None:
    """Note that WeChat took this version."""
    change(Menu, menu_id, when={"pushed_at": None}, to={"pushed_at": now})


def _append(account_id: int, rows: list[dict[str, Any]], now: datetime) -> Menu:
    highest = session.scalar(select(func.max(Menu.version)).where(Menu.account_id == account_id))
    menu = Menu(account_id=account_id, version=(highest or 0) + 1, buttons=rows, created_at=now)
    session.add(menu)
    session.flush()  # the job and the audit row need the id
    audit.record(
        "menu.write",
        kind="account",
        object_id=account_id,
        after={"version": menu.version, "buttons": rows},
    )
    return menu
