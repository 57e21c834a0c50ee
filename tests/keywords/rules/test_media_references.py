"""Which rules a media name is used by."""

from collections.abc import Callable
from typing import Any

import pytest

from keywords.publishing import workflow
from keywords.rules import media_references, replies, spec, store
from keywords.rules.spec import RuleState
from tests.helpers import NOW

MakeRule = Callable[..., store.RuleRow]


@pytest.fixture
def make_rule(rolled_back: None) -> MakeRule:
    """Write a rule of the whole city."""

    def make(code: str, *replies: dict[str, Any], state: str = "live") -> store.RuleRow:
        shape = {
            "id": code,
            "name": f"规则 {code}",
            "scope": "default",
            "keywords": [code],
            "replies": list(replies),
            "state": state,
        }
        (rule_spec,) = spec.parse_rules({"rules": [shape]})
        return store.create(rule_spec, now=NOW)

    return make


def test_every_rule_that_sends_a_file_is_told_with_its_state(make_rule: MakeRule) -> None:
    text = {"type": "text", "content": '"media": "大厅图"'}
    picture = {"type": "image", "media": "大厅图"}
    make_rule("a", text, picture)
    make_rule("b", picture, {"type": "music", "thumb": "封面", "url": "https://x.cn/a.mp3"})
    make_rule("c", picture, state="draft")
    make_rule("d", text)

    found = media_references.by_media_name()

    assert {name: [(use.name, use.state) for use in listed] for name, listed in found.items()} == {
        "大厅图": [
            ("规则 a", RuleState.LIVE),
            ("规则 b", RuleState.LIVE),
            ("规则 c", RuleState.DRAFT),
        ],
        "封面": [("规则 b", RuleState.LIVE)],
    }


def test_a_file_that_is_only_proposed_is_in_use_as_well(make_rule: MakeRule) -> None:
    row = make_rule("a", {"type": "text", "content": "在一楼。"})
    said = store.to_spec(row)
    rule_spec = said.replace(replies=(replies.Image("大厅图"),))

    for _ in range(2):
        version = workflow.save_draft(
            rule_spec,
            rule_id=row.id,
            base_lock_version=None,
            department_id=None,
            account_id=None,
            author_id=None,
            now=NOW,
        )
    assert [use.rule_id for use in media_references.by_media_name()["大厅图"]] == [row.id]

    workflow.withdraw(version.id, now=NOW)
    assert media_references.by_media_name() == {}
