"""Shaping: the buttons in the form of the menu editor, and what its small buttons do to them.

name-0 kind-0 value-0 …      the first button
name-0-2 kind-0-2 …          the third one below it

form ── rows_of ──> rows ── reshaped("down:0-2") ──> rows ── template ──> form
"""

from collections.abc import Iterable, Mapping
from typing import Any

from matrix.menus import MOST_SUB, MOST_TOP, Fault
from matrix.wechat.gateway import ButtonKind

Rows = list[dict[str, Any]]

# what the editor offers, in the words of staff
KINDS: dict[str, str] = {
    ButtonKind.ASK.value: "回复",
    ButtonKind.LINK.value: "打开网页",
    ButtonKind.MINI_PROGRAM.value: "打开小程序",
    ButtonKind.SCAN.value: "扫码",
    ButtonKind.SCAN_AND_WAIT.value: "扫码，等我们答复",
    ButtonKind.CAMERA.value: "拍照",
    ButtonKind.CAMERA_OR_ALBUM.value: "拍照或选相册",
    ButtonKind.ALBUM.value: "选相册",
    ButtonKind.LOCATION.value: "发送位置",
}
# what else may stand in a menu; it is kept, and shown by these words
OTHER_KINDS: dict[str, str] = {
    ButtonKind.MEDIA.value: "发送素材",
    ButtonKind.ARTICLE.value: "发送文章",
    ButtonKind.ARTICLE_CARD.value: "打开文章",
    ButtonKind.TEXT.value: "后台文字",
    ButtonKind.PICTURE.value: "后台图片",
    ButtonKind.VOICE.value: "后台语音",
    ButtonKind.VIDEO.value: "后台视频",
    ButtonKind.NEWS.value: "后台图文",
    ButtonKind.OTHER.value: "其他",
}
WORDS = KINDS | OTHER_KINDS

_PARTS = ("name", "kind", "value", "appid", "page")
_NEW = {"name": "", "kind": ButtonKind.ASK.value, "value": ""}


def rows_of(form: Mapping[str, str]) -> Rows:
    """The buttons that were handed in; nothing else of the form is looked at."""
    rows = []
    for top in range(MOST_TOP):
        if f"name-{top}" not in form:
            continue
        row = _row(form, f"{top}")
        inner = [
            _row(form, f"{top}-{sub}") for sub in range(MOST_SUB) if f"name-{top}-{sub}" in form
        ]
        rows.append({"name": row["name"], "buttons": inner} if inner else row)
    return rows


def _row(form: Mapping[str, str], at: str) -> dict[str, Any]:
    given = {part: form.get(f"{part}-{at}", "").strip() for part in _PARTS}
    if given["kind"] != ButtonKind.MINI_PROGRAM.value:
        del given["appid"], given["page"]
    return given


def reshaped(rows: Rows, act: str) -> Rows:
    """The rows after one of the small buttons: add, add:0, remove:0-1, up:0, down:0-1.

    What cannot be done changes nothing.
    """
    verb, _, place = act.partition(":")
    numbers = [int(part) for part in place.split("-") if part.isdecimal()]
    if verb == "add":
        _add(rows, numbers)
        return rows
    top = rows
    if len(numbers) == 2:
        top = rows[numbers[0]].get("buttons", []) if numbers[0] < len(rows) else []
    if not numbers or numbers[-1] >= len(top):
        return rows
    at = numbers[-1]
    if verb == "remove":
        del top[at]
        _without_empty(rows)
    elif verb == "up" and at > 0:
        top[at - 1], top[at] = top[at], top[at - 1]
    elif verb == "down" and at + 1 < len(top):
        top[at + 1], top[at] = top[at], top[at + 1]
    return rows


def _add(rows: Rows, numbers: list[int]) -> None:
    if not numbers:
        if len(rows) < MOST_TOP:
            rows.append(dict(_NEW))
        return
    if numbers[0] >= len(rows):
        return
    row = rows[numbers[0]]
    inner = row.get("buttons")
    if inner is None:
        # what the button itself did is the first thing in its list
        first = row | {"name": ""} if row.get("value") else dict(_NEW)
        rows[numbers[0]] = {"name": row["name"], "buttons": [first]}
    elif len(inner) < MOST_SUB:
        inner.append(dict(_NEW))


def _without_empty(rows: Rows) -> None:
    """A button whose list is empty is a plain button again."""
    for at, row in enumerate(rows):
        if row.get("buttons") == []:
            rows[at] = dict(_NEW) | {"name": row["name"]}


def said_at(faults: Iterable[Fault]) -> dict[str, str]:
    """What is wrong, by the name of the field it is said at; the whole menu's by ``menu``."""
    said: dict[str, str] = {}
    for fault in faults:
        at = "-".join(map(str, fault.at))
        said.setdefault(f"{fault.part}-{at}" if at else "menu", fault.problem)
    return said


def place_words(at: Iterable[int]) -> str:
    """A place in a menu in words: 第 2 个菜单的第 1 项."""
    top, *sub = (number + 1 for number in at)
    return f"第 {top} 个菜单的第 {sub[0]} 项" if sub else f"第 {top} 个菜单"
