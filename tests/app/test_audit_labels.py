"""What the demonstration leaves in the audit can be read by people who know no code."""

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from app import content
from config.audit import AuditEntry, diff, labels
from config.database import session
from tests.helpers.source_tree import ROOT, format_findings

DEMO = sorted((ROOT / "config" / "demo").glob("*.yaml"))


@pytest.fixture
def entries(rolled_back: None, now: datetime) -> list[AuditEntry]:
    """Every change that loading the demonstration is."""
    content.load(DEMO, now=now)
    session.flush()
    return list(session.scalars(select(AuditEntry)))


def names(facts: Any) -> set[str]:
    """The names of all fields inside, at any depth."""
    if isinstance(facts, list):
        return set().union(*map(names, facts))
    if isinstance(facts, dict):
        return set(facts) | set().union(*map(names, facts.values()))
    return set()


def test_every_field_has_its_label(entries: list[AuditEntry]) -> None:
    found = set().union(*(names(entry.after) for entry in entries))
    missing = {name for name in found - labels.FIELDS.keys() if name.isascii()}
    assert not missing, "add to FIELDS in config/audit/labels.py:" + format_findings(
        sorted(missing)
    )


def test_every_value_is_translated(entries: list[AuditEntry]) -> None:
    bare = {
        f"{change.field}: {change.after}"
        for entry in entries
        for change in diff.changes(entry)
        if change.field.rpartition(" · ")[2] in {labels.FIELDS[name] for name in labels.ENUM_FIELDS}
        and re.fullmatch(r"[a-z_]+", change.after)
    }
    assert not bare, "add to VALUES in config/audit/labels.py:" + format_findings(sorted(bare))
