"""The demonstration: typeset as Chinese is, and what its texts tell people to write is answered."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import snapshots
from app.callback import dialogue
from app.snapshots import Snapshot
from keywords.rules.replies import Text
from keywords.rules.standard_texts import BUILTIN_TEXTS
from matrix.accounts import AccountSnapshot
from matrix.inbox import Outcome
from matrix.wechat import messages
from tests.app.content._sample_files import load
from tests.helpers.source_tree import ROOT

# what is asked here is the content, and SQL of its own it has none
pytestmark = pytest.mark.one_engine

DEMO = sorted((ROOT / "config" / "demo").glob("*.yaml"))
_HAN = "[\u4e00-\u9fff]"
_HALF_WIDTH = re.compile(rf"{_HAN}[,;:?!()\"]|[,;:?!()\"]{_HAN}|{_HAN}\.(?!\w)")
_TO_WRITE = re.compile("回复“([^”]+)”")
# places that no account of the demonstration has
_NOWHERE = re.compile("栏目|请?点击(?:下方|菜单|“)|微官网")


@pytest.fixture
def demo(rolled_back: None, now: datetime) -> Iterator[Snapshot]:
    """The demonstration in memory, as a web process has it."""
    load(DEMO, now)
    snapshots.reset()
    yield snapshots.current()
    snapshots.reset()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.stem)
def test_marks_are_those_of_chinese_and_no_text_leads_nowhere(path: Path) -> None:
    texts = list(_texts(yaml.safe_load(path.read_text("utf-8"))))

    assert [text for text in texts if _HALF_WIDTH.search(text)] == []
    assert [text for text in texts if _NOWHERE.search(text)] == []


def test_whatever_a_text_says_to_write_is_answered_at_that_account(
    demo: Snapshot, now: datetime
) -> None:
    asked: dict[tuple[str, str], Outcome] = {}
    for account in demo.accounts.values():
        for text in _texts_at(demo, account):
            for words in _TO_WRITE.findall(text):
                asked[account.name, words] = _outcome(demo, account, words, now)

    answered = {Outcome.RULE, Outcome.INFORMATION, Outcome.FOR_STAFF}
    assert ("华阴发布", "部门") in asked
    assert {each: outcome for each, outcome in asked.items() if outcome not in answered} == {}


def _texts_at(demo: Snapshot, account: AccountSnapshot) -> Iterator[str]:
    """All that the account may say by itself."""
    yield from (account.welcome, demo.ruleset.fallback_reply(account.id), *BUILTIN_TEXTS.values())
    for rule in demo.ruleset.rules_of(account.id):
        yield from (reply.content for reply in rule.replies if isinstance(reply, Text))


def _outcome(demo: Snapshot, account: AccountSnapshot, words: str, now: datetime) -> Outcome:
    push = messages.Text(content=words, message_id="1", to="gh_1", openid="o1", sent_at=now)
    return dialogue.answer(push, account, demo, now=now).outcome


def test_every_account_answers_commands_and_departments(demo: Snapshot, now: datetime) -> None:
    words = ("菜单", "部门", "帮助", "人工", "公安局", "人社局", "卫健委")
    outcomes = {
        _outcome(demo, account, each, now) for account in demo.accounts.values() for each in words
    }

    assert outcomes == {Outcome.RULE, Outcome.INFORMATION, Outcome.FOR_STAFF}
