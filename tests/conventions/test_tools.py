"""The programs around the hub: how the Procfile starts things."""

import os
import subprocess
from pathlib import Path

import pytest
import redis

from tests.helpers import subprocesses
from tests.helpers.processes import Processes
from tests.helpers.source_tree import ROOT

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(("given", "expected"), [("9123", "9123"), (None, "8000")])
def test_each_process_gets_the_port_the_caller_meant(
    tmp_path: Path, given: str | None, expected: str
) -> None:
    # honcho gives the second process its PORT plus 100, and 5000 to start with
    command = f'exec {ROOT}/tools/keep sh -c "echo port=\\$PORT granian=\\$GRANIAN_PORT"'
    (tmp_path / "Procfile").write_text(f"first: sleep 5\nsecond: {command}\n", encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name != "PORT"}
    said = subprocess.run(
        [ROOT / ".venv" / "bin" / "honcho", "start"],
        cwd=tmp_path,
        env=env | ({"PORT": given} if given else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"port={given or ''} granian={expected}" in said.stdout


def test_the_embedded_redis_starts_again_after_it_was_killed(processes: Processes) -> None:
    first = processes.start("redis")
    address = f"unix://{processes.folder}/redis.sock"
    first.wait_until(lambda: _answers(address))
    first.kill()
    assert not _answers(address)

    first.start_again()
    first.wait_until(lambda: _answers(address))


def test_a_folder_too_deep_for_a_socket_is_named_in_one_line(tmp_path: Path) -> None:
    said = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-m", "tools.embedded_redis"],
        cwd=ROOT,
        env=os.environ | {"VAR_DIR": str(tmp_path / ("deep" * 30))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode != 0
    assert said.stderr.startswith("setting VAR_DIR: too long for the socket")
    assert said.stderr.count("\n") == 1


def test_a_process_that_does_not_get_ready_shows_what_it_wrote(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = subprocesses.start(["sh", "-c", "echo no luck; exit 3"], log=log)
    with pytest.raises(RuntimeError, match="ended with 3:\nno luck"):
        subprocesses.wait_until(lambda: False, process=process, log=log)


def _answers(address: str) -> bool:
    try:
        with redis.Redis.from_url(address) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
