"""Which rules a media name is used by."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keywords import drafts, replies, stored, uses, versions
from keywords.drafts import State
from tests.fixtures import NOW

MakeRule = Callable[..., stored.StoredRule]


@pytest.fixture
def make_rule(rolled_back: None) -> MakeRule:
    """Write a rule of the whole city."""

    def make(code: str, *replies: dict[str, Any], state: str = "live") -> stored.StoredRule:
        shape = {
            "id": code,
            "name": f"规则 {code}",
            "scope": "default",
            "keywords": [code],
            "replies": list(replies),
            "state": state,
        }
        (draft,) = drafts.parse({"rules": [shape]})
        return stored.create(draft, now=NOW)

    return make


def test_every_rule_that_sends_a_file_is_told_with_its_state(make_rule: MakeRule) -> None:
    text = {"type": "text", "content": '"media": "大厅图"'}
    picture = {"type": "image", "media": "大厅图"}
    make_rule("a", text, picture)
    make_rule("b", picture, {"type": "music", "thumb": "封面", "url": "https://x.cn/a.mp3"})
    make_rule("c", picture, state="draft")
    make_rule("d", text)

    found = uses.of_media()

    assert {name: [(use.name, use.state) for use in listed] for name, listed in found.items()} == {
        "大厅图": [
            ("规则 a", State.LIVE),
            ("规则 b", State.LIVE),
            ("规则 c", State.DRAFT),
        ],
        "封面": [("规则 b", State.LIVE)],
    }


def test_a_file_that_is_only_proposed_is_in_use_as_well(make_rule: MakeRule) -> None:
    row = make_rule("a", {"type": "text", "content": "在一楼。"})
    said = stored.to_draft(row)
    draft = replace(said, replies=replies.parse_all([{"type": "image", "media": "大厅图"}]))

    for _ in range(2):
        version = versions.save(
            draft,
            rule_id=row.id,
            base=None,
            department_id=None,
            account_id=None,
            author_id=None,
            now=NOW,
        )
    assert [use.rule_id for use in uses.of_media()["大厅图"]] == [row.id]

    versions.withdraw(version.id, now=NOW)
    assert uses.of_media() == {}
