"""Columns: one rule as one row of a sheet, with names that a clerk reads.

    {"包含": "身份证\\n补身份证", "优先级": "60", …} ── read ──> the shape that drafts parse
                                               <── write ──

A cell holds one word a line. A single line may also be split by 、，；, as people do.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic.fields import FieldInfo

from app.rule_files import reply_cells
from config.errors import Invalid
from keywords.rules.replies import MAX_REPLIES, Choice
from keywords.rules.schedule import Days
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import InputKind, Keyword, MatchMode, RuleScope

REPLY_TITLES = tuple(f"回复{number}" for number in range(1, MAX_REPLIES + 1))
STATE_TITLE = "状态"

_SCOPES = {"本地": RuleScope.LOCAL, "默认": RuleScope.DEFAULT, "强制": RuleScope.MANDATORY}
_DAYS = {"不限": Days.ANY, "工作日": Days.WORKDAYS, "休息日": Days.RESTDAYS}
_CHOICES = {"第一条能发的": Choice.FIRST, "全部": Choice.ALL, "随机一条": Choice.RANDOM}
_STATES = {RuleState.LIVE: "生效", RuleState.DRAFT: "草稿", RuleState.OFF: "停用"}
_WEEKDAYS = "一二三四五六日"
_EVENTS = {
    "开头": (InputKind.TEXT, MatchMode.PREFIX),
    "菜单": (InputKind.CLICK, MatchMode.EQUAL),
    "菜单开头": (InputKind.CLICK, MatchMode.PREFIX),
    "场景": (InputKind.SCAN, MatchMode.EQUAL),
    "场景开头": (InputKind.SCAN, MatchMode.PREFIX),
}
_EVENT = re.compile(rf"({'|'.join(_EVENTS)})[：:]\s*(\S.*)")
_MODES = {"exact": MatchMode.EQUAL, "keywords": MatchMode.CONTAINS}
_MODES |= {"together": MatchMode.TOGETHER, "patterns": MatchMode.PATTERN}
_SEPARATORS = re.compile("[、，,；;]")
_WEEKDAY = re.compile("[1-7一二三四五六日天]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `field` is the field of the rule's shape that its errors name."""

    title: str
    field: str
    parse: Callable[[str], Any]
    width: int = 16


def split_lines(cell: str) -> list[str]:
    """One entry a line."""
    return [line.strip() for line in cell.split("\n") if line.strip()]


def split_words(cell: str) -> list[str]:
    """One word a line; several on a single line are separated by punctuation."""
    # a line end that is kept at the end says that the marks in the single line belong to the word;
    # see `_join_lines`
    if "\n" in cell.rstrip(" "):
        return split_lines(cell)
    return [word.strip() for word in _SEPARATORS.split(cell) if word.strip()]


