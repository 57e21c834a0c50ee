"""Differences between two texts of a rule, as plain values for a page.

A list says what was added and removed, a text and a date what it was and is. Fields that say the
same in both are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keywords import replies, schedule
from keywords.drafts import RuleDraft
from keywords.rules import Keyword, Kind, Mode

MODES = {
    Mode.EQUAL: "整句相同",
    Mode.CONTAINS: "包含",
    Mode.PREFIX: "开头是",
    Mode.TOGETHER: "同时含有",
    Mode.PATTERN: "正则",
}
_KINDS = {Kind.TEXT: "", Kind.CLICK: "菜单", Kind.SCAN: "二维码"}
_LISTS = ("keywords", "required", "excluded", "weekdays", "hours", "replies", "samples")
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
class Difference:
    """One field. Lists fill `removed`, `added` and `kept`, single values `before` and `after`."""

    field: str
    before: str = ""
    after: str = ""
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def between(
    before: RuleDraft | None, after: RuleDraft, *, owner_before: str = "", owner_after: str = ""
) -> tuple[Difference, ...]:
    """Field by field; without a `before` everything is new. Owners are given by their names."""
    old = _values(before, owner_before) if before is not None else {}
    new = _values(after, owner_after)
    return tuple(
        _difference(field, old.get(field), new[field])
        for field in _FIELDS
        if old.get(field, () if field in _LISTS else "") != new[field]
    )


def keyword_text(keyword: Keyword) -> str:
    """A keyword as people read it."""
    kind = _KINDS[keyword.kind]
    return f"{keyword.text}（{kind + '，' if kind else ''}{MODES[keyword.mode]}）"


def reply_text(shape: dict[str, Any]) -> str:
    """A reply as people read it: the content of a text, else its kind and what it names."""
    if shape["type"] == "text":
        return str(shape["content"])
    parts = [str(value) for name, value in shape.items() if name != "type"]
    return f"[{_REPLIES[shape['type']]}] {' · '.join(parts)}".strip()


_REPLIES = {
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "music": "音乐",
    "news": "图文",
    "transfer": "转人工",
}


def _values(draft: RuleDraft, owner: str) -> dict[str, Any]:
    waking = schedule.dump(draft.schedule)
    return {
        "name": draft.name,
        "owner": owner,
        "scope": draft.scope.value,
        "keywords": tuple(map(keyword_text, draft.keywords)),
        "required": draft.required,
        "excluded": draft.excluded,
        "priority": str(draft.priority),
        "weekdays": tuple(map(str, waking.get("weekdays", ()))),
        "hours": tuple(waking.get("hours", ())),
        "days": waking.get("days", "any"),
        "valid_from": waking.get("valid_from", ""),
        "valid_to": waking.get("valid_to", ""),
        "choice": draft.choice.value,
        "replies": tuple(reply_text(replies.dump(reply)) for reply in draft.replies),
        "samples": draft.samples,
        "overrides": draft.overrides,
        "service": draft.service,
        "review_by": draft.review_by.isoformat() if draft.review_by else "",
    }


def _difference(field: str, before: Any, after: Any) -> Difference:
    if field not in _LISTS:
        return Difference(field, before=before or "", after=after)
    old: Sequence[str] = before or ()
    return Difference(
        field,
        removed=tuple(one for one in old if one not in after),
        added=tuple(one for one in after if one not in old),
        kept=tuple(one for one in after if one in old),
    )
