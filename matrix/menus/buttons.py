"""Buttons as plain data: the form in which files, forms and the database hold a menu.

    [{name, kind, value} | {name, kind: mini_program, value, appid, page} | {name, buttons: […]}]

`iter_problems` names everything WeChat would refuse and at which button, so that a form can show it
beside the field; `parse` raises the first of them. Limits: wechat-platform.md 9.1.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.errors import Invalid
from matrix.wechat.gateway import Button, ButtonKind

MAX_TOP, MAX_SUB = 3, 5
# WeChat counts bytes of UTF-8: three for a Chinese character
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

    `path` counts from zero: (1,) is the second button, (1, 0) the first below it, () the menu as a
    whole. `part` is name, kind, value, appid, page or buttons.
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
    """Buttons from plain data. Raises Invalid for the first thing WeChat would refuse.

    `kind` is a value of ButtonKind, such as ask, link or scan.
    """
    # forms show all problems; files and commands stop at the first
    for problem in iter_problems(rows):
        raise Invalid(field="menu", problem=problem.problem)
    assert isinstance(rows, list)  # otherwise there was a problem
    return from_rows(rows)


def iter_problems(rows: object) -> Iterator[ButtonProblem]:
    """Everything WeChat would refuse, in the order of the buttons."""
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
        # two levels at most: deeper ones were refused by the length of the path above
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
    """Whether a button may open this address: http or https, with a host and no user name."""
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
    """Buttons from rows that were checked before, or that `shown_to_rows` wrote."""
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
    """The plain data that `parse` reads; kinds that only WeChat's own console can make are left
    out.
    """
    rows = []
    for each in buttons:
        if each.children:
            rows.append({"name": each.name, "buttons": to_rows(each.children)})
        elif each.kind in _EDITABLE_KINDS:
            rows.append(_row(each))
    return rows


def shown_to_rows(buttons: Iterable[Button]) -> Rows:
    """The plain data of whatever WeChat shows, including those kinds, for `from_rows`."""
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
    """Where our menu and the one WeChat shows differ, from left to right."""
    our_buttons, shown_buttons = dict(_with_paths(ours)), dict(_with_paths(shown))
    return tuple(
        Difference(path, our_buttons.get(path), shown_buttons.get(path))
        for path in sorted(our_buttons.keys() | shown_buttons.keys())
        if our_buttons.get(path) != shown_buttons.get(path)
    )


def _with_paths(
    buttons: Iterable[Button], above: ButtonPath = ()
) -> Iterator[tuple[ButtonPath, Button]]:
    """Each button with its path; a button with sub-buttons is compared by its name only."""
    for number, each in enumerate(buttons):
        path = (*above, number)
        # its children are compared by themselves below: one changed child is one difference
        yield path, Button(name=each.name) if each.children else each
        yield from _with_paths(each.children, path)
