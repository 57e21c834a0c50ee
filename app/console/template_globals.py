"""What every template may call: assets, icons, permissions, the navigation, dates and times."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, g, url_for
from jinja2 import StrictUndefined
from markupsafe import Markup

from app.web import auth
from config import clock
from config.permissions import Permission

_ICON_FOLDER = (
    Path(__file__).parents[2] / "node_modules" / "@tabler" / "icons" / "icons" / "outline"
)
_ICON_NAME = re.compile(r"[a-z0-9-]+")
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_WEEKDAYS = "一二三四五六日"


def register(app: Flask, navigation: Callable[[], object]) -> None:
    """Add these globals and filters to the templates of the application."""
    app.jinja_env.globals.update(
        asset=asset,
        icon=icon,
        may=may,
        navigation=navigation,
        Permission=Permission,
        current_staff=_current_staff,
    )
    app.jinja_env.filters.update(format_datetime=format_datetime, format_date=format_date)
    # a name or an attribute that a template misspells is an error, not an empty place on the page
    app.jinja_env.undefined = StrictUndefined
    # lines that hold only a {% block %} leave no empty lines in the page
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


@cache
def asset(name: str) -> str:
    """The address of a static file, with a hash of it, so that browsers may cache it for ever."""
    # read once a process: static files do not change while it runs
    content = (Path(__file__).parents[1] / "static" / name).read_bytes()
    return url_for("static", filename=name, v=sha256(content).hexdigest()[:12])


@cache
def icon(name: str, classes: str = "icon") -> Markup:
    """A Tabler icon as inline SVG. Screen readers skip it: text beside it must say what it means.

    Raises ValueError for a name that no icon can have.
    """
    if not _ICON_NAME.fullmatch(name):
        raise ValueError(f"no icon can be called {name!r}")
    svg = _COMMENT.sub("", (_ICON_FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
    # the class of the file names its icon; ours decides size and colour
    svg = re.sub(r'\sclass="[^"]*"', "", svg)
    # safe: the file belongs to the pinned npm package, and the name was checked above
    return Markup(svg.replace("<svg", f'<svg class="{classes}" aria-hidden="true"', 1))


def may(
    permission: Permission, *, department_id: int | None = None, account_id: int | None = None
) -> bool:
    """Whether the person holds a permission: anywhere, or at this department or account."""
    member = auth.member()
    if department_id is None and account_id is None:
        return bool(member.scope(permission))
    return member.may(permission, department_id=department_id, account_id=account_id)


def _current_staff() -> auth.CurrentStaff | None:
    current_staff: auth.CurrentStaff | None = g.get("current_staff")
    return current_staff


def format_datetime(instant: datetime | None) -> str:
    """An instant in local time: 今天 09:30, 昨天 18:05, 3月8日 12:00, 2025-12-31 08:00.

    — for None.
    """
    if instant is None:
        return "—"
    local, today = clock.local(instant), clock.local_day(clock.now())
    days = (today - local.date()).days
    if days == 0:
        return f"今天 {local:%H:%M}"
    if days == 1:
        return f"昨天 {local:%H:%M}"
    if local.year == today.year:
        return f"{local.month}月{local.day}日 {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"


def format_date(value: date | None) -> str:
    """A day with its weekday: 3月10日（周二）; with the year when it is not this one.

    — for None.
    """
    if value is None:
        return "—"
    year = "" if value.year == clock.local_day(clock.now()).year else f"{value.year}年"
    return f"{year}{value.month}月{value.day}日（周{_WEEKDAYS[value.weekday()]}）"
