"""The scheduler: what is due is asked for once, whoever looks and whatever the clock does."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from app import scheduler
from app.broker import QUEUE_NAME
from app.jobs import registry as handlers
from app.jobs.maintenance import MaintenanceJob
from config import clock, jobs
from config.database import session, transaction
from config.jobs import Job
from tests.helpers.processes import Processes
from tests.helpers.redis_server import RedisServer
from tests.helpers.sample_names import SampleJob

MINUTE = timedelta(minutes=1)
NAME = MaintenanceJob.PURGE_EXPIRED


@pytest.fixture(autouse=True)
def registered_jobs() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(transactional={}, non_transactional={})


def enqueued(name: str = NAME) -> int:
    with transaction():
        return session.scalar(select(func.count()).where(Job.name == name)) or 0


def run_waiting() -> None:
    with transaction():
        ids = list(session.scalars(select(Job.id)))
    for job_id in ids:
        jobs.run(job_id, now=clock.now())


def test_a_time_reached_by_many_schedulers_enqueues_once(own_database: str, now: datetime) -> None:
    together = Barrier(4)

    def ring(_: int) -> bool:
        together.wait()
        return scheduler.enqueue_due(NAME, now=now + timedelta(seconds=_))

    with ThreadPoolExecutor(4) as pool:
        rung = list(pool.map(ring, range(4)))

    assert sorted(rung) == [False, False, False, True]
    assert enqueued() == 1


@pytest.mark.usefixtures("own_database")
def test_each_scheduled_time_enqueues_once_even_when_the_clock_goes_back(
    now: datetime,
) -> None:
    hour = timedelta(hours=1)
    rung = []
    for moment in (now, now + hour, now, now + MINUTE, now + hour, now + 2 * hour):
        rung.append(scheduler.enqueue_due(NAME, now=moment))
        run_waiting()

    assert rung == [True, True, False, False, False, True]
    assert enqueued() == 3


@pytest.mark.usefixtures("own_database")
def test_one_that_still_waits_is_not_asked_for_again(now: datetime) -> None:
    assert scheduler.enqueue_due(NAME, now=now)
    scheduler.enqueue_due(NAME, now=now + timedelta(days=3))

    assert enqueued() == 1


@pytest.mark.usefixtures("own_database")
def test_work_is_not_asked_for_when_the_hour_cannot_be_written_down(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("half-way")

    monkeypatch.setattr(jobs, "enqueue", fail)
    with pytest.raises(RuntimeError):
        scheduler.enqueue_due(NAME, now=now)
    monkeypatch.undo()

    assert scheduler.enqueue_due(NAME, now=now), "the claim was undone as well"
    assert enqueued() == 1


def test_everything_in_the_timetable_has_a_handler() -> None:
    assert set(scheduler.CRON_JOBS) <= {*handlers.TRANSACTIONAL, *handlers.NON_TRANSACTIONAL}


# ---- two real ones ----


def lose_jobs(count: int) -> list[int]:
    """Jobs that are due and that nobody was told of."""
    with transaction():
        ids = [jobs.enqueue(SampleJob.UNKNOWN, number=number) or 0 for number in range(count)]
        session.execute(update(Job).where(Job.id.in_(ids)).values(dispatched_at=None))
    return ids


def dispatched(server: RedisServer) -> Counter[int]:
    """How often each id waits in Redis for a worker."""
    with server.client() as client:
        messages = client.hvals(f"hub:{QUEUE_NAME}.msgs")
    return Counter(json.loads(message)["args"][0] for message in messages)


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_two_schedulers_announce_each_lost_job_once(
    processes: Processes, redis_server: RedisServer
) -> None:
    lost = lose_jobs(300)
    both = [processes.start("scheduler") for _ in range(2)]
    for each in both:
        each.wait_for_log("scheduler.started")
        lost += lose_jobs(30)
    both[0].wait_until(lambda: set(dispatched(redis_server)) >= set(lost))
    later = lose_jobs(1)
    both[1].wait_until(lambda: set(dispatched(redis_server)) >= {*lost, *later})

    assert set(dispatched(redis_server).values()) == {1}
    assert [each.stop() for each in both] == [0, 0]
