"""The processes as they really run: killed, they come back."""

import os
from pathlib import Path

import pytest
import requests

from tests.helpers.processes import Processes, is_answering, is_listening

pytestmark = pytest.mark.processes


def test_a_killed_web_process_comes_back(processes: Processes) -> None:
    web = processes.web()
    first = web.pid
    web.kill()
    assert not is_answering(f"{processes.url}/healthz")

    web.start_again()
    web.wait_until(lambda: is_answering(f"{processes.url}/healthz"))
    assert web.pid != first


def test_worker_and_scheduler_start_and_end_in_order(processes: Processes) -> None:
    running = [
        processes.start("worker"),
        processes.start("scheduler"),
        processes.start("scheduler"),
    ]
    for process in running:
        process.wait_for_log(f"{process.name}.started")
    assert [process.stop() for process in running] == [0, 0, 0]


def test_without_redis_the_hub_is_ready_and_says_what_is_missing(processes: Processes) -> None:
    web = processes.web(REDIS_URL="unix:///nonexistent/redis.sock")
    ready = requests.get(f"{processes.url}/readyz", timeout=10)
    assert ready.status_code == 200
    assert "redis" in ready.text
    assert web.is_running


@pytest.mark.parametrize("name", ["web", "worker", "scheduler"])
def test_a_wrong_setting_stops_the_start_with_one_line(name: str, tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    process = processes.start(name, TIMEZONE="Asia/Nowhere")
    with pytest.raises(RuntimeError, match="setting TIMEZONE: is not a known time zone"):
        process.wait_until(lambda: False)
    assert "Traceback" not in process.log()


def test_nothing_of_a_test_is_left_running(processes: Processes) -> None:
    web, simulator = processes.web(), processes.simulator()
    processes.stop_all()
    assert not is_listening(processes.port)
    assert not is_listening(processes.simulator_port)
    for process in (web, simulator):
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
