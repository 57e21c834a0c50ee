"""Stored rules: what a change writes down, and what it refuses."""

from collections.abc import Callable
from datetime import date, time

import pytest
from sqlalchemy import select

from config import cache_versions
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from keywords.rules import store
from keywords.rules.replies import Image, Text
from keywords.rules.schedule import Days, Span
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.store import SlugTaken
from keywords.rules.values import InputKind, Keyword, MatchMode, RuleScope
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

DRAFT = RuleSpec(
    slug="police.id_card",
    name="身份证办理",
    keywords=(Keyword("身份证"), Keyword("ID", MatchMode.EQUAL, InputKind.CLICK)),
    replies=(Text("请到派出所。"), Image("派出所外景")),
    required=("办",),
    excluded=("捡到",),
    priority=60,
    weekdays=(1, 5),
    hours=(Span(time(22), time(6)),),
    days=Days.WORKDAYS,
    valid_from=date(2026, 1, 1),
    service="svc-id-card",
    review_by=date(2026, 12, 31),
)


def actions() -> list[str]:
    found = session.scalars(
        select(AuditEntry).where(AuditEntry.object_kind == "rule").order_by(AuditEntry.id)
    )
    return [entry.action for entry in found]


def test_a_stored_rule_lives_as_it_was_written(make_department: Callable[[str], int]) -> None:
    police = make_department("police")
    row = store.create(DRAFT, department_id=police, now=NOW)
    session.expire_all()

    assert store.load_live_rules() == (DRAFT.rule(id=row.id, department_id=police),)
    assert store.to_spec(store.get(row.id)) == DRAFT


def test_only_rules_in_force_answer() -> None:
    city = DRAFT.replace(scope=RuleScope.DEFAULT)
    for state in RuleState:
        store.create(city.replace(slug=f"city.{state}", state=state), now=NOW)

    assert [rule.slug for rule in store.load_live_rules()] == ["city.live"]
    assert len(store.list_all()) == 3


def test_every_change_is_audited_and_tells_the_processes() -> None:
    row = store.create(DRAFT.replace(scope=RuleScope.MANDATORY), now=NOW)
    before = cache_versions.current()[store.CACHE_KEY]
    changed = DRAFT.replace(scope=RuleScope.MANDATORY, name="身份证")

    row = store.update(row.id, changed, version=1, now=NOW)
    row = store.set_state(row.id, RuleState.OFF, version=2, now=NOW)
    store.delete(row.id, version=3)

    assert cache_versions.current()[store.CACHE_KEY] == before + 3
    assert actions() == ["rule.create", "rule.update", "rule.set_state", "rule.delete"]
    updated = session.scalars(select(AuditEntry).where(AuditEntry.action == "rule.update")).one()
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before["name"], updated.after["name"]) == ("身份证办理", "身份证")
    with pytest.raises(NotFound):
        store.get(row.id)


def test_a_change_from_an_old_version_is_refused() -> None:
    city = DRAFT.replace(scope=RuleScope.DEFAULT)
    row = store.create(city, now=NOW)
    store.update(row.id, city.replace(name="新名"), version=1, now=NOW)

    for late in (
        lambda: store.update(row.id, city, version=1, now=NOW),
        lambda: store.set_state(row.id, RuleState.OFF, version=1, now=NOW),
        lambda: store.delete(row.id, version=1),
    ):
        with pytest.raises(Stale):
            late()
    assert store.get(row.id).name == "新名"


def test_codes_are_unique_and_stay() -> None:
    city = DRAFT.replace(scope=RuleScope.DEFAULT)
    row = store.create(city, now=NOW)
    with pytest.raises(SlugTaken):
        store.create(city, now=NOW)
    with pytest.raises(Invalid):
        store.update(row.id, city.replace(slug="other"), version=1, now=NOW)


def test_a_rule_belongs_where_its_scope_allows(make_department: Callable[[str], int]) -> None:
    with pytest.raises(Invalid) as refused:
        store.create(DRAFT, now=NOW)
    assert refused.value.field == "police.id_card · scope"
    with pytest.raises(Invalid):
        store.create(DRAFT.replace(scope=RuleScope.MANDATORY), account_id=1, now=NOW)


def test_a_wrong_rule_is_refused_before_it_comes_here() -> None:
    with pytest.raises(Invalid) as refused:
        DRAFT.replace(keywords=(Keyword("(", MatchMode.PATTERN),))
    assert refused.value.field == "police.id_card · keywords[1]"
    with pytest.raises(Invalid):
        DRAFT.replace(replies=(Text("长" * 5001),))


def test_putting_the_same_rule_twice_changes_nothing(
    make_department: Callable[[str], int],
) -> None:
    police = make_department("police")
    assert store.upsert(DRAFT, department_id=police, now=NOW)
    numbers = cache_versions.current()
    assert not store.upsert(DRAFT, department_id=police, now=NOW)
    assert cache_versions.current() == numbers
    assert store.upsert(DRAFT.replace(priority=70), department_id=police, now=NOW)
    assert [rule.priority for rule in store.load_live_rules()] == [70]
