"""Processes: the hub as it really runs, to be killed and started again.

    processes.start("web") ── command of the Procfile ──> Running: kill(), stop(), log()

Each is forked from a process that has the hub's modules loaded (forked.py). All share the test's
own database and Redis, its ports and its folder. Whatever still runs at the end of the test is
stopped.
"""

import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

from tests.helpers import forked, ports, subprocesses
from tests.helpers.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
_COMMANDS: dict[str, str] = parse_procfile(
    (ROOT / "Procfile.dev").read_text(encoding="utf-8")
).processes


class Running:
    """One process of the hub. A process that ended can be started again."""

    def __init__(self, name: str, command: str, env: dict[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._log = log
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Of the process itself, not of a shell around it."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def log(self) -> str:
        """All it has written so far, before and after a restart."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Kill it and its children at once (kill -9)."""
        subprocesses.kill(self._process)

    def stop(self) -> int:
        """Ask it to end, and wait. Returns its exit code."""
        subprocesses.stop(self._process)
        return self._process.wait()

    def start_again(self) -> None:
        """The same process anew, after it ended."""
        assert not self.is_running
        self._process = self._start()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for something to become true while it runs; fails with the end of its log."""
        subprocesses.wait_until(condition, process=self._process, log=self._log)

    def wait_for_log(self, text: str) -> None:
        """Wait until it has written something."""
        self.wait_until(lambda: text in self.log())

    def _start(self) -> forked.ForkedProcess:
        words, env = _expand(self._command, self._env)
        return forked.start(words, log=self._log, env=env, cwd=ROOT)


def _expand(command: str, env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """What the shell and tools/with-dev-env make of a command: its words and its environment."""
    wrapper = "exec tools/with-dev-env "
    assert command.startswith(wrapper), command
    tell = """sh -c 'printf "%s\\0" "$@" ""; exec env -0' sh """
    said = subprocess.run(
        ["sh", "-c", wrapper + tell + command.removeprefix(wrapper)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    words, _, variables = said.partition("\0\0")
    pairs = (each.split("=", 1) for each in variables.split("\0") if each)
    return words.split("\0"), dict(pairs)


class Processes:
    """The processes of one test and the addresses they answer at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = ports.free()
        self.simulator_port = ports.free()
        self.url = f"http://127.0.0.1:{self.port}"
        self.simulator_url = f"http://127.0.0.1:{self.simulator_port}"
        self._started: list[Running] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this test, also a command, must have in its environment."""
        return os.environ | {
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "SIMULATOR_PORT": str(self.simulator_port),
            "PUBLIC_URL": self.url,
            "WECHAT_API_URL": self.simulator_url,
            "WECHAT_OPEN_URL": self.simulator_url,
            "LOG_FORMAT": "json",
        }

    def start(self, name: str, **env: str) -> Running:
        """Start a process of the Procfile by its name; it need not be ready yet."""
        log = self.folder / f"{name}-{len(self._started)}.log"
        running = Running(name, _COMMANDS[name], self.environment | env, log)
        self._started.append(running)
        return running

    def web(self, **env: str) -> Running:
        """Start the web process and wait until it answers."""
        running = self.start("web", **env)
        running.wait_until(lambda: is_answering(f"{self.url}/healthz"))
        return running

    def simulator(self, **env: str) -> Running:
        """Start the simulator and wait until it listens."""
        running = self.start("simulator", **env)
        running.wait_until(lambda: is_listening(self.simulator_port))
        return running

    def stop_all(self) -> None:
        """Stop whatever runs, the last one first."""
        for running in reversed(self._started):
            running.stop()


def is_answering(url: str) -> bool:
    """Whether a GET there succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def processes(own_database: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[Processes]:
    """Real processes over a database and a Redis of the test's own, on both engines."""
    made = Processes(tmp_path)
    yield made
    made.stop_all()
