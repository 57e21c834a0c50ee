"""Differences between two texts of a rule, as plain values for a page.

A list says what was added and removed, a text and a date what it was and is. Fields that say the
same in both are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keywords.rules import replies, schedule
from keywords.rules.spec import RuleSpec
from keywords.rules.values import InputKind, Keyword, MatchMode

MODE_LABELS = {
    MatchMode.EQUAL: "整句相同",
    MatchMode.CONTAINS: "包含",
    MatchMode.PREFIX: "开头是",
    MatchMode.TOGETHER: "同时含有",
    MatchMode.PATTERN: "正则",
}
_KIND_LABELS = {InputKind.TEXT: "", InputKind.CLICK: "菜单", InputKind.SCAN: "二维码"}
_LIST_FIELDS = ("keywords", "required", "excluded", "weekdays", "hours", "replies", "samples")
_FIELDS = (
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
    old = _values(before, owner_before) if before is not None else {}
    new = _values(after, owner_after)
    return tuple(
        _difference(field, old.get(field), new[field])
        for field in _FIELDS
        if old.get(field, () if field in _LIST_FIELDS else "") != new[field]
    )


def keyword_label(keyword: Keyword) -> str:
    """A keyword as people read it."""
    kind = _KIND_LABELS[keyword.kind]
    return f"{keyword.text}（{kind + '，' if kind else ''}{MODE_LABELS[keyword.mode]}）"


def reply_label(shape: dict[str, Any]) -> str:
    """A reply as people read it: the content of a text, else its kind and what it names."""
    if shape["type"] == "text":
        return str(shape["content"])
    parts = [str(value) for name, value in shape.items() if name != "type"]
    return f"[{_REPLY_LABELS[shape['type']]}] {' · '.join(parts)}".strip()


_REPLY_LABELS = {
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "music": "音乐",
    "news": "图文",
    "transfer": "转人工",
}


def _values(rule_spec: RuleSpec, owner: str) -> dict[str, Any]:
    schedule_values = schedule.dump(rule_spec.schedule)
    return {
        "name": rule_spec.name,
        "owner": owner,
        "scope": rule_spec.scope.value,
        "keywords": tuple(map(keyword_label, rule_spec.keywords)),
        "required": rule_spec.required,
        "excluded": rule_spec.excluded,
        "priority": str(rule_spec.priority),
        "weekdays": tuple(map(str, schedule_values.get("weekdays", ()))),
        "hours": tuple(schedule_values.get("hours", ())),
        "days": schedule_values.get("days", "any"),
        "valid_from": schedule_values.get("valid_from", ""),
        "valid_to": schedule_values.get("valid_to", ""),
        "choice": rule_spec.choice.value,
        "replies": tuple(reply_label(replies.dump(reply)) for reply in rule_spec.replies),
        "samples": rule_spec.samples,
        "overrides": rule_spec.overrides,
        "service": rule_spec.service,
        "review_by": rule_spec.review_by.isoformat() if rule_spec.review_by else "",
    }


def _difference(field: str, before: Any, after: Any) -> FieldDiff:
    if field not in _LIST_FIELDS:
        return FieldDiff(field, before=before or "", after=after)
    old: Sequence[str] = before or ()
    return FieldDiff(
        field,
        removed=tuple(item for item in old if item not in after),
        added=tuple(item for item in after if item not in old),
        unchanged=tuple(item for item in after if item in old),
    )
