"""The hub of the test with real processes in front of it; whoever asks starts them."""

import pytest

from config.database import transaction
from keywords import drafts, stored
from matrix import departments
from tests.fixtures import NOW
from tests.fixtures.hub import Hub
from tests.fixtures.processes import Processes
from tests.ways import wechat
from tests.ways.wechat import WeChat
from tests.ways.wire import RULES, Wire


@pytest.fixture
def wire(hub: Hub, processes: Processes) -> Wire:
    """How pushes reach the web process, once it runs."""
    with transaction():
        for draft in drafts.parse({"rules": RULES}):
            owner = departments.by_code(draft.department)
            stored.put(draft, department_id=owner.id, now=NOW)
    return Wire(hub, processes.url)


@pytest.fixture
def platform(hub: Hub, processes: Processes) -> WeChat:
    """The running simulator with the accounts of the hub."""
    return wechat.start(processes, hub)
