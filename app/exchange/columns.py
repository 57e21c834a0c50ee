"""Columns: one rule as one row of a sheet, with names that a clerk reads.

    {"包含": "身份证\\n补身份证", "优先级": "60", …} ── read ──> the shape that drafts parse
                                               <── write ──

A cell holds one word a line. A single line may also be split by 、，；, as people do.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.exchange import replycells
from config.errors import Invalid
from keywords.drafts import RuleDraft, State
from keywords.replies import MOST_REPLIES, Choice
from keywords.rules import Keyword, Kind, Mode, Scope
from keywords.schedule import Days

REPLIES = tuple(f"回复{number}" for number in range(1, MOST_REPLIES + 1))
STATE = "状态"

_SCOPES = {"本地": Scope.LOCAL, "默认": Scope.DEFAULT, "强制": Scope.MANDATORY}
_DAYS = {"不限": Days.ANY, "工作日": Days.WORKDAYS, "休息日": Days.RESTDAYS}
_CHOICES = {"第一条能发的": Choice.FIRST, "全部": Choice.ALL, "随机一条": Choice.RANDOM}
_STATES = {State.LIVE: "生效", State.DRAFT: "草稿", State.OFF: "停用"}
_WEEKDAYS = "一二三四五六日"
_EVENTS = {
    "开头": (Kind.TEXT, Mode.PREFIX),
    "菜单": (Kind.CLICK, Mode.EQUAL),
    "菜单开头": (Kind.CLICK, Mode.PREFIX),
    "场景": (Kind.SCAN, Mode.EQUAL),
    "场景开头": (Kind.SCAN, Mode.PREFIX),
}
_EVENT = re.compile(rf"({'|'.join(_EVENTS)})[：:]\s*(\S.*)")
_MODES = {"exact": Mode.EQUAL, "keywords": Mode.CONTAINS}
_MODES |= {"together": Mode.TOGETHER, "patterns": Mode.PATTERN}
_MARKS = re.compile("[、，,；;]")
_WEEKDAY = re.compile("[1-7一二三四五六日天]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `field` is the field of the rule's shape that is blamed for it."""

    title: str
    field: str
    read: Callable[[str], Any]
    width: int = 16


def lines(cell: str) -> list[str]:
    """One entry a line."""
    return [line.strip() for line in cell.split("\n") if line.strip()]


def words(cell: str) -> list[str]:
    """One word a line; several on a single line are told apart by their marks."""
    if "\n" in cell.rstrip(" "):
        return lines(cell)
    return [word.strip() for word in _MARKS.split(cell) if word.strip()]


