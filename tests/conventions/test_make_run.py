"""`make run`: a stranger starts the hub, writes to a department and is answered."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from config import settings
from tests.helpers import ports, subprocesses
from tests.helpers.processes import is_answering, is_listening
from tests.helpers.source_tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


class FreshClone:
    """A copy of the hub in a folder of its own, started with nothing set but folder and ports."""

    def __init__(self, folder: Path) -> None:
        self.port, self.simulator_port = ports.free(), ports.free()
        self.phone = f"http://127.0.0.1:{self.simulator_port}/phone"
        self.redis = folder / "redis.sock"
        self.log = folder / "log"
        ours = {name.upper() for name in settings.Settings.model_fields}
        env = {name: value for name, value in os.environ.items() if name not in ours}
        env |= {
            "VAR_DIR": str(folder),
            "PORT": str(self.port),
            "SIMULATOR_PORT": str(self.simulator_port),
        }
        self.process = subprocesses.start(["make", "run"], log=self.log, env=env, cwd=ROOT)

    def wait(self) -> None:
        """Until hub and simulator answer."""
        ready = f"http://127.0.0.1:{self.port}/readyz"
        subprocesses.wait_until(lambda: is_answering(ready), process=self.process, log=self.log)
        subprocesses.wait_until(self.has_phone, process=self.process, log=self.log)

    def has_phone(self) -> bool:
        """Whether the simulator listens."""
        return is_listening(self.simulator_port)

    def interrupt(self) -> None:
        """What Ctrl-C does in a terminal, and wait for the end."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(timeout=60)


@pytest.fixture
def fresh_clone(tmp_path: Path) -> Iterator[FreshClone]:
    """A running copy."""
    made = FreshClone(tmp_path)
    yield made
    subprocesses.stop(made.process)


def test_make_run_starts_the_hub_answers_and_stops_without_a_trace(fresh_clone: FreshClone) -> None:
    fresh_clone.wait()
    start = requests.get(f"{fresh_clone.phone}/start", timeout=10).json()
    police = next(one["appid"] for one in start["accounts"] if one["name"] == "华阴公安")

    def act(**what: Any) -> Any:
        body = {"citizen": start["citizen"], "appid": police, "wait": True, **what}
        return requests.post(f"{fresh_clone.phone}/act", json=body, timeout=30).json()

    assert act(do="follow")["outcome"] == "replied"
    answer = act(do="text", text="身份证丢了咋办")
    assert answer["mode"] == "safe"
    assert "身份证" in str(answer["reply"]["body"])

    link = re.search(r"first administrator, once: (http\S+)", fresh_clone.log.read_text("utf-8"))
    assert link is not None
    assert "创建矩阵管理员" in requests.get(link[1], timeout=10).text

    fresh_clone.interrupt()
    assert not is_listening(fresh_clone.port)
    assert not fresh_clone.has_phone()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match=r"refused|No such"):
        client.connect(str(fresh_clone.redis))
