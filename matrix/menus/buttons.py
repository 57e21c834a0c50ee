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

MAX_TOP, MAX_SUB = 3, 5
MAX_TOP_NAME_BYTES, MAX_SUB_NAME_BYTES, MAX_KEY_BYTES, MAX_URL_BYTES = 16, 60, 128, 1024

Rows = list[dict[str, Any]]
ButtonPath = tuple[int, ...]

KINDS_WITH_KEY = frozenset(
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
_KINDS_WITH_MEDIA_ID = frozenset({ButtonKind.MEDIA, ButtonKind.ARTICLE, ButtonKind.ARTICLE_CARD})
_EDITABLE_KINDS = KINDS_WITH_KEY | _KINDS_WITH_MEDIA_ID | {ButtonKind.LINK, ButtonKind.MINI_PROGRAM}
_KINDS: Mapping[object, ButtonKind] = {kind.value: kind for kind in _EDITABLE_KINDS}
_APPID = re.compile(r"wx[0-9a-f]{16}")


@dataclass(frozen=True)
class ButtonProblem:
    """What is wrong with one part of one button.

    `at` counts from nought: (1,) is the second button, (1, 0) the first one below it, () the
    menu as a whole. `part` is name, kind, value, appid, page or buttons.
    """

    path: ButtonPath
    part: str
    problem: str


@dataclass(frozen=True)
class Difference:
    """A place where two menus differ; None where one of them has no button."""

    path: ButtonPath
    ours: Button | None
    shown: Button | None


def parse(rows: object) -> tuple[Button, ...]:
    """Read buttons from plain data.

    `kind` is a word of ButtonKind: ask, link, scan … Raises Invalid naming the first button that
    WeChat would not take, and why.
    """
    for problem in iter_problems(rows):
        raise Invalid(field="menu", problem=problem.problem)
    assert isinstance(rows, list)  # else there was a fault
    return from_rows(rows)


def iter_problems(rows: object) -> Iterator[ButtonProblem]:
    """Everything WeChat would not take, in the order of the buttons."""
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_TOP:
        yield ButtonProblem((), "buttons", f"一级菜单应为 1 到 {MAX_TOP} 个")
        return
    for number, row in enumerate(rows):
        yield from _button_problems(row, (number,))


def _button_problems(row: object, path: ButtonPath) -> Iterator[ButtonProblem]:
    if not isinstance(row, dict) or not str(row.get("name") or "").strip():
        yield ButtonProblem(path, "name", "菜单项缺少名称")
        if not isinstance(row, dict):
            return
    name = str(row.get("name") or "")
    longest = MAX_SUB_NAME_BYTES if len(path) > 1 else MAX_TOP_NAME_BYTES
    if len(name.encode()) > longest:
        yield ButtonProblem(path, "name", f"“{name}”过长，最多 {longest // 3} 个汉字")
    children = row.get("buttons")
    if children is None:
        yield from _action_problems(row, name, path)
    elif len(path) > 1 or not isinstance(children, list) or not 1 <= len(children) <= MAX_SUB:
        yield ButtonProblem(
            path, "buttons", f"“{name}”下应有 1 到 {MAX_SUB} 个子菜单，且不能再分级"
        )
    else:
        for number, each in enumerate(children):
            yield from _button_problems(each, (*path, number))


def _action_problems(
    row: Mapping[str, object], name: str, path: ButtonPath
) -> Iterator[ButtonProblem]:
    kind, value = _KINDS.get(row.get("kind")), str(row.get("value") or "")
    if kind is None:
        yield ButtonProblem(path, "kind", f"“{name}”的类型“{row.get('kind')}”不受支持")
    elif kind in KINDS_WITH_KEY or kind in _KINDS_WITH_MEDIA_ID:
        if not value.strip() or len(value.encode()) > MAX_KEY_BYTES:
            yield ButtonProblem(path, "value", f"“{name}”缺少标识，或标识过长")
    elif not is_allowed_url(value):
        yield ButtonProblem(
            path, "value", f"“{name}”的链接应以 http:// 或 https:// 开头，不含账号密码和空格"
        )
    if kind is ButtonKind.MINI_PROGRAM:
        if not _APPID.fullmatch(str(row.get("appid") or "")):
            yield ButtonProblem(
                path, "appid", f"“{name}”的小程序 AppID 应为 wx 加 16 位小写十六进制字符"
            )
        if not 1 <= len(str(row.get("page") or "").encode()) <= MAX_URL_BYTES:
            yield ButtonProblem(path, "page", f"“{name}”缺少小程序的页面路径，或路径过长")


def is_allowed_url(value: str) -> bool:
    """Whether WeChat may send a citizen there: http or https, a host, and nobody's password."""
    if len(value.encode()) > MAX_URL_BYTES or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


def from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Button, ...]:
    """Buttons from rows that were checked on the way in, or that `dump_shown` wrote."""
    return tuple(
        Button(
            name=str(row["name"]),
            kind=ButtonKind(row["kind"]) if row.get("kind") else None,
            value=str(row.get("value") or ""),
            appid=str(row.get("appid") or ""),
            page=str(row.get("page") or ""),
            children=from_rows(row.get("buttons") or ()),
        )
        for row in rows
    )


def to_rows(buttons: Iterable[Button]) -> Rows:
    """The plain data that `parse` reads; kinds made only in WeChat's console are left out."""
    rows = []
    for each in buttons:
        if each.children:
            rows.append({"name": each.name, "buttons": to_rows(each.children)})
        elif each.kind in _EDITABLE_KINDS:
            rows.append(_row(each))
    return rows


def shown_to_rows(buttons: Iterable[Button]) -> Rows:
    """The plain data of whatever WeChat shows, console kinds too, for `read`."""
    return [
        {"name": each.name, "buttons": shown_to_rows(each.children)}
        if each.children
        else _row(each)
        for each in buttons
    ]


def _row(button: Button) -> dict[str, Any]:
    kind = "" if button.kind is None else button.kind.value
    row = {"name": button.name, "kind": kind, "value": button.value}
    if button.kind is ButtonKind.MINI_PROGRAM:
        row |= {"appid": button.appid, "page": button.page}
    return row


def diff(ours: Iterable[Button], shown: Iterable[Button]) -> tuple[Difference, ...]:
    """Where our menu and what WeChat shows differ, from left to right."""
    our_buttons, shown_buttons = dict(_with_paths(ours)), dict(_with_paths(shown))
    return tuple(
        Difference(path, our_buttons.get(path), shown_buttons.get(path))
        for path in sorted(our_buttons.keys() | shown_buttons.keys())
        if our_buttons.get(path) != shown_buttons.get(path)
    )


def _with_paths(
    buttons: Iterable[Button], above: ButtonPath = ()
) -> Iterator[tuple[ButtonPath, Button]]:
    """Each button with its place; one that opens a list counts by its name alone."""
    for number, each in enumerate(buttons):
        path = (*above, number)
        yield path, Button(name=each.name) if each.children else each
        yield from _with_paths(each.children, path)
