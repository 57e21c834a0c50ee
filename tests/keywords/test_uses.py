"""Which rules a media name is used by."""

from collections.abc import Callable
from typing import Any

import pytest

from keywords import drafts, stored, uses
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
