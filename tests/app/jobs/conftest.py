"""What the tests of jobs share: handlers that are registered, a simulated WeChat, one account."""

from collections.abc import Iterator

import pytest

from app.jobs import registry
from config import jobs
from tests.app.jobs._simulated_hub import Police, SimulatedHub
from tests.helpers.hub import Hub
from tests.helpers.wechat import StartSimulator


@pytest.fixture
def registered_jobs() -> Iterator[None]:
    """Every handler of the hub, and none afterwards."""
    registry.register()
    yield
    jobs.register(transactional={}, non_transactional={})


@pytest.fixture
def simulated_hub(hub: Hub, redis_url: str, start_simulator: StartSimulator) -> SimulatedHub:
    """The hub, with its accounts at a simulated WeChat."""
    return SimulatedHub(hub, start_simulator)


@pytest.fixture
def police(simulated_hub: SimulatedHub) -> Police:
    """The account that a test is about."""
    return Police(simulated_hub)
