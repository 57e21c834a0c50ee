"""Stored rules: what a change writes down, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time

import pytest
from sqlalchemy import select

from config import revisions
from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from keywords import stored
from keywords.drafts import RuleDraft, State
from keywords.replies import Image, Text
from keywords.rules import Keyword, Kind, Mode, Scope
from keywords.schedule import Days, Schedule, Span
from keywords.stored import CodeTaken, RuleChanged
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

DRAFT = RuleDraft(
    code="police.id_card",
    name="身份证办理",
    keywords=(Keyword("身份证"), Keyword("ID", Mode.EQUAL, Kind.CLICK)),
    replies=(Text("请到派出所。"), Image("派出所外景")),
    required=("办",),
    excluded=("捡到",),
    priority=60,
    schedule=Schedule(
        weekdays=frozenset({1, 5}),
        hours=(Span(time(22), time(6)),),
        days=Days.WORKDAYS,
        valid_from=date(2026, 1, 1),
    ),
    service="svc-id-card",
    review_by=date(2026, 12, 31),
)


def actions() -> list[str]:
    found = session.scalars(select(Entry).where(Entry.object_kind == "rule").order_by(Entry.id))
    return [entry.action for entry in found]


def test_a_stored_rule_lives_as_it_was_written(make_department: Callable[[str], int]) -> None:
    police = make_department("police")
    row = stored.create(DRAFT, department_id=police, now=NOW)
    session.expire_all()

    assert stored.live() == (DRAFT.rule(id=row.id, department_id=police),)
    assert stored.to_draft(stored.get(row.id)) == DRAFT


def test_only_rules_in_force_answer() -> None:
    city = replace(DRAFT, scope=Scope.DEFAULT)
    for state in State:
        stored.create(replace(city, code=f"city.{state}", state=state), now=NOW)

    assert [rule.code for rule in stored.live()] == ["city.live"]
    assert len(stored.listed()) == 3


def test_every_change_is_audited_and_tells_the_processes() -> None:
    row = stored.create(replace(DRAFT, scope=Scope.MANDATORY), now=NOW)
    before = revisions.current()[stored.REVISION]
    changed = replace(DRAFT, scope=Scope.MANDATORY, name="身份证")

    row = stored.update(row.id, changed, version=1, now=NOW)
    row = stored.switch(row.id, State.OFF, version=2, now=NOW)
    stored.delete(row.id, version=3)

    assert revisions.current()[stored.REVISION] == before + 3
    assert actions() == ["rule.created", "rule.updated", "rule.switched", "rule.deleted"]
    updated = session.scalars(select(Entry).where(Entry.action == "rule.updated")).one()
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before["name"], updated.after["name"]) == ("身份证办理", "身份证")
    with pytest.raises(NotFound):
        stored.get(row.id)


def test_a_change_from_an_old_version_is_refused() -> None:
    city = replace(DRAFT, scope=Scope.DEFAULT)
    row = stored.create(city, now=NOW)
    stored.update(row.id, replace(city, name="新名"), version=1, now=NOW)

    for late in (
        lambda: stored.update(row.id, city, version=1, now=NOW),
        lambda: stored.switch(row.id, State.OFF, version=1, now=NOW),
        lambda: stored.delete(row.id, version=1),
    ):
        with pytest.raises(RuleChanged):
            late()
    assert stored.get(row.id).name == "新名"


def test_codes_are_unique_and_stay() -> None:
    city = replace(DRAFT, scope=Scope.DEFAULT)
    row = stored.create(city, now=NOW)
    with pytest.raises(CodeTaken):
        stored.create(city, now=NOW)
    with pytest.raises(Invalid):
        stored.update(row.id, replace(city, code="other"), version=1, now=NOW)


def test_a_rule_belongs_where_its_scope_allows(make_department: Callable[[str], int]) -> None:
    with pytest.raises(Invalid) as refused:
        stored.create(DRAFT, now=NOW)
    assert refused.value.field == "police.id_card · scope"
    with pytest.raises(Invalid):
        stored.create(replace(DRAFT, scope=Scope.MANDATORY), account_id=1, now=NOW)


def test_a_wrong_draft_from_the_console_is_refused() -> None:
    wrong = replace(DRAFT, scope=Scope.DEFAULT, keywords=(Keyword("(", Mode.PATTERN),))
    with pytest.raises(Invalid):
        stored.create(wrong, now=NOW)
    assert stored.listed() == []


def test_putting_the_same_rule_twice_changes_nothing(
    make_department: Callable[[str], int],
) -> None:
    police = make_department("police")
    assert stored.put(DRAFT, department_id=police, now=NOW)
    numbers = revisions.current()
    assert not stored.put(DRAFT, department_id=police, now=NOW)
    assert revisions.current() == numbers
    assert stored.put(replace(DRAFT, priority=70), department_id=police, now=NOW)
    assert [rule.priority for rule in stored.live()] == [70]
