"""The audit: every action is collected, has its Chinese label and is recorded somewhere."""

import ast
import importlib
import re
from collections import Counter

from app.audit_labels import ACTION_ENUMS, LABELS
from config.audit import labels
from config.audit.actions import AuditAction
from tests.helpers.source_tree import OWN_PACKAGES, format_findings, read_sources

ACTIONS = [action for enum in ACTION_ENUMS for action in enum]


def test_every_enum_of_actions_is_collected() -> None:
    declaring = [
        source.module
        for source in read_sources(*OWN_PACKAGES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith("AuditAction") for base in node.bases)
    ]
    for module in declaring:
        importlib.import_module(module)
    assert set(AuditAction.__subclasses__()) == set(ACTION_ENUMS)
    assert len(declaring) == len(ACTION_ENUMS)
    assert LABELS.actions.keys() == {action.value for action in ACTIONS}


def test_actions_are_noun_and_verb_with_a_chinese_label() -> None:
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", action.value) for action in ACTIONS)
    for texts in (LABELS.actions, LABELS.kinds, labels.FIELDS, labels.VALUES):
        assert list(texts) == sorted(texts)
        assert all(label and not label.isascii() for label in texts.values())


def test_no_two_actions_and_no_two_kinds_are_alike() -> None:
    kinds = {action.kind for action in ACTIONS}
    for texts in (
        [action.value for action in ACTIONS],
        [action.label for action in ACTIONS],
        [kind.name for kind in kinds],
        [kind.label for kind in kinds],
    ):
        assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_every_action_is_recorded_somewhere() -> None:
    used = {
        (ast.unparse(node.value).rpartition(".")[2], node.attr)
        for source in read_sources(*OWN_PACKAGES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
    }
    idle = [
        f"{type(action).__name__}.{action.name}"
        for action in ACTIONS
        if (type(action).__name__, action.name) not in used
    ]
    assert not idle, "nothing records" + format_findings(idle)


def test_every_field_that_is_written_out_has_its_label() -> None:
    missing = {
        f'    "{key.value}": "…",   # {source.location(call)}'
        for source in read_sources(*OWN_PACKAGES)
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "audit.record"
        for keyword in call.keywords
        if keyword.arg in ("before", "after") and isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if isinstance(key, ast.Constant) and key.value not in labels.FIELDS
    }
    assert not missing, "add to FIELDS in config/audit/labels.py, in Chinese:" + format_findings(
        sorted(missing)
    )
