"""Reading an audit row: what changed is told in words, field by field."""

from typing import Any

from config.audit import AuditEntry
from config.audit.diff import FieldChange, changes, ids_in


def entry(before: dict[str, Any] | None, after: dict[str, Any] | None) -> AuditEntry:
    return AuditEntry(before=before, after=after)


def test_only_what_changed_is_told_and_code_words_are_translated() -> None:
    row = entry(
        {"state": "active", "name": "社保", "verified": False, "text": "active"},
        {"state": "paused", "name": "社保", "verified": True, "text": "paused"},
    )
    assert changes(row) == [
        FieldChange("状态", "启用", "停用"),
        FieldChange("已认证", "否", "是"),
        FieldChange("文字", "active", "paused"),
    ]


def test_a_new_thing_and_a_thing_gone_have_one_side() -> None:
    assert changes(entry(None, {"name": "社保"})) == [FieldChange("名称", "", "社保")]
    assert changes(entry({"name": "社保", "phone": None}, None)) == [
        FieldChange("名称", "社保", "")
    ]
    assert changes(entry(None, None)) == []


def test_lists_and_nested_facts_become_lines() -> None:
    row = entry(
        {"keywords": ["社保", "医保"], "details": {"state": "draft"}, "priority": 0},
        {
            "keywords": ["社保"],
            "details": {"state": "active", "unknown": 3},
            "buttons": [{"name": "办事", "buttons": [{"name": "社保", "value": "k"}]}, "另一项"],
            "priority": 0,
        },
    )
    assert changes(row) == [
        FieldChange("关键词（包含）", "社保、医保", "社保"),
        FieldChange("其他信息 · 状态", "草稿", "启用"),
        FieldChange("其他信息 · unknown", "", "3"),
        FieldChange("菜单项 1 · 名称", "", "办事"),
        FieldChange("菜单项 1 · 菜单项 1 · 名称", "", "社保"),
        FieldChange("菜单项 1 · 菜单项 1 · 值", "", "k"),
        FieldChange("菜单项 2", "", "另一项"),
    ]


def test_ids_are_told_by_the_names_that_are_known() -> None:
    row = entry({"department_id": 3}, {"department_id": 4, "account_id": 3})
    assert ids_in(row, "department_id") == {"3", "4"}
    assert changes(row, {"department_id": {"3": "民政局"}}) == [
        FieldChange("单位", "民政局", "4"),
        FieldChange("公众号", "", "3"),
    ]
