"""Workers are killed while messages leave: none is lost, few come twice, own work is done once."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from config import jobs, revisions
from config.database import reading, session, transaction
from config.jobs import Job, State
from matrix.sendings import Sending
from matrix.sendings import State as Sent
from tests.fixtures.hub import Hub
from tests.fixtures.processes import Processes, Running
from tests.ways.counting_worker import COUNT
from tests.ways.rows import left
from tests.ways.wechat import SEND, WeChat
from tests.ways.wire import LONG_PARTS, Wire

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

CITIZENS = 50
COUNTS = 100
THREADS = 4
KILLS = 5
COMMAND = "exec tools/dev python -m tests.ways.counting_worker"
_log = logging.getLogger(__name__)
ENV = {"JOB_LEASE": "5", "WORKER_THREADS": str(THREADS)}


class Crew:
    """Two workers, of which one after the other is killed in the middle of its work."""

    def __init__(self, processes: Processes) -> None:
        env = processes.environment | ENV
        self.workers = [
            Running("worker", COMMAND, env, processes.folder / f"counting-{number}.log")
            for number in range(2)
        ]
        self._starts = [1, 1]

    def kill(self, turn: int, is_busy: Callable[[], bool]) -> None:
        """Kill one, once it has begun and `is_busy()`, and start it again."""
        worker, begun = self.workers[turn], self._starts[turn]
        worker.wait_until(lambda: worker.log().count("worker.started") >= begun)
        worker.wait_until(is_busy)
        worker.kill()
        worker.start_again()
        self._starts[turn] += 1


@pytest.fixture
def crew(processes: Processes) -> Iterator[Crew]:
    made = Crew(processes)
    yield made
    for worker in made.workers:
        worker.kill()


def ask_for_counts() -> None:
    """Work of our own, that the sweep must find."""
    with transaction():
        for number in range(COUNTS):
            jobs.enqueue(COUNT, number=number)
        session.execute(update(Job).where(Job.name == COUNT).values(announced_at=None))


def test_no_message_is_lost_and_own_work_is_done_once_when_workers_are_killed(
    hub: Hub,
    wire: Wire,
    platform: WeChat,
    processes: Processes,
    crew: Crew,
) -> None:
    appid = hub.keys["police"].appid
    platform.fault("slow", path=SEND, seconds=0.3)
    processes.web()
    scheduler = processes.start("scheduler")
    people = platform.citizens(CITIZENS)
    ask_for_counts()

    def write(citizen: str) -> str:
        platform.act(citizen, appid, "follow")
        return str(platform.act(citizen, appid, "text", text="分条须知")["outcome"])

    with ThreadPoolExecutor(4) as pool:
        written = pool.map(write, people)
        for number in range(KILLS):
            goal = len(platform.calls(SEND)) + 10
            crew.kill(number % 2, lambda goal=goal: len(platform.calls(SEND)) > goal or not left())
        assert set(written) == {"replied"}
    scheduler.wait_until(lambda: left() == 0)

    doubles = check_arrivals(platform, appid, people)
    assert doubles <= KILLS * THREADS
    check_rows()
    _log.info("%s kills, %s messages arrived twice", KILLS, doubles)


def check_arrivals(platform: WeChat, appid: str, people: list[str]) -> int:
    """Everybody got all parts in order. Returns how many came once too often."""
    doubles = 0
    for citizen in people:
        arrived = platform.custom(citizen, appid)
        once = list(dict.fromkeys(arrived))
        assert once == LONG_PARTS[1:]
        doubles += len(arrived) - len(once)
    return doubles


def check_rows() -> None:
    with reading():
        states = set(session.scalars(select(Job.state)))
        sent = Counter(session.scalars(select(Sending.state)))
        counted = revisions.current()
    assert states == {State.DONE}
    assert sent == {Sent.SENT: CITIZENS * (len(LONG_PARTS) - 1)}
    assert {counted[f"{COUNT}.{number}"] for number in range(COUNTS)} == {1}
