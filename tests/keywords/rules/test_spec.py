"""Drafts: what a person may write, and how a refusal names the place."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.errors import Invalid
from keywords.rules import spec
from keywords.rules.replies import Choice
from keywords.rules.schedule import Days
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import InputKind, Keyword, MatchMode, RuleScope

DEMO = Path(__file__).parents[3] / "config/demo/keywords.yaml"
PLAIN = {
    "id": "police.id_card",
    "department": "police",
    "name": "身份证办理",
    "priority": 60,
    "exact": ["身份证"],
    "keywords": ["二代证"],
    "with": ["办"],
    "without": ["捡到"],
    "service": "svc-id-card",
    "reply": {"type": "text", "content": "请到派出所。"},
}
FULL = {
    "id": "city.night",
    "name": "夜间值班",
    "scope": "mandatory",
    "priority": 90,
    "keywords": [
        "值班",
        {"text": "NIGHT", "mode": "equal", "kind": "click"},
        {"text": "hall_", "mode": "prefix", "kind": "scan"},
    ],
    "together": ["晚上|夜里 电话"],
    "patterns": ["值.?班.*电话"],
    "weekdays": [5, 6],
    "hours": ["22:00-06:00"],
    "days": "restdays",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "overrides": "city.day",
    "state": "draft",
    "review_by": "2026-11-30",
    "choice": "all",
    "replies": [{"type": "text", "content": "一"}, {"type": "image", "media": "值班表"}],
}


def test_the_plain_shape_is_read() -> None:
    rule_spec = RuleSpec.parse(PLAIN)
    assert rule_spec.keywords == (
        Keyword("身份证", MatchMode.EQUAL),
        Keyword("二代证", MatchMode.CONTAINS),
    )
    assert (rule_spec.required, rule_spec.excluded) == (("办",), ("捡到",))
    assert (rule_spec.scope, rule_spec.state, rule_spec.choice) == (
        RuleScope.LOCAL,
        RuleState.LIVE,
        Choice.FIRST,
    )
    assert not rule_spec.schedule


def test_the_full_shape_is_read() -> None:
    rule_spec = RuleSpec.parse(FULL)
    assert Keyword("NIGHT", MatchMode.EQUAL, InputKind.CLICK) in rule_spec.keywords
    assert Keyword("hall_", MatchMode.PREFIX, InputKind.SCAN) in rule_spec.keywords
    assert rule_spec.schedule.days is Days.RESTDAYS
    assert rule_spec.schedule.weekdays == {5, 6}
    assert rule_spec.review_by == date(2026, 11, 30)
    assert rule_spec.state is RuleState.DRAFT


@pytest.mark.parametrize("shape", [PLAIN, FULL], ids=["plain", "full"])
def test_what_is_dumped_is_read_back_to_the_same(shape: Any) -> None:
    rule_spec = RuleSpec.parse(shape)
    assert RuleSpec.parse(rule_spec.dump()) == rule_spec
    assert RuleSpec.parse(rule_spec.dump()).dump() == rule_spec.dump()


def test_the_demo_rules_survive_export_and_load() -> None:
    listed = spec.parse_rules(yaml.safe_load(DEMO.read_text("utf-8")))
    written = yaml.safe_dump(
        {"version": 1, "rules": [rule.dump() for rule in listed]}, allow_unicode=True
    )
    assert spec.parse_rules(yaml.safe_load(written)) == listed


def test_a_rule_without_owner_is_the_citys_default() -> None:
    shape = {key: value for key, value in PLAIN.items() if key != "department"}
    assert RuleSpec.parse(shape).scope is RuleScope.DEFAULT


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "第 1 条 · id"),
        ({"id": "a b"}, "第 1 条 · id"),
        ({"name": ""}, "police.id_card · name"),
        ({"nmae": "x"}, "police.id_card · nmae"),
        ({"keywords": "身份证"}, "police.id_card · keywords"),
        ({"keywords": [12345]}, "police.id_card · keywords[1]"),
        ({"keywords": ["二代证", "！！"]}, "police.id_card · keywords[2]"),
        ({"keywords": ["证" * 65]}, "police.id_card · keywords[1]"),
        ({"keywords": [{"text": "x", "mode": "near"}]}, "police.id_card · mode"),
        ({"keywords": [{"text": "x", "typo": 1}]}, "police.id_card · keywords[1].typo"),
        ({"keywords": [], "exact": []}, "police.id_card · keywords"),
        ({"together": ["只有一组"]}, "police.id_card · together[1]"),
        ({"patterns": ["(未闭合"]}, "police.id_card · patterns[1]"),
        ({"patterns": [r"(a)\1"]}, "police.id_card · patterns[1]"),
        ({"patterns": ["a(?=b)"]}, "police.id_card · patterns[1]"),
        ({"patterns": [".*"]}, "police.id_card · patterns[1]"),
        ({"patterns": ["(((.{99}){99}){99}){99}"]}, "police.id_card · patterns[1]"),
        ({"patterns": ["办" * 257]}, "police.id_card · patterns[1]"),
        ({"without": [""]}, "police.id_card · without[1]"),
        ({"priority": 1000}, "police.id_card · priority"),
        ({"priority": True}, "police.id_card · priority"),
        ({"weekdays": [0]}, "police.id_card · weekdays"),
        ({"hours": ["25:00-26:00"]}, "police.id_card · hours[1]"),
        ({"hours": ["08:00-12:00", "下午"]}, "police.id_card · hours[2]"),
        ({"days": "holidays"}, "police.id_card · days"),
        ({"valid_from": "明天"}, "police.id_card · valid_from"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "police.id_card · valid_to"),
        ({"scope": "local", "department": None}, "police.id_card · scope"),
        ({"scope": "default", "account": "wx1"}, "police.id_card · scope"),
        ({"reply": {"type": "text"}}, "police.id_card · reply.content"),
        ({"reply": None, "replies": []}, "police.id_card · reply"),
        ({"state": "on"}, "police.id_card · state"),
    ],
)
def test_a_wrong_rule_is_refused_by_rule_and_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        spec.parse_rules({"rules": [PLAIN | changes]})
    assert refused.value.field == field
    assert refused.value.problem


@pytest.mark.parametrize("listed", [[], [PLAIN["reply"]] * 6, PLAIN["reply"]])
def test_a_rule_has_one_to_five_replies(listed: Any) -> None:
    shape = {name: value for name, value in PLAIN.items() if name != "reply"}
    with pytest.raises(Invalid) as refused:
        RuleSpec.parse(shape | {"replies": listed})
    assert refused.value.field == "police.id_card · replies"
    assert len(RuleSpec.parse(shape | {"replies": [PLAIN["reply"]] * 5}).replies) == 5


def test_one_id_stands_for_one_rule() -> None:
    with pytest.raises(Invalid) as refused:
        spec.parse_rules({"rules": [PLAIN, PLAIN]})
    assert refused.value.field == "police.id_card · id"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(spec.FIELDS), inner, max_size=5)
        ),
        max_leaves=12,
    )
)
def test_any_document_is_read_or_refused_in_words(document: Any) -> None:
    with suppress(Invalid):
        spec.parse_rules({"rules": [document]})
