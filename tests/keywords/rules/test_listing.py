"""The list: what staff see of the rules, and what they do not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from config import database
from config.permissions import Permission, PermissionScope, Principal
from keywords.publishing import workflow
from keywords.rules import listing, store
from keywords.rules.listing import ListStatus, OverdueCount, RuleFilters
from keywords.rules.replies import News, Text
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import Keyword, MatchMode, RuleScope
from keywords.rules.versions import RuleVersion
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

ANNA, BO = 1, 2
DRAFT = RuleSpec(
    slug="x", name="身份证办理", keywords=(Keyword("身份证"),), replies=(Text("请到派出所。"),)
)


@dataclass
class City:
    """Two departments with rules, and Anna who works in one of them."""

    police: int
    water: int
    anna: Principal


@pytest.fixture
def city(make_department: Callable[[str], int]) -> City:
    """Rules of two departments and of the whole city."""
    police, water = make_department("police"), make_department("water")
    area = PermissionScope(departments=frozenset({police}))
    anna = Principal(ANNA, "", {Permission.RULES_READ: area, Permission.RULES_REVIEW: area})
    put("police.card", police)
    put("police.off", police, state=RuleState.OFF)
    put("water.noise", water)
    put("city.noise", None, scope=RuleScope.DEFAULT)
    return City(police, water, anna)


def put(code: str, department: int | None, **changed: Any) -> int:
    rule_spec = DRAFT.replace(slug=code, **changed)
    store.upsert(rule_spec, department_id=department, now=NOW)
    row = store.find_by_slug(code)
    assert row is not None
    return row.id


def edit(rule_id: int, department: int, name: str, by: int = ANNA) -> RuleVersion:
    row = store.get(rule_id)
    return workflow.save_draft(
        store.to_spec(row).replace(name=name),
        rule_id=rule_id,
        base_lock_version=None,
        department_id=department,
        account_id=None,
        author_id=by,
        now=NOW,
    )


def found(member: Principal, **asked: Any) -> list[str]:
    filters = RuleFilters(**asked)
    codes = sorted(line.rule.slug for line in listing.list_for_staff(member, filters))
    assert listing.count_for_staff(member, filters) == len(codes)
    return codes


def test_a_member_sees_the_rules_of_the_own_area_only(city: City) -> None:
    assert found(city.anna) == ["police.card", "police.off"]
    assert found(Principal(3, "")) == []
    everywhere = Principal(4, "", {Permission.RULES_READ: PermissionScope(everywhere=True)})
    assert len(found(everywhere)) == 4
    assert found(everywhere, scope=RuleScope.DEFAULT) == ["city.noise"]
    assert found(everywhere, department_ids=[city.water]) == ["water.noise"]


def test_the_words_of_a_rule_are_found_in_whatever_shape(city: City) -> None:
    put(
        "police.motor",
        city.police,
        name="车辆年检",
        keywords=(Keyword("ＥＴＣ"), Keyword("车.*检", MatchMode.PATTERN)),
        replies=(News("網上預約", "https://example.org/"),),
        samples=("车检要带啥",),
    )
    for text in ("etc", "年检 网上预约", "带啥", "police.motor"):
        assert found(city.anna, text=text) == ["police.motor"], text
    assert found(city.anna, text="没有") == []
    assert found(city.anna, text="%") == found(city.anna)


def test_rules_are_found_by_where_they_stand(city: City) -> None:
    card, returned = put("police.card", city.police), put("police.returned", city.police)
    new = workflow.save_draft(
        DRAFT.replace(slug="police.new"),
        rule_id=None,
        base_lock_version=None,
        department_id=city.police,
        account_id=None,
        author_id=ANNA,
        now=NOW,
    )
    edit(put("police.edited", city.police), city.police, "新名")
    workflow.submit(edit(card, city.police, "新名").id, submitter_id=ANNA, now=NOW)
    back = workflow.submit(edit(returned, city.police, "新名").id, submitter_id=ANNA, now=NOW)
    workflow.reject(back.id, "不行", reviewer_id=BO, now=NOW)

    assert found(city.anna, status=ListStatus.NEW) == ["police.new"]
    assert found(city.anna, status=ListStatus.OFF) == ["police.off"]
    assert found(city.anna, status=ListStatus.WAITING) == ["police.card"]
    assert found(city.anna, status=ListStatus.EDITED) == ["police.edited"]
    assert found(city.anna, status=ListStatus.RETURNED) == ["police.returned"]
    assert "police.card" in found(city.anna, status=ListStatus.LIVE)
    assert new.rule_id not in {rule.id for rule in store.load_live_rules()}

    assert [one.rule_id for one in listing.list_waiting_for_review(city.anna)] == [card]
    assert [one.comment for one in listing.list_returned_to(city.anna)] == ["不行"]
    edit(returned, city.police, "又改")
    assert listing.list_returned_to(city.anna) == []
    assert found(city.anna, status=ListStatus.RETURNED) == []


def test_rules_that_never_answered_and_rules_past_their_date_are_found(city: City) -> None:
    put("police.old", city.police, review_by=date(2026, 3, 1))
    put("police.off", city.police, review_by=date(2026, 3, 1), state=RuleState.OFF)
    store.record_hit_days({"police.card": date(2026, 3, 9), "police.gone": date(2026, 3, 9)})
    store.record_hit_days({"police.card": date(2026, 3, 8)})

    assert found(city.anna, never_hit=True) == ["police.old"]
    assert found(city.anna, review_due_before=date(2026, 3, 10)) == ["police.old"]
    assert listing.count_overdue(date(2026, 3, 10)) == [OverdueCount(city.police, None, 1)]
    row = store.find_by_slug("police.card")
    assert row is not None
    assert row.last_hit_on == date(2026, 3, 9)


def test_pages_follow_each_other(city: City) -> None:
    for number in range(5):
        store.upsert(
            DRAFT.replace(slug=f"police.{number}"),
            department_id=city.police,
            now=NOW + timedelta(minutes=number),
        )
    first = listing.list_for_staff(city.anna, RuleFilters(), limit=3)
    second = listing.list_for_staff(city.anna, RuleFilters(), offset=3, limit=3)
    codes = [line.rule.slug for line in (*first, *second)]
    assert codes[:5] == [f"police.{number}" for number in (4, 3, 2, 1, 0)]
    assert len(set(codes)) == 6
    assert all(line.newest is not None and line.newest.number == 1 for line in first)


def test_a_longer_page_asks_no_more_queries(city: City) -> None:
    asked: list[str] = []

    @event.listens_for(database.engine(), "before_cursor_execute")
    def count(*given: object) -> None:
        asked.append(str(given[2]))

    listing.list_for_staff(city.anna, RuleFilters(), limit=1)
    short = len(asked)
    listing.list_for_staff(city.anna, RuleFilters(), limit=50)
    event.remove(database.engine(), "before_cursor_execute", count)
    assert len(asked) == 2 * short
