"""WeChat, as the simulator plays it in this process."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

import simulator
from config import settings
from simulator.platform import Platform

_API = ("WECHAT_API_URL", "WECHAT_OPEN_URL")


@dataclass(frozen=True)
class RunningSimulator:
    """A running simulator: where it answers, and everything it knows."""

    url: str
    platform: Platform


StartSimulator = Callable[..., RunningSimulator]


@pytest.fixture
def start_simulator() -> Iterator[StartSimulator]:
    """Call it with accounts (mappings in the shape of config/demo/accounts.yaml).

    `callback_base` is where it pushes to. From then on it is the WeChat of this process.
    """
    before = {name: os.environ[name] for name in _API}
    with ExitStack() as running:

        def simulate(
            accounts: Iterable[dict[str, Any]], *, callback_base: str = "http://127.0.0.1:9"
        ) -> RunningSimulator:
            app = simulator.create(accounts, callback_base=callback_base)
            url = running.enter_context(simulator.run(app))
            os.environ.update(dict.fromkeys(_API, url))
            settings.reset()
            return RunningSimulator(url, simulator.platform_of(app))

        yield simulate
    os.environ.update(before)
    settings.reset()
