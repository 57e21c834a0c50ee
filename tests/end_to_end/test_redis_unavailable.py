"""Redis goes away under load and comes back empty: answers go on, and the rest heals by itself."""

import pytest

from config import cache
from tests.end_to_end._counts import sent_messages, unfinished_jobs
from tests.end_to_end._load_client import (
    LONG_PARTS,
    LoadClient,
    LoadGenerator,
    assert_each_handled_once,
    generate_pushes,
)
from tests.end_to_end._simulator_client import SimulatorClient
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes
from tests.helpers.redis_server import RedisServer

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    # the database has no part in it
    pytest.mark.parametrize("database_server", ["postgresql"], indirect=True),
]

REST = LONG_PARTS[1:]


def test_answers_go_on_without_redis_and_what_was_queued_leaves_when_it_is_back(
    hub: Hub,
    load_client: LoadClient,
    simulator: SimulatorClient,
    processes: Processes,
    redis_server: RedisServer,
) -> None:
    appid = hub.keys["police"].appid
    (citizen,) = simulator.citizens(1)
    web, worker = processes.web(), processes.start("worker")
    scheduler = processes.start("scheduler")
    simulator.act(citizen, appid, "follow")

    def ask() -> None:
        assert simulator.act(citizen, appid, "text", text="分条须知")["outcome"] == "replied"

    ask()
    worker.wait_until(lambda: sent_messages() == len(REST))
    assert cache.get(f"wechat-token:{appid}")

    load = LoadGenerator(load_client, generate_pushes(hub), threads=3, pause=0.05)
    web.wait_until(lambda: load.answered > 20)
    redis_server.kill()
    late = processes.start("worker")
    late.wait_for_log("worker.started")
    goal = load.answered + 60
    web.wait_until(lambda: load.answered > goal)
    ask()
    redis_server.start()
    assert_each_handled_once(load.finish())
    assert set(load.statuses) == {200}

    worker.wait_until(lambda: sent_messages() == 2 * len(REST))
    assert simulator.customer_service_texts(citizen, appid) == REST * 2
    scheduler.wait_until(lambda: unfinished_jobs() == 0)
    cache.reset()
    assert cache.get(f"wechat-token:{appid}"), "the token is shared again"
    assert all(process.is_running for process in (web, worker, late, scheduler))
