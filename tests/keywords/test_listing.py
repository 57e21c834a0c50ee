"""The list: what staff see of the rules, and what they do not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from config import database
from config.tenancy import Area, Member, Right
from keywords import listing, stored, versions
from keywords.drafts import RuleDraft, State
from keywords.history import RuleVersion
from keywords.listing import Filters, Overdue, Standing
from keywords.replies import News, Text
from keywords.rules import Keyword, Mode, Scope
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

ANNA, BO = 1, 2
DRAFT = RuleDraft("x", "身份证办理", (Keyword("身份证"),), (Text("请到派出所。"),))


@dataclass
class City:
    """Two departments with rules, and Anna who works in one of them."""

    police: int
    water: int
    anna: Member


@pytest.fixture
def city(make_department: Callable[[str], int]) -> City:
    """Rules of two departments and of the whole city."""
    police, water = make_department("police"), make_department("water")
    area = Area(departments=frozenset({police}))
    anna = Member(ANNA, "", {Right.RULES_READ: area, Right.RULES_REVIEW: area})
    put("police.card", police)
    put("police.off", police, state=State.OFF)
    put("water.noise", water)
    put("city.noise", None, scope=Scope.DEFAULT)
    return City(police, water, anna)


def put(code: str, department: int | None, **changed: Any) -> int:
    draft = replace(DRAFT, code=code, **changed)
    stored.put(draft, department_id=department, now=NOW)
    row = stored.by_code(code)
    assert row is not None
    return row.id


def edit(rule_id: int, department: int, name: str, by: int = ANNA) -> RuleVersion:
    row = stored.get(rule_id)
    return versions.save(
        replace(stored.to_draft(row), name=name),
        rule_id=rule_id,
        base=None,
        department_id=department,
        account_id=None,
        author_id=by,
        now=NOW,
    )


def found(member: Member, **asked: Any) -> list[str]:
    filters = Filters(**asked)
    codes = sorted(line.rule.code for line in listing.for_staff(member, filters))
    assert listing.count_for_staff(member, filters) == len(codes)
    return codes


def test_a_member_sees_the_rules_of_the_own_area_only(city: City) -> None:
    assert found(city.anna) == ["police.card", "police.off"]
    assert found(Member(3, "")) == []
    everywhere = Member(4, "", {Right.RULES_READ: Area(everywhere=True)})
    assert len(found(everywhere)) == 4
    assert found(everywhere, scope=Scope.DEFAULT) == ["city.noise"]
    assert found(everywhere, department_ids=[city.water]) == ["water.noise"]


def test_the_words_of_a_rule_are_found_in_whatever_shape(city: City) -> None:
    put(
        "police.motor",
        city.police,
        name="车辆年检",
        keywords=(Keyword("ＥＴＣ"), Keyword("车.*检", Mode.PATTERN)),
        replies=(News("網上預約", "https://example.org/"),),
        samples=("车检要带啥",),
    )
    for text in ("etc", "年检 网上预约", "带啥", "police.motor"):
        assert found(city.anna, text=text) == ["police.motor"], text
    assert found(city.anna, text="没有") == []
    assert found(city.anna, text="%") == found(city.anna)


def test_rules_are_found_by_where_they_stand(city: City) -> None:
    card, returned = put("police.card", city.police), put("police.returned", city.police)
    new = versions.save(
        replace(DRAFT, code="police.new"),
        rule_id=None,
        base=None,
        department_id=city.police,
        account_id=None,
        author_id=ANNA,
        now=NOW,
    )
    edit(put("police.edited", city.police), city.police, "新名")
    versions.submit(edit(card, city.police, "新名").id, by=ANNA, now=NOW)
    back = versions.submit(edit(returned, city.police, "新名").id, by=ANNA, now=NOW)
    versions.reject(back.id, "不行", by=BO, now=NOW)

    assert found(city.anna, standing=Standing.NEW) == ["police.new"]
    assert found(city.anna, standing=Standing.OFF) == ["police.off"]
    assert found(city.anna, standing=Standing.WAITING) == ["police.card"]
    assert found(city.anna, standing=Standing.EDITED) == ["police.edited"]
    assert found(city.anna, standing=Standing.RETURNED) == ["police.returned"]
    assert "police.card" in found(city.anna, standing=Standing.LIVE)
    assert new.rule_id not in {rule.id for rule in stored.live()}

    assert [one.rule_id for one in listing.waiting_for_review(city.anna)] == [card]
    assert [one.comment for one in listing.returned_to(city.anna)] == ["不行"]
    edit(returned, city.police, "又改")
    assert listing.returned_to(city.anna) == []
    assert found(city.anna, standing=Standing.RETURNED) == []


def test_rules_that_never_answered_and_rules_past_their_date_are_found(city: City) -> None:
    put("police.old", city.police, review_by=date(2026, 3, 1))
    put("police.off", city.police, review_by=date(2026, 3, 1), state=State.OFF)
    stored.note_hits({"police.card": date(2026, 3, 9), "police.gone": date(2026, 3, 9)})
    stored.note_hits({"police.card": date(2026, 3, 8)})

    assert found(city.anna, unheard=True) == ["police.old"]
    assert found(city.anna, due_on=date(2026, 3, 10)) == ["police.old"]
    assert listing.overdue(date(2026, 3, 10)) == [Overdue(city.police, None, 1)]
    row = stored.by_code("police.card")
    assert row is not None
    assert row.last_hit_on == date(2026, 3, 9)


def test_pages_follow_each_other(city: City) -> None:
    for number in range(5):
        stored.put(
            replace(DRAFT, code=f"police.{number}"),
            department_id=city.police,
            now=NOW + timedelta(minutes=number),
        )
    first = listing.for_staff(city.anna, Filters(), limit=3)
    second = listing.for_staff(city.anna, Filters(), offset=3, limit=3)
    codes = [line.rule.code for line in (*first, *second)]
    assert codes[:5] == [f"police.{number}" for number in (4, 3, 2, 1, 0)]
    assert len(set(codes)) == 6
    assert all(line.newest is not None and line.newest.number == 1 for line in first)


def test_a_longer_page_asks_no_more_queries(city: City) -> None:
    asked: list[str] = []

    @event.listens_for(database.engine(), "before_cursor_execute")
    def count(*given: object) -> None:
        asked.append(str(given[2]))

    listing.for_staff(city.anna, Filters(), limit=1)
    short = len(asked)
    listing.for_staff(city.anna, Filters(), limit=50)
    event.remove(database.engine(), "before_cursor_execute", count)
    assert len(asked) == 2 * short
