"""What several tests of the console's pages ask for."""

import pytest

from tests.app.console.simulation import WeChat
from tests.fixtures.console import Desk
from tests.fixtures.simulated import Simulate


@pytest.fixture
def wechat(desk: Desk, simulated: Simulate) -> WeChat:
    """The accounts of the desk at the simulated WeChat."""
    return WeChat(desk, simulated)
