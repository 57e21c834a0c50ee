"""Redis: a real server, that a test may stop, start again and kill."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from config import cache, settings
from tests.helpers import subprocesses
from tools import embedded_redis


class RedisServer:
    """One server on a socket of its own; `url` stays the same when it is started again."""

    def __init__(self) -> None:
        # not under pytest's folder: a socket's path must be short
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        log = self.folder / "log"
        self._process = subprocesses.start(embedded_redis.command(self.socket), log=log)
        subprocesses.wait_until(self._answers, process=self._process, log=log)

    def stop(self) -> None:
        """Let it end in order."""
        assert self._process is not None
        subprocesses.stop(self._process)

    def kill(self) -> None:
        """Kill it; its socket stays behind as a dead file."""
        assert self._process is not None
        subprocesses.kill(self._process)

    def remove(self) -> None:
        """End it and leave nothing."""
        self.kill()
        shutil.rmtree(self.folder)

    def client(self) -> redis.Redis:
        """A connection of the test's own."""
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def use_redis(url: str) -> str:
    """Make `url` the Redis of this process. Returns the address that was."""
    before = os.environ["REDIS_URL"]
    cache.reset()
    os.environ["REDIS_URL"] = url
    settings.reset()
    return before


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """The server of the tests that do not stop it."""
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> Iterator[str]:
    """An empty Redis; this process uses it as well. Without it, Redis is away."""
    with shared_redis.client() as client:
        client.flushall()
    before = use_redis(shared_redis.url)
    yield shared_redis.url
    use_redis(before)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running Redis of this test alone, to stop, kill and start; this process uses it."""
    server = RedisServer()
    server.start()
    before = use_redis(server.url)
    yield server
    use_redis(before)
    server.remove()
