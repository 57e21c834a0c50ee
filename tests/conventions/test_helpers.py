"""The ground of the tests themselves."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from config import cache, jobs
from config.cache_versions import CacheVersion, invalidate
from config.database import dialect, session, transaction
from tests.helpers import forked, subprocesses
from tests.helpers.redis_server import RedisServer
from tests.helpers.sample_names import SampleJob
from tests.helpers.source_tree import ROOT


def current() -> dict[str, int]:
    return {row.name: row.number for row in session.scalars(select(CacheVersion))}


@pytest.mark.usefixtures("rolled_back")
@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_rolled_back_test_leaves_no_row_behind_even_when_it_commits(turn: str) -> None:
    assert current() == {}, turn
    with transaction():
        invalidate("things")
    assert current() == {"things": 1}


def test_both_engines_are_real(rolled_back: None, request: pytest.FixtureRequest) -> None:
    versions = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}
    assert session.scalar(text(versions[dialect()]))
    assert dialect() in request.node.name


def test_threads_see_what_others_commit_in_an_own_database(own_database: str) -> None:
    def work() -> None:
        with transaction():
            invalidate("things")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert current() == {"things": 4}
    session.remove()


def test_an_own_database_starts_empty(own_database: str) -> None:
    assert current() == {}
    session.remove()


def test_a_test_that_asked_for_no_database_has_none() -> None:
    with pytest.raises(OperationalError):
        current()
    session.remove()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_redis_is_empty_at_the_start_of_each_test(redis_url: str, turn: str) -> None:
    assert cache.get("key") is None, turn
    cache.put("key", "value", 60)
    assert cache.get("key") == b"value"


def test_redis_can_be_killed_and_started_again_over_its_dead_socket(
    redis_server: RedisServer,
) -> None:
    redis_server.kill()
    cache.put("key", "value", 60)
    assert cache.is_unavailable()
    assert redis_server.socket.exists()

    redis_server.start()
    cache.reset()
    cache.put("key", "value", 60)
    assert cache.get("key") == b"value"


def test_jobs_that_were_asked_for_can_be_listed(enqueued_jobs: Callable[[], list[str]]) -> None:
    jobs.enqueue(SampleJob.WRITE, thing_id=1)
    jobs.enqueue(SampleJob.CALL, thing_id=2)
    assert enqueued_jobs() == [SampleJob.WRITE, SampleJob.CALL]


def test_the_network_ends_at_this_machine() -> None:
    with pytest.warns(UserWarning, match="connect"), pytest.raises(RuntimeError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname(), timeout=1).close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen("http://127.0.0.1:9/", timeout=1)


PROGRAM = """
import os, signal, subprocess, sys, time
if __name__ == "__main__":
    child = subprocess.Popen(["sleep", "60"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    print(os.getcwd(), os.environ["WORD"], sorted(os.environ)[-1], sys.argv[1:], child.pid)
    sys.stdout.flush()
    time.sleep(60)
"""


def is_running(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has no memory left."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_ended(pid: int) -> None:
    deadline = monotonic() + 20
    while is_running(pid) and monotonic() < deadline:
        sleep(0.02)
    assert not is_running(pid)


def test_a_forked_process_has_its_own_place_environment_and_group(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    log = tmp_path / "log"
    words, env = ["python", "-m", "program", "one"], {"WORD": "x", "PATH": os.environ["PATH"]}
    process = forked.start(words, log=log, env=env, cwd=tmp_path)
    subprocesses.wait_until(log.read_text, process=process, log=log)
    place, word, last, arguments, child = log.read_text().split()
    assert (place, word, last, arguments) == (str(tmp_path), "x", "WORD", "['one']")
    assert os.getpgid(process.pid) == process.pid == os.getpgid(int(child))

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 7
    subprocesses.kill(process)  # also what is left of its group
    wait_until_ended(int(child))


def test_a_forked_command_gives_its_code_and_both_outputs(tmp_path: Path) -> None:
    done = forked.run(
        ["python", "-m", "tokenize", "nowhere.py"], env=dict(os.environ), cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere.py" in done.stderr


STARTER = """
import os, sys, time
from pathlib import Path
from tests.helpers import forked
if __name__ == "__main__":
    log = Path(sys.argv[1])
    program = ["python", "-m", "timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)"]
    print(forked.start(program, log=log, env=dict(os.environ), cwd=log.parent).pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process of its parent's end"
)
def test_a_forked_process_ends_when_the_tests_are_killed(tmp_path: Path) -> None:
    (tmp_path / "starter.py").write_text(STARTER, encoding="utf-8")
    starter = subprocess.Popen(
        [sys.executable, tmp_path / "starter.py", tmp_path / "log"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    with starter.stdout:
        pid = int(starter.stdout.readline())
    assert is_running(pid)
    starter.kill()
    starter.wait()
    wait_until_ended(pid)
