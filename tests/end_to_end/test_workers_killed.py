"""Workers are killed while messages leave: none is lost, few come twice, own work is done once."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from config import cache_versions, jobs
from config.database import read_only, session, transaction
from config.jobs import Job, JobState
from matrix.outbound import OutboundMessage
from matrix.outbound import OutboundState as Sent
from tests.end_to_end._counting_worker import COUNT
from tests.end_to_end._counts import unfinished_jobs
from tests.end_to_end._load_client import LONG_PARTS, LoadClient
from tests.end_to_end._simulator_client import SEND, SimulatorClient
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes, Running

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

CITIZENS = 50
COUNTS = 100
THREADS = 4
KILLS = 5
COMMAND = "exec tools/with-dev-env python -m tests.end_to_end._counting_worker"
_log = logging.getLogger(__name__)
ENV = {"JOB_LEASE": "5", "WORKER_THREADS": str(THREADS)}


class WorkerPool:
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
def worker_pool(processes: Processes) -> Iterator[WorkerPool]:
    made = WorkerPool(processes)
    yield made
    for worker in made.workers:
        worker.kill()


def enqueue_counts() -> None:
    """Work of our own, that the sweep must find."""
    with transaction():
        for number in range(COUNTS):
            jobs.enqueue(COUNT, number=number)
        session.execute(update(Job).where(Job.name == COUNT).values(dispatched_at=None))


def test_no_message_is_lost_and_jobs_are_done_once_when_workers_are_killed(
    hub: Hub,
    load_client: LoadClient,
    simulator: SimulatorClient,
    processes: Processes,
    worker_pool: WorkerPool,
) -> None:
    appid = hub.keys["police"].appid
    simulator.fault("slow", path=SEND, seconds=0.3)
    processes.web()
    scheduler = processes.start("scheduler")
    people = simulator.citizens(CITIZENS)
    enqueue_counts()

    def write(citizen: str) -> str:
        simulator.act(citizen, appid, "follow")
        return str(simulator.act(citizen, appid, "text", text="分条须知")["outcome"])

    with ThreadPoolExecutor(4) as pool:
        written = pool.map(write, people)
        for number in range(KILLS):
            goal = len(simulator.calls(SEND)) + 10
            worker_pool.kill(
                number % 2,
                lambda goal=goal: len(simulator.calls(SEND)) > goal or not unfinished_jobs(),
            )
        assert set(written) == {"replied"}
    scheduler.wait_until(lambda: unfinished_jobs() == 0)

    doubles = check_arrivals(simulator, appid, people)
    assert doubles <= KILLS * THREADS
    check_rows()
    _log.info("%s kills, %s messages arrived twice", KILLS, doubles)


def check_arrivals(simulator: SimulatorClient, appid: str, people: list[str]) -> int:
    """Everybody got all parts in order. Returns how many came once too often."""
    doubles = 0
    for citizen in people:
        arrived = simulator.customer_service_texts(citizen, appid)
        once = list(dict.fromkeys(arrived))
        assert once == LONG_PARTS[1:]
        doubles += len(arrived) - len(once)
    return doubles


def check_rows() -> None:
    with read_only():
        states = set(session.scalars(select(Job.state)))
        sent = Counter(session.scalars(select(OutboundMessage.state)))
        counted = cache_versions.current()
    assert states == {JobState.DONE}
    assert sent == {Sent.SENT: CITIZENS * (len(LONG_PARTS) - 1)}
    assert {counted[f"{COUNT}.{number}"] for number in range(COUNTS)} == {1}
