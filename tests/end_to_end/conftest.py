"""The hub of the test with real processes in front of it; whoever asks starts them."""

import pytest

from config.database import transaction
from keywords.rules import spec, store
from matrix import departments
from tests.end_to_end import _simulator_client
from tests.end_to_end._load_client import RULES, LoadClient
from tests.end_to_end._simulator_client import SimulatorClient
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes


@pytest.fixture
def load_client(hub: Hub, processes: Processes) -> LoadClient:
    """How pushes reach the web process, once it runs."""
    with transaction():
        for rule_spec in spec.parse_rules({"rules": RULES}):
            owner = departments.get_by_slug(rule_spec.department)
            store.upsert(rule_spec, department_id=owner.id, now=NOW)
    return LoadClient(hub, processes.url)


@pytest.fixture
def simulator(hub: Hub, processes: Processes) -> SimulatorClient:
    """The running simulator with the accounts of the hub."""
    return _simulator_client.start_simulator(processes, hub)
