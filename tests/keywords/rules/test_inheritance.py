"""Placement and differences: what a page shows of rules, as plain values."""

from datetime import date, time
from typing import Any

from keywords.publishing import diff
from keywords.publishing.diff import FieldDiff
from keywords.rules import inheritance
from keywords.rules.inheritance import AccountPosition, RuleOrigin
from keywords.rules.replies import News, Text
from keywords.rules.schedule import Span
from keywords.rules.spec import RuleSpec
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule, RuleScope

REACH = AccountPosition(7, (2, 3), (1,))


def rule(
    code: str, department: int | None, scope: RuleScope = RuleScope.LOCAL, **more: Any
) -> Rule:
    given = {"department_id": department, "scope": scope, **more}
    return Rule(code, code, (Keyword("词"),), (Text("答"),), **given)


def test_every_rule_says_from_where_it_comes_and_what_it_overrides() -> None:
    default = rule("city.default", None, RuleScope.DEFAULT)
    own = rule("own", None, account_id=7, overrides="city.default")
    rules = [
        default,
        own,
        rule("city.must", None, RuleScope.MANDATORY),
        rule("department", 2),
        rule("below", 3),
        rule("above.local", 1),
        rule("noise", 9),
    ]
    found = {one.rule.slug: one for one in inheritance.list_with_origin(rules, REACH)}
    assert {code: one.origin for code, one in found.items()} == {
        "own": RuleOrigin.ACCOUNT,
        "department": RuleOrigin.DEPARTMENT,
        "below": RuleOrigin.BELOW,
        "city.must": RuleOrigin.MANDATORY,
        "city.default": RuleOrigin.DEFAULT,
    }
    assert found["own"].overrides == default
    assert found["city.default"].overridden_by == own
    assert next(iter(found)) == "own"


def test_what_a_department_below_overrides_gives_way_here() -> None:
    default = rule("default", 2, RuleScope.DEFAULT)
    below = rule("below", 3, overrides="default")
    found = {one.rule.slug: one for one in inheritance.list_with_origin([default, below], REACH)}
    assert found["below"].overridden_by == default
    assert found["default"].overridden_by is None


DRAFT = RuleSpec(
    slug="card",
    name="身份证",
    keywords=(Keyword("身份证"), Keyword("户口", MatchMode.EQUAL)),
    replies=(Text("请到派出所。"),),
)


def test_a_difference_says_what_was_added_and_removed() -> None:
    after = DRAFT.replace(
        name="身份证办理",
        keywords=(Keyword("身份证"), Keyword("ID", MatchMode.EQUAL, InputKind.CLICK)),
        replies=(News("网上办", "https://example.org/"),),
        hours=(Span(time(9), time(17)),),
        valid_from=date(2026, 5, 1),
    )
    assert diff.compare(DRAFT, after, owner_before="公安局", owner_after="公安局") == (
        FieldDiff("name", before="身份证", after="身份证办理"),
        FieldDiff(
            "keywords",
            removed=("户口（整句相同）",),
            added=("ID（菜单，整句相同）",),
            unchanged=("身份证（包含）",),
        ),
        FieldDiff("hours", added=("09:00-17:00",)),
        FieldDiff("valid_from", after="2026-05-01"),
        FieldDiff(
            "replies", removed=("请到派出所。",), added=("[图文] 网上办 · https://example.org/",)
        ),
    )
    assert diff.compare(DRAFT, DRAFT) == ()


def test_a_new_rule_is_new_in_every_field_it_fills() -> None:
    fields = [one.field for one in diff.compare(None, DRAFT, owner_after="公安局")]
    assert fields == [
        "name", "owner", "scope", "keywords", "priority", "days", "choice", "replies",
    ]  # fmt: skip
