"""The form fields of the menu editor as button rows, and what its small buttons do to the rows.

name-0 kind-0 value-0 …      the first button
name-0-2 kind-0-2 …          the third button of its submenu

form ── rows_from_form ──> rows ── apply_action("down:0-2") ──> rows ── template ──> form

A row is a dict of texts: name, kind, value, and appid and page for mini programs; a button with a
submenu has name and `buttons`, a list of rows, instead.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from matrix.menus import MAX_SUB, MAX_TOP, ButtonProblem
from matrix.wechat.gateway import ButtonKind

Rows = list[dict[str, Any]]

# the kinds of buttons that the editor offers, with the labels that staff read
OFFERED_KINDS: dict[str, str] = {
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
# further kinds that WeChat's own console can make: they are kept, and shown by these labels
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
KIND_LABELS = OFFERED_KINDS | OTHER_KINDS

_FIELDS = ("name", "kind", "value", "appid", "page")
_EMPTY_ROW = {"name": "", "kind": ButtonKind.ASK.value, "value": ""}


def rows_from_form(form: Mapping[str, str]) -> Rows:
    """The rows of the submitted buttons; other fields of the form are ignored."""
    rows = []
    # By position and not by what the form names: it cannot make more buttons than WeChat allows.
    for top in range(MAX_TOP):
        if f"name-{top}" not in form:
            continue
        row = _row_from_form(form, f"{top}")
        sub_rows = [
            _row_from_form(form, f"{top}-{sub}")
            for sub in range(MAX_SUB)
            if f"name-{top}-{sub}" in form
        ]
        rows.append({"name": row["name"], "buttons": sub_rows} if sub_rows else row)
    return rows


def _row_from_form(form: Mapping[str, str], position: str) -> dict[str, Any]:
    # a button of another kind may still carry the fields of a mini program that was chosen before
    row = {part: form.get(f"{part}-{position}", "").strip() for part in _FIELDS}
    if row["kind"] != ButtonKind.MINI_PROGRAM.value:
        del row["appid"], row["page"]
    return row


def apply_action(rows: Rows, action: str) -> Rows:
    """The rows after a small button: add, add:0, remove:0-1, up:0 or down:0-1.

    The rows are changed in place and returned. An action that is not possible (a position that does
    not exist, a full menu) changes nothing.
    """
    # the action comes from a form and may be anything; what makes no sense changes nothing
    verb, _, position_code = action.partition(":")
    numbers = [int(part) for part in position_code.split("-") if part.isdecimal()]
    if verb == "add":
        _add_row(rows, numbers)
        return rows
    top = rows
    if len(numbers) == 2:
        top = rows[numbers[0]].get("buttons", []) if numbers[0] < len(rows) else []
    if not numbers or numbers[-1] >= len(top):
        return rows
    position = numbers[-1]
    if verb == "remove":
        del top[position]
        _collapse_empty(rows)
    elif verb == "up" and position > 0:
        top[position - 1], top[position] = top[position], top[position - 1]
    elif verb == "down" and position + 1 < len(top):
        top[position + 1], top[position] = top[position], top[position + 1]
    return rows


def _add_row(rows: Rows, numbers: list[int]) -> None:
    if not numbers:
        if len(rows) < MAX_TOP:
            rows.append(dict(_EMPTY_ROW))
        return
    if numbers[0] >= len(rows):
        return
    row = rows[numbers[0]]
    sub_rows = row.get("buttons")
    if sub_rows is None:
        # a button with a submenu does nothing itself: its action becomes the first one in there
        first = row | {"name": ""} if row.get("value") else dict(_EMPTY_ROW)
        rows[numbers[0]] = {"name": row["name"], "buttons": [first]}
    elif len(sub_rows) < MAX_SUB:
        sub_rows.append(dict(_EMPTY_ROW))


def _collapse_empty(rows: Rows) -> None:
    """Turn buttons whose submenu is empty into plain buttons."""
    for position, row in enumerate(rows):
        if row.get("buttons") == []:
            rows[position] = dict(_EMPTY_ROW) | {"name": row["name"]}


def problems_by_field(faults: Iterable[ButtonProblem]) -> dict[str, str]:
    """The first problem of each form field, by its name; a problem of the whole menu by `menu`."""
    problems: dict[str, str] = {}
    for fault in faults:
        position = "-".join(map(str, fault.path))
        problems.setdefault(f"{fault.part}-{position}" if position else "menu", fault.problem)
    return problems


def position_text(position: Iterable[int]) -> str:
    """A position, counted from 0, as text: 第 2 个菜单的第 1 项."""
    top, *sub = (number + 1 for number in position)
    return f"第 {top} 个菜单的第 {sub[0]} 项" if sub else f"第 {top} 个菜单"
