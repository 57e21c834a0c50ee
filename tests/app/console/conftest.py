"""What several tests of the console ask for: people at the police, and the simulated WeChat."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config import settings
from tests.app.console import recording
from tests.app.console._simulated_wechat import SimulatedWeChat
from tests.app.console.recording import Recording
from tests.app.console.rules._rule_form import rule_form
from tests.helpers.console import ADDRESS, Client, Console
from tests.helpers.databases import Server, once_in_run
from tests.helpers.route_samples import Samples
from tests.helpers.wechat import StartSimulator

Recorded = Callable[..., Recording]


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


@pytest.fixture
def recorded(
    console: Console,
    route_samples: Samples,
    database_server: Server,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Recorded:
    """Call it for all pages as the city's administrator sees them, opened once in a run.

    `address` is where the hub says it is reached.
    """

    def pages(address: str = ADDRESS) -> Recording:
        name = f"{database_server.name}_pages_{address.partition(':')[0]}"
        kept = run_folder / name
        with once_in_run(run_folder, name) as is_first:
            if is_first:
                monkeypatch.setenv("PUBLIC_URL", address)
                settings.reset()
                kept.write_bytes(pickle.dumps(recording.record(console, route_samples)))
                monkeypatch.setenv("PUBLIC_URL", ADDRESS)
                settings.reset()
        found: Recording = pickle.loads(kept.read_bytes())
        return found

    return pages