def _one_of(known: Mapping[str, StrEnum], field: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell not in known:
            raise Invalid(field=field, problem=f"应为 {'、'.join(known)} 之一。")
        return str(known[cell].value)

    return read


def _number(cell: str) -> int:
    # without ASCII \d also matches the digits of other scripts, full-width ones too
    if not re.fullmatch(r"\d{1,6}", cell, re.ASCII):
        raise Invalid(field="priority", problem="应是 0 到 999 的整数。")
    return int(cell)


def _int_or_text(cell: str) -> int | str:
    """An integer; what is none stays a text, so that the spec refuses it in its own words."""
    return int(cell) if re.fullmatch(r"-?\d{1,9}", cell, re.ASCII) else cell


def _yes_no_or_text(cell: str) -> bool | str:
    """Yes or no; what is neither stays a text, so that the spec refuses it in its own words."""
    return {"是": True, "否": False}.get(cell.strip(), cell)


def _weekdays(cell: str) -> list[int]:
    # people write 周一、周二 as well as 1、2
    remaining = re.sub(r"[\s、，,；;周星期]", "", cell)
    if not re.fullmatch(f"(?:{_WEEKDAY.pattern})+", remaining):
        raise Invalid(field="weekdays", problem="应写成“一、二、五”或“1、2、5”，周日写“日”。")
    numbers = {7 if day == "天" else (_WEEKDAYS.find(day) + 1 or int(day)) for day in remaining}
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
    return [_event(line) for line in split_lines(cell)]


def default_column(name: str, field: FieldInfo) -> Column:
    """The column of a field that is not listed below: its heading is the field's title."""
    parse: Callable[[str], Any] = str
    if isinstance(field.default, tuple):
        parse = split_words
    elif isinstance(field.default, bool):
        parse = _yes_no_or_text
    elif isinstance(field.default, int):
        parse = _int_or_text
    return Column(field.title or name, field.alias or name, parse)


_LISTED: tuple[Column, ...] = (
    Column("编号", "id", str, 24),
    Column("名称", "name", str, 20),
    Column("单位", "department", str, 20),
    Column("账号", "account", str, 24),
    Column("范围", "scope", _one_of(_SCOPES, "scope"), 8),
    Column("包含", "keywords", split_words, 28),
    Column("整句等于", "exact", split_words, 20),
    Column("同时含有", "together", split_lines, 24),
    Column("正则", "patterns", split_lines, 20),
    Column("开头、菜单与场景", "events", _events, 22),
    Column("还须含有", "with", split_words),
    Column("不能含有", "without", split_words),
    Column("优先级", "priority", _number, 8),
    *(Column(title, title, reply_cells.read_cell, 40) for title in REPLY_TITLES),
    Column("多条回复时", "choice", _one_of(_CHOICES, "choice"), 14),
    Column("星期", "weekdays", _weekdays, 12),
    Column("时段", "hours", split_words, 14),
    Column("日子", "days", _one_of(_DAYS, "days"), 8),
    Column("开始日期", "valid_from", str, 12),
    Column("截止日期", "valid_to", str, 12),
    Column("例句", "samples", split_lines, 28),
    Column("相关事项", "service", str),
    Column("代替", "overrides", str, 20),
    Column("复核日期", "review_by", str, 12),
    Column(STATE_TITLE, STATE_TITLE, str, 8),
)
_KNOWN_FIELDS = {column.field for column in _LISTED} | {"replies", "state"}
# the other fields of a rule come after these: a new field needs no change here, and workbooks that
# were exported before keep their order of columns
_UNLISTED = {
    name: default_column(name, field)
    for name, field in RuleSpec.model_fields.items()
    if (field.alias or name) not in _KNOWN_FIELDS
}
COLUMNS = (*_LISTED, *_UNLISTED.values())
BY_TITLE = {column.title: column for column in COLUMNS}
_TITLES = {column.field: column.title for column in COLUMNS}
_REPLY = re.compile(r"repl(?:y|ies)(?:\[(\d)\])?")


def title_of_field(field: str) -> str:
    """The heading of the column that a field stands in; the field itself where it has none."""
    reply = _REPLY.match(field)
    if reply:
        return REPLY_TITLES[int(reply[1] or 1) - 1]
    name = re.split(r"[\[.]", field, maxsplit=1)[0]
    return _TITLES.get(name, name)


def read_row(cells: Mapping[str, str]) -> tuple[dict[str, Any], list[Invalid]]:
    """The shape of a rule from its cells by title, and what could not be read.

    Empty cells are left out. The state is not read: what comes in is a draft.
    """
    data: dict[str, Any] = {}
    problems: list[Invalid] = []
    replies: list[dict[str, object]] = []
    for title, cell in cells.items():
        column = BY_TITLE[title]
        # the state is exported for reading only: what is imported becomes a draft, whatever the
        # cell says
        if title == STATE_TITLE or not cell.strip():
            continue
        try:
            value = column.parse(cell)
        except Invalid as error:
            problems.append(Invalid(field=title, problem=error.problem))
            continue
        if title in REPLY_TITLES:
            replies.append(value)
        # both columns go into `keywords`, and written words come first, as in the shape of files
        elif column.field == "events":
            data["keywords"] = [*data.get("keywords", []), *value]
        elif column.field == "keywords":
            data["keywords"] = [*value, *data.get("keywords", [])]
        else:
            data[column.field] = value
    return data | {"replies": replies}, problems


def write_row(rule_spec: RuleSpec) -> dict[str, str]:
    """The cells of a rule by title; owners as the spec names them."""
    schedule = rule_spec.schedule
    cells = {
        "编号": rule_spec.slug,
        "名称": rule_spec.name,
        "单位": rule_spec.department,
        "账号": rule_spec.account,
        "范围": _label_of(_SCOPES, rule_spec.scope),
        "开头、菜单与场景": "\n".join(_event_lines(rule_spec.keywords)),
        "还须含有": _join_lines(rule_spec.required),
        "不能含有": _join_lines(rule_spec.excluded),
        "优先级": str(rule_spec.priority),
        # of a single reply nothing can be chosen, so an export leaves the cell empty
        "多条回复时": _label_of(_CHOICES, rule_spec.choice) if len(rule_spec.replies) > 1 else "",
        "星期": "、".join(_WEEKDAYS[day - 1] for day in sorted(schedule.weekdays)),
        "时段": _join_lines(str(span) for span in schedule.hours),
        "日子": "" if schedule.days is Days.ANY else _label_of(_DAYS, schedule.days),
        "开始日期": schedule.valid_from.isoformat() if schedule.valid_from else "",
        "截止日期": schedule.valid_to.isoformat() if schedule.valid_to else "",
        "例句": "\n".join(rule_spec.samples),
        "相关事项": rule_spec.service,
        "代替": rule_spec.overrides,
        "复核日期": rule_spec.review_by.isoformat() if rule_spec.review_by else "",
        STATE_TITLE: _STATES[rule_spec.state],
    }
    cells |= {column.title: _cell(getattr(rule_spec, name)) for name, column in _UNLISTED.items()}
    for field, mode in _MODES.items():
        texts = [
            keyword.text
            for keyword in rule_spec.keywords
            if (keyword.kind, keyword.mode) == (InputKind.TEXT, mode)
        ]
        is_word_list = mode in (MatchMode.EQUAL, MatchMode.CONTAINS)
        cells[_TITLES[field]] = _join_lines(texts) if is_word_list else "\n".join(texts)
    for title, reply in zip(REPLY_TITLES, rule_spec.replies, strict=False):
        cells[title] = reply_cells.write_cell(reply)
    return cells


def _event_lines(keywords: Iterable[Keyword]) -> list[str]:
    names = {value: name for name, value in _EVENTS.items()}
    return [
        f"{names[keyword.kind, keyword.mode]}：{keyword.text}"
        for keyword in keywords
        if (keyword.kind, keyword.mode) in names
    ]


def _join_lines(found: Iterable[str]) -> str:
    """One word a line; a line end behind a single word that has marks in it keeps it whole."""
    listed = list(found)
    return "\n".join(listed) + ("\n" if len(listed) == 1 and _SEPARATORS.search(listed[0]) else "")


def _cell(value: object) -> str:
    """The cell of a field that has no labels of its own."""
    if isinstance(value, tuple):
        return _join_lines(map(str, value))
    if isinstance(value, bool):
        return "是" if value else ""
    return "" if value is None else str(value)


def _label_of(known: Mapping[str, StrEnum], value: StrEnum) -> str:
    return next(name for name, keyword in known.items() if keyword is value)
