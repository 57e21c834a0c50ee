"""What templates may call: icons, times, rights, the navigation."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, flash, g, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app.web import auth
from config import clock
from config.permissions import Permission

_ICON_FOLDER = (
    Path(__file__).parents[2] / "node_modules" / "@tabler" / "icons" / "icons" / "outline"
)
_ICON_NAME = re.compile(r"[a-z0-9-]+")
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_WEEKDAYS = "一二三四五六日"


def register(app: Flask, navigation: Callable[[], Any]) -> None:
    """Give the templates their words."""
    app.jinja_env.globals.update(
        asset=asset,
        icon=icon,
        may=may,
        navigation=navigation,
        Right=Permission,
        visitor=_current_staff,
    )
    app.jinja_env.filters.update(when=format_datetime, day=format_date)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


@cache
def asset(name: str) -> str:
    """The address of one of our static files; it changes with the content, so it may be kept."""
    content = (Path(__file__).parents[1] / "static" / name).read_bytes()
    return url_for("static", filename=name, v=sha256(content).hexdigest()[:12])


@cache
def icon(name: str, classes: str = "icon") -> Markup:
    """A Tabler icon as SVG, for the eye only: what it means stands beside it as text."""
    if not _ICON_NAME.fullmatch(name):
        raise ValueError(f"no icon can be called {name!r}")
    svg = _COMMENT.sub("", (_ICON_FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
    svg = re.sub(r'\sclass="[^"]*"', "", svg)
    # the files are those of the pinned package
    return Markup(svg.replace("<svg", f'<svg class="{classes}" aria-hidden="true"', 1))


def may(
    permission: Permission, *, department_id: int | None = None, account_id: int | None = None
) -> bool:
    """Whether to show what needs a right; with an owner, whether it holds there."""
    member = auth.member()
    if department_id is None and account_id is None:
        return bool(member.scope(permission))
    return member.may(permission, department_id=department_id, account_id=account_id)


def _current_staff() -> auth.CurrentStaff | None:
    current_staff: auth.CurrentStaff | None = g.get("visitor")
    return current_staff


def format_datetime(instant: datetime | None) -> str:
    """An instant as people here say it: 今天 09:30, 昨天 18:05, 3月8日 12:00, 2025-12-31 08:00."""
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
    """A day with its weekday: 3月10日（周二）, with the year when it is another."""
    if value is None:
        return "—"
    year = "" if value.year == clock.local_day(clock.now()).year else f"{value.year}年"
    return f"{year}{value.month}月{value.day}日（周{_WEEKDAYS[value.weekday()]}）"


def flash_success(text: str) -> None:
    """Say on the next page that something was done."""
    flash(text, "success")


def flash_warning(text: str) -> None:
    """Say on the next page that something needs attention."""
    flash(text, "warning")


def redirect_to(endpoint: str, **values: Any) -> AnyResponse:
    """Go to another page, also from within an htmx request."""
    address = url_for(endpoint, **values)
    if "HX-Request" in request.headers:
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address, 303)
