"""What the demonstration leaves in the audit can be read by people who know no code."""

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from app import loading
from config.audit import Entry, reading, words
from config.database import session
from tests.fixtures.sources import ROOT, listed

DEMO = sorted((ROOT / "config" / "demo").glob("*.yaml"))


@pytest.fixture
def entries(rolled_back: None, now: datetime) -> list[Entry]:
    """Every change that loading the demonstration is."""
    loading.load(DEMO, now=now)
    session.flush()
    return list(session.scalars(select(Entry)))


def names(facts: Any) -> set[str]:
    """The names of all fields inside, at any depth."""
    if isinstance(facts, list):
        return set().union(*map(names, facts))
    if isinstance(facts, dict):
        return set(facts) | set().union(*map(names, facts.values()))
    return set()


def test_every_field_has_its_word(entries: list[Entry]) -> None:
    found = set().union(*(names(entry.after) for entry in entries))
    missing = {name for name in found - words.FIELDS.keys() if name.isascii()}
    assert not missing, "add to FIELDS in config/audit/words.py:" + listed(sorted(missing))


def test_every_code_word_is_translated(entries: list[Entry]) -> None:
    bare = {
        f"{change.field}: {change.after}"
        for entry in entries
        for change in reading.changes(entry)
        if change.field.rpartition(" · ")[2] in {words.FIELDS[name] for name in words.CODED}
        and re.fullmatch(r"[a-z_]+", change.after)
    }
    assert not bare, "add to VALUES in config/audit/words.py:" + listed(sorted(bare))