def _one_of(known: Mapping[str, Any], field: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell not in known:
            raise Invalid(field=field, problem=f"应为 {'、'.join(known)} 之一。")
        return str(known[cell].value)

    return read


def _number(cell: str) -> int:
    if not re.fullmatch(r"\d{1,6}", cell, re.ASCII):
        raise Invalid(field="priority", problem="应是 0 到 999 的整数。")
    return int(cell)


def _weekdays(cell: str) -> list[int]:
    left = re.sub(r"[\s、，,；;周星期]", "", cell)
    if not re.fullmatch(f"(?:{_WEEKDAY.pattern})+", left):
        raise Invalid(field="weekdays", problem="应写成“一、二、五”或“1、2、5”，周日写“日”。")
    numbers = {7 if day == "天" else (_WEEKDAYS.find(day) + 1 or int(day)) for day in left}
    return sorted(numbers)


def _event(line: str) -> dict[str, str]:
    found = _EVENT.fullmatch(line)
    if found is None:
        raise Invalid(
            field="events", problem=f"“{line[:20]}”应写成“{'、'.join(_EVENTS)}”之一加冒号和内容。"
        )
    kind, mode = _EVENTS[found[1]]
    return {"text": found[2], "mode": mode.value, "kind": kind.value}


def _events(cell: str) -> list[dict[str, str]]:
    return [_event(line) for line in lines(cell)]


COLUMNS: tuple[Column, ...] = (
    Column("编号", "id", str, 24),
    Column("名称", "name", str, 20),
    Column("单位", "department", str, 20),
    Column("账号", "account", str, 24),
    Column("范围", "scope", _one_of(_SCOPES, "scope"), 8),
    Column("包含", "keywords", words, 28),
    Column("整句等于", "exact", words, 20),
    Column("同时含有", "together", lines, 24),
    Column("正则", "patterns", lines, 20),
    Column("开头、菜单与场景", "events", _events, 22),
    Column("还须含有", "with", words),
    Column("不能含有", "without", words),
    Column("优先级", "priority", _number, 8),
    *(Column(title, title, replycells.read, 40) for title in REPLIES),
    Column("多条回复时", "choice", _one_of(_CHOICES, "choice"), 14),
    Column("星期", "weekdays", _weekdays, 12),
    Column("时段", "hours", words, 14),
    Column("日子", "days", _one_of(_DAYS, "days"), 8),
    Column("开始日期", "valid_from", str, 12),
    Column("截止日期", "valid_to", str, 12),
    Column("例句", "samples", lines, 28),
    Column("相关事项", "service", str),
    Column("代替", "overrides", str, 20),
    Column("复核日期", "review_by", str, 12),
    Column(STATE, STATE, str, 8),
)
BY_TITLE = {column.title: column for column in COLUMNS}
_TITLES = {column.field: column.title for column in COLUMNS}
_REPLY = re.compile(r"repl(?:y|ies)(?:\[(\d)\])?")


def title_of(field: str) -> str:
    """The column that a refused field stands in."""
    reply = _REPLY.match(field)
    if reply:
        return REPLIES[int(reply[1] or 1) - 1]
    name = re.split(r"[\[.]", field, maxsplit=1)[0]
    return _TITLES.get(name, name)


def read(cells: Mapping[str, str]) -> tuple[dict[str, Any], list[Invalid]]:
    """The shape of a rule from its cells by title, and what could not be read.

    Empty cells say nothing. The state is not read: what comes in is a draft.
    """
    shape: dict[str, Any] = {}
    problems: list[Invalid] = []
    said: list[dict[str, Any]] = []
    for title, cell in cells.items():
        column = BY_TITLE[title]
        if title == STATE or not cell.strip():
            continue
        try:
            value = column.read(cell)
        except Invalid as error:
            problems.append(Invalid(field=title, problem=error.problem))
            continue
        if title in REPLIES:
            said.append(value)
        elif column.field == "events":
            shape["keywords"] = [*shape.get("keywords", []), *value]
        elif column.field == "keywords":
            shape["keywords"] = [*value, *shape.get("keywords", [])]
        else:
            shape[column.field] = value
    return shape | {"replies": said}, problems


def write(draft: RuleDraft) -> dict[str, str]:
    """The cells of a rule by title; owners as the draft names them."""
    waking = draft.schedule
    cells = {
        "编号": draft.code,
        "名称": draft.name,
        "单位": draft.department,
        "账号": draft.account,
        "范围": _name(_SCOPES, draft.scope),
        "开头、菜单与场景": "\n".join(_event_lines(draft.keywords)),
        "还须含有": _listed(draft.required),
        "不能含有": _listed(draft.excluded),
        "优先级": str(draft.priority),
        "多条回复时": _name(_CHOICES, draft.choice) if len(draft.replies) > 1 else "",
        "星期": "、".join(_WEEKDAYS[day - 1] for day in sorted(waking.weekdays)),
        "时段": _listed(str(span) for span in waking.hours),
        "日子": "" if waking.days is Days.ANY else _name(_DAYS, waking.days),
        "开始日期": waking.valid_from.isoformat() if waking.valid_from else "",
        "截止日期": waking.valid_to.isoformat() if waking.valid_to else "",
        "例句": "\n".join(draft.samples),
        "相关事项": draft.service,
        "代替": draft.overrides,
        "复核日期": draft.review_by.isoformat() if draft.review_by else "",
        STATE: _STATES[draft.state],
    }
    for field, mode in _MODES.items():
        plain = [
            each.text for each in draft.keywords if (each.kind, each.mode) == (Kind.TEXT, mode)
        ]
        is_marked = mode in (Mode.EQUAL, Mode.CONTAINS)
        cells[_TITLES[field]] = _listed(plain) if is_marked else "\n".join(plain)
    for title, reply in zip(REPLIES, draft.replies, strict=False):
        cells[title] = replycells.write(reply)
    return cells


def _event_lines(keywords: Iterable[Keyword]) -> list[str]:
    names = {value: name for name, value in _EVENTS.items()}
    return [
        f"{names[each.kind, each.mode]}：{each.text}"
        for each in keywords
        if (each.kind, each.mode) in names
    ]


def _listed(found: Iterable[str]) -> str:
    """One word a line; a line end behind a single word that has marks in it keeps it whole."""
    listed = list(found)
    return "\n".join(listed) + ("\n" if len(listed) == 1 and _MARKS.search(listed[0]) else "")


def _name(known: Mapping[str, Any], value: Any) -> str:
    return next(name for name, each in known.items() if each is value)
