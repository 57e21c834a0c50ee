"""Buttons as plain data: what a file, a form and the database hold of a menu.

[{name, kind, value} | {name, kind: mini_program, value, appid, page} | {name, buttons: […]}]

rows ── faults ──> what WeChat would not take, and at which button
rows ── parse ──> Button ── dump ──> rows
Buttons of ours, Buttons shown ── compare ──> where they differ
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.errors import Invalid
from matrix.wechat.gateway import Button, ButtonKind

MOST_TOP, MOST_SUB = 3, 5
TOP_BYTES, SUB_BYTES, KEY_BYTES, URL_BYTES = 16, 60, 128, 1024

Rows = list[dict[str, Any]]
Place = tuple[int, ...]

WITH_KEY = frozenset(
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
_WITH_ID = frozenset({ButtonKind.MEDIA, ButtonKind.ARTICLE, ButtonKind.ARTICLE_CARD})
_OURS = WITH_KEY | _WITH_ID | {ButtonKind.LINK, ButtonKind.MINI_PROGRAM}
_KINDS: Mapping[object, ButtonKind] = {kind.value: kind for kind in _OURS}
_APPID = re.compile(r"wx[0-9a-f]{16}")


@dataclass(frozen=True)
class Fault:
    """What is wrong with one part of one button.

    `at` counts from nought: (1,) is the second button, (1, 0) the first one below it, () the
    menu as a whole. `part` is name, kind, value, appid, page or buttons.
    """

    at: Place
    part: str
    problem: str


@dataclass(frozen=True)
class Difference:
    """A place where two menus differ; None where one of them has no button."""

    at: Place
    ours: Button | None
    shown: Button | None


def parse(rows: object) -> tuple[Button, ...]:
    """Read buttons from plain data.

    `kind` is a word of ButtonKind: ask, link, scan … Raises Invalid naming the first button that
    WeChat would not take, and why.
    """
    for fault in faults(rows):
        raise Invalid(field="menu", problem=fault.problem)
    assert isinstance(rows, list)  # else there was a fault
    return read(rows)


def faults(rows: object) -> Iterator[Fault]:
    """Everything WeChat would not take, in the order of the buttons."""
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_TOP:
        yield Fault((), "buttons", f"一级菜单应为 1 到 {MOST_TOP} 个")
        return
    for number, row in enumerate(rows):
        yield from _faults(row, (number,))


def _faults(row: object, at: Place) -> Iterator[Fault]:
    if not isinstance(row, dict) or not str(row.get("name") or "").strip():
        yield Fault(at, "name", "菜单项缺少名称")
        if not isinstance(row, dict):
            return
    name = str(row.get("name") or "")
    longest = SUB_BYTES if len(at) > 1 else TOP_BYTES
    if len(name.encode()) > longest:
        yield Fault(at, "name", f"“{name}”过长，最多 {longest // 3} 个汉字")
    inner = row.get("buttons")
    if inner is None:
        yield from _deed_faults(row, name, at)
    elif len(at) > 1 or not isinstance(inner, list) or not 1 <= len(inner) <= MOST_SUB:
        yield Fault(at, "buttons", f"“{name}”下应有 1 到 {MOST_SUB} 个子菜单，且不能再分级")
    else:
        for number, each in enumerate(inner):
            yield from _faults(each, (*at, number))


def _deed_faults(row: Mapping[str, object], name: str, at: Place) -> Iterator[Fault]:
    kind, value = _KINDS.get(row.get("kind")), str(row.get("value") or "")
    if kind is None:
        yield Fault(at, "kind", f"“{name}”的类型“{row.get('kind')}”不受支持")
    elif kind in WITH_KEY or kind in _WITH_ID:
        if not value.strip() or len(value.encode()) > KEY_BYTES:
            yield Fault(at, "value", f"“{name}”缺少标识，或标识过长")
    elif not is_link(value):
        yield Fault(at, "value", f"“{name}”的链接应以 http:// 或 https:// 开头，不含账号密码和空格")
    if kind is ButtonKind.MINI_PROGRAM:
        if not _APPID.fullmatch(str(row.get("appid") or "")):
            yield Fault(at, "appid", f"“{name}”的小程序 AppID 应为 wx 加 16 位小写十六进制字符")
        if not 1 <= len(str(row.get("page") or "").encode()) <= URL_BYTES:
            yield Fault(at, "page", f"“{name}”缺少小程序的页面路径，或路径过长")


def is_link(value: str) -> bool:
    """Whether WeChat may send a citizen there: http or https, a host, and nobody's password."""
    if len(value.encode()) > URL_BYTES or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


def read(rows: Iterable[Mapping[str, Any]]) -> tuple[Button, ...]:
    """Buttons from rows that were checked on the way in, or that `dump_shown` wrote."""
    return tuple(
        Button(
            name=str(row["name"]),
            kind=ButtonKind(row["kind"]) if row.get("kind") else None,
            value=str(row.get("value") or ""),
            appid=str(row.get("appid") or ""),
            page=str(row.get("page") or ""),
            children=read(row.get("buttons") or ()),
        )
        for row in rows
    )


def dump(buttons: Iterable[Button]) -> Rows:
    """The plain data that `parse` reads; kinds made only in WeChat's console are left out."""
    kept = []
    for each in buttons:
        if each.children:
            kept.append({"name": each.name, "buttons": dump(each.children)})
        elif each.kind in _OURS:
            kept.append(_row(each))
    return kept


def dump_shown(buttons: Iterable[Button]) -> Rows:
    """The plain data of whatever WeChat shows, console kinds too, for `read`."""
    return [
        {"name": each.name, "buttons": dump_shown(each.children)} if each.children else _row(each)
        for each in buttons
    ]


def _row(button: Button) -> dict[str, Any]:
    kind = "" if button.kind is None else button.kind.value
    row = {"name": button.name, "kind": kind, "value": button.value}
    if button.kind is ButtonKind.MINI_PROGRAM:
        row |= {"appid": button.appid, "page": button.page}
    return row


def compare(ours: Iterable[Button], shown: Iterable[Button]) -> tuple[Difference, ...]:
    """Where our menu and what WeChat shows differ, from left to right."""
    here, there = dict(_placed(ours)), dict(_placed(shown))
    return tuple(
        Difference(at, here.get(at), there.get(at))
        for at in sorted(here.keys() | there.keys())
        if here.get(at) != there.get(at)
    )


def _placed(buttons: Iterable[Button], above: Place = ()) -> Iterator[tuple[Place, Button]]:
    """Each button with its place; one that opens a list counts by its name alone."""
    for number, each in enumerate(buttons):
        at = (*above, number)
        yield at, Button(name=each.name) if each.children else each
        yield from _placed(each.children, at)
