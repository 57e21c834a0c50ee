"""What several tests of the console ask for: people at the police, and the simulated WeChat."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.app.console._simulated_wechat import SimulatedWeChat
from tests.app.console.rules._rule_form import rule_form
from tests.helpers.console import Client, Console
from tests.helpers.wechat import StartSimulator


@pytest.fixture
def police(console: Console) -> int:
    """The department of the police."""
    made = console.department_id("police")
    assert made is not None
    return made


@pytest.fixture
def editor(console: Console) -> Client:
    """An editor of the police."""
    return console.client("editor", "police")


@pytest.fixture
def reviewer(console: Console) -> Client:
    """A reviewer of the police."""
    return console.client("reviewer_office", "police")


@pytest.fixture
def write_rule(editor: Client, police: int) -> Callable[..., int]:
    """Write a rule as the editor. Gives its id."""

    def made(**changed: Any) -> int:
        answer = editor.post("/console/rules/new", rule_form(police, **changed))
        assert answer.status_code == 303, answer.text
        found = re.search(r"/(\d+)", answer.location)
        assert found is not None
        return int(found[1])

    return made


@pytest.fixture
def wechat(console: Console, start_simulator: StartSimulator) -> SimulatedWeChat:
    """The accounts of the desk at the simulated WeChat."""
    return SimulatedWeChat(console, start_simulator)
