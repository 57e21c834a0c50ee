"""Redis goes away under load and comes back empty: answers go on, and the rest heals by itself."""

import pytest

from config import cache
from tests.fixtures.hub import Hub
from tests.fixtures.processes import Processes
from tests.fixtures.redis_server import RedisServer
from tests.ways.rows import left, sent
from tests.ways.wechat import WeChat
from tests.ways.wire import LONG_PARTS, Load, Wire, check_once, letters

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

REST = LONG_PARTS[1:]


def test_answers_go_on_without_redis_and_what_was_queued_leaves_when_it_is_back(
    hub: Hub, wire: Wire, platform: WeChat, processes: Processes, redis_server: RedisServer
) -> None:
    appid = hub.keys["police"].appid
    (citizen,) = platform.citizens(1)
    web, worker = processes.web(), processes.start("worker")
    scheduler = processes.start("scheduler")
    platform.act(citizen, appid, "follow")

    def ask() -> None:
        assert platform.act(citizen, appid, "text", text="分条须知")["outcome"] == "replied"

    ask()
    worker.wait_until(lambda: sent() == len(REST))
    assert cache.get(f"wechat-token:{appid}")

    load = Load(wire, letters(hub), threads=3, pause=0.05)
    web.wait_until(lambda: load.answered > 20)
    redis_server.kill()
    late = processes.start("worker")
    late.wait_for_log("worker.started")
    goal = load.answered + 60
    web.wait_until(lambda: load.answered > goal)
    ask()
    redis_server.start()
    check_once(load.finish())
    assert set(load.statuses) == {200}

    worker.wait_until(lambda: sent() == 2 * len(REST))
    assert platform.custom(citizen, appid) == REST * 2
    scheduler.wait_until(lambda: left() == 0)
    cache.forget()
    assert cache.get(f"wechat-token:{appid}"), "the token is shared again"
    assert all(process.is_running for process in (web, worker, late, scheduler))
