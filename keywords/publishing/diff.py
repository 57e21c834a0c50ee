"""Differences between two texts of a rule, as plain values for a page.

A list says what was added and removed, a text and a date what it was and is. Fields that say the
same in both are left out.
"""

from dataclasses import dataclass

from keywords.rules import replies
from keywords.rules.replies import Reply, Text
from keywords.rules.spec import COLUMNS, RuleSpec
from keywords.rules.values import InputKind, Keyword, MatchMode

MODE_LABELS = {
    MatchMode.EQUAL: "整句相同",
    MatchMode.CONTAINS: "包含",
    MatchMode.PREFIX: "开头是",
    MatchMode.TOGETHER: "同时含有",
    MatchMode.PATTERN: "正则",
}
_KIND_LABELS = {InputKind.TEXT: "", InputKind.CLICK: "菜单", InputKind.SCAN: "二维码"}
# in the order of the pages; a field of a rule that is not named here comes behind them
_ORDER = (
    "name",
    "owner",
    "scope",
    "keywords",
    "required",
    "excluded",
    "priority",
    "weekdays",
    "hours",
    "days",
    "valid_from",
    "valid_to",
    "choice",
    "replies",
    "samples",
    "overrides",
    "service",
    "review_by",
)
# `state` is no content: publishing and switching are steps of their own
_FIELDS = (*_ORDER, *(name for name in COLUMNS if name not in (*_ORDER, "state")))
_Value = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field. Lists fill `removed`, `added` and `kept`, single values `before` and `after`."""

    field: str
    before: str = ""
    after: str = ""
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


def compare(
    before: RuleSpec | None, after: RuleSpec, *, owner_before: str = "", owner_after: str = ""
) -> tuple[FieldDiff, ...]:
    """Field by field; without a `before` everything is new. Owners are given by their names."""
    new = _values(after, owner_after)
    if before is not None:
        old = _values(before, owner_before)
    else:
        # empty in the type of the new one, so that a list stays a list
        old = {field: _FLAGS_OFF.get(field, type(value)()) for field, value in new.items()}
    found = ((field, old[field], new[field]) for field in _FIELDS)
    return tuple(_difference(field, was, is_) for field, was, is_ in found if was != is_)


def keyword_label(keyword: Keyword) -> str:
    """A keyword as people read it."""
    kind = _KIND_LABELS[keyword.kind]
    return f"{keyword.text}（{kind + '，' if kind else ''}{MODE_LABELS[keyword.mode]}）"


def reply_label(reply: Reply) -> str:
    """A reply as people read it: the content of a text, else its kind and what it names."""
    if isinstance(reply, Text):
        return reply.content
    parts = [value for name, value in replies.dump(reply).items() if name != "type"]
    return f"[{_REPLY_LABELS[reply.type]}] {' · '.join(parts)}".strip()


_REPLY_LABELS = {
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "music": "音乐",
    "news": "图文",
    "transfer": "转人工",
}


def _values(rule_spec: RuleSpec, owner: str) -> dict[str, _Value]:
    values = {name: _shown(getattr(rule_spec, name)) for name in _FIELDS if name != "owner"}
    return values | {"owner": owner}


def _shown(value: object) -> _Value:
    return tuple(map(_text, value)) if isinstance(value, tuple) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, Keyword):
        return keyword_label(value)
    if isinstance(value, Reply):
        return reply_label(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return "" if value is None else str(value)


# what a flag says in a rule that nobody has written yet
_FLAGS_OFF = {
    name: _text(False) for name, field in RuleSpec.model_fields.items() if field.annotation is bool
}


def _difference(field: str, before: _Value, after: _Value) -> FieldDiff:
    if isinstance(before, str) or isinstance(after, str):
        return FieldDiff(field, before=str(before), after=str(after))
    return FieldDiff(
        field,
        # compared as sets: keywords have no order, and staff look for what came and went
        removed=tuple(item for item in before if item not in after),
        added=tuple(item for item in after if item not in before),
        unchanged=tuple(item for item in after if item in before),
    )
