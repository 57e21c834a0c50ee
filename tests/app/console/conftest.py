"""What several tests of the console ask for: people at the police, and the simulated WeChat."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.app.console.rules import typed
from tests.app.console.simulation import WeChat
from tests.fixtures.console import Client, Desk
from tests.fixtures.simulated import Simulate


@pytest.fixture
def police(desk: Desk) -> int:
    """The department of the police."""
    made = desk.department_id("police")
    assert made is not None
    return made


@pytest.fixture
def editor(desk: Desk) -> Client:
    """An editor of the police."""
    return desk.client("editor", "police")


@pytest.fixture
def reviewer(desk: Desk) -> Client:
    """A reviewer of the police."""
    return desk.client("reviewer_office", "police")


@pytest.fixture
def write(editor: Client, police: int) -> Callable[..., int]:
    """Write a rule as the editor. Gives its id."""

    def made(**changed: Any) -> int:
        answer = editor.post("/console/rules/new", typed(police, **changed))
        assert answer.status_code == 303, answer.text
        found = re.search(r"/(\d+)", answer.location)
        assert found is not None
        return int(found[1])

    return made


@pytest.fixture
def wechat(desk: Desk, simulated: Simulate) -> WeChat:
    """The accounts of the desk at the simulated WeChat."""
    return WeChat(desk, simulated)
