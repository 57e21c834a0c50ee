"""Jobs: written with the change, run once, again after a failure, and never lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config import clock, jobs, logs
from config.alerts import Alert
from config.database import session, transaction
from config.errors import DomainError, Stale, Temporary
from config.jobs import Job, JobName, JobState
from tests.helpers.sample_names import SampleJob

pytestmark = pytest.mark.usefixtures("rolled_back")


class RecordingHandler:
    """Handlers of the test, and what they did."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.announced: list[int] = []
        self.trouble: Exception | None = None

    def write(self, *, now: object, **facts: Any) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.done.append(facts)


@pytest.fixture
def recording_handler() -> Iterator[RecordingHandler]:
    recording_handler = RecordingHandler()
    jobs.register(
        transactional={SampleJob.WRITE: recording_handler.write},
        non_transactional={SampleJob.CALL: recording_handler.write},
    )
    jobs.set_dispatcher(recording_handler.announced.extend)
    yield recording_handler
    jobs.register(transactional={}, non_transactional={})
    jobs.set_dispatcher(None)


def enqueue(name: JobName = SampleJob.WRITE, **more: Any) -> int:
    with transaction():
        job_id = jobs.enqueue(name, **more)
    assert job_id is not None
    return job_id


def state_of(job_id: int) -> JobState:
    return session.get_one(Job, job_id, populate_existing=True).state


@pytest.mark.parametrize("name", [SampleJob.WRITE, SampleJob.CALL])
def test_a_job_is_done_once_however_often_its_id_arrives(
    recording_handler: RecordingHandler, name: JobName
) -> None:
    job_id = enqueue(name, person=7)

    states = [jobs.run(job_id, now=clock.now()) for _ in range(3)]

    assert states == [JobState.DONE, None, None]
    assert recording_handler.done == [{"person": 7}]


def test_ids_are_announced_after_the_commit_and_not_before(
    recording_handler: RecordingHandler,
) -> None:
    with transaction():
        job_id = jobs.enqueue(SampleJob.WRITE)
        assert recording_handler.announced == []

    assert recording_handler.announced == [job_id]


def test_a_change_that_is_undone_leaves_no_job(recording_handler: RecordingHandler) -> None:
    def fail() -> None:
        with transaction():
            jobs.enqueue(SampleJob.WRITE)
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        fail()
    enqueue()

    assert session.scalars(select(Job)).all() != []
    assert len(recording_handler.announced) == 1, "only the second was announced"


def test_a_key_is_taken_until_its_job_is_done(recording_handler: RecordingHandler) -> None:
    first = enqueue(key="menu:1")
    with transaction():
        assert jobs.enqueue(SampleJob.WRITE, key="menu:1") is None
        assert jobs.enqueue(SampleJob.WRITE, key="menu:2") is not None

    jobs.run(first, now=clock.now())

    assert enqueue(key="menu:1") != first


def test_a_temporary_error_is_retried_later(recording_handler: RecordingHandler) -> None:
    job_id = enqueue(SampleJob.CALL)
    recording_handler.trouble = Temporary(retry_after=30)
    now = clock.now()

    assert jobs.run(job_id, now=now) is JobState.WAITING
    assert jobs.run(job_id, now=clock.now()) is None, "it is not due yet"
    recording_handler.trouble = None
    assert jobs.run(job_id, now=now + timedelta(seconds=60)) is JobState.DONE


def test_retry_delays_grow_with_each_failure(recording_handler: RecordingHandler) -> None:
    job_id = enqueue(SampleJob.CALL)
    recording_handler.trouble = OSError("no line")
    pauses = []
    now = clock.now()
    for _ in range(6):
        jobs.run(job_id, now=now)
        due = session.get_one(Job, job_id, populate_existing=True).due_at
        pauses.append((due - clock.now()).total_seconds())
        now = due + timedelta(seconds=1)

    assert all(
        later > earlier * 0.9 for earlier, later in zip(pauses[::2], pauses[2::2], strict=False)
    )
    assert pauses[0] < 3
    assert pauses[-1] > 25


def test_a_job_that_fails_too_often_is_dead_and_raises_an_alert(
    recording_handler: RecordingHandler,
) -> None:
    job_id = enqueue(SampleJob.CALL)
    recording_handler.trouble = OSError("no line")
    now = clock.now()
    for _ in range(12):
        jobs.run(job_id, now=now)
        now += timedelta(hours=2)

    assert state_of(job_id) is JobState.DEAD
    assert session.scalars(select(Alert.kind)).all() == ["job.dead"]
    assert "no line" in (session.get_one(Job, job_id).last_error or "")


def test_a_domain_error_is_not_retried(recording_handler: RecordingHandler) -> None:
    job_id = enqueue(SampleJob.CALL)
    recording_handler.trouble = DomainError()

    assert jobs.run(job_id, now=clock.now()) is JobState.DEAD


def test_a_job_whose_row_somebody_else_changed_is_retried(
    recording_handler: RecordingHandler,
) -> None:
    job_id = enqueue(SampleJob.CALL)
    recording_handler.trouble = Stale()

    assert jobs.run(job_id, now=clock.now()) is JobState.WAITING


def test_a_dead_job_can_be_retried(recording_handler: RecordingHandler) -> None:
    job_id = enqueue(SampleJob.CALL)
    recording_handler.trouble = DomainError()
    jobs.run(job_id, now=clock.now())
    recording_handler.trouble = None

    with transaction():
        assert jobs.retry_dead(job_id, now=clock.now())
        assert not jobs.retry_dead(job_id, now=clock.now())

    assert jobs.run(job_id, now=clock.now()) is JobState.DONE


def test_the_change_of_a_job_that_fails_inside_is_undone(
    recording_handler: RecordingHandler,
) -> None:
    def half(*, now: object) -> None:
        jobs.enqueue(SampleJob.WRITE)
        raise RuntimeError("half-way")

    jobs.register(transactional={SampleJob.HALF: half}, non_transactional={})
    job_id = enqueue(SampleJob.HALF)

    assert jobs.run(job_id, now=clock.now()) is JobState.WAITING
    assert session.scalars(select(Job.name)).all() == [SampleJob.HALF]


def test_the_sweep_redispatches_lost_jobs(recording_handler: RecordingHandler) -> None:
    jobs.set_dispatcher(None)
    lost = enqueue()
    future = enqueue(due=clock.now() + timedelta(hours=1))
    jobs.set_dispatcher(recording_handler.announced.extend)

    assert jobs.redispatch_lost(now=clock.now()) == 0, "it was announced a moment ago"
    jobs.redispatch_lost(now=clock.now() + timedelta(minutes=1))
    jobs.redispatch_lost(now=clock.now() + timedelta(minutes=1))
    assert recording_handler.announced == [lost], "once, and nothing that is not due"
    jobs.redispatch_lost(now=clock.now() + timedelta(hours=2))
    assert recording_handler.announced == [lost, future, lost] or recording_handler.announced == [
        lost,
        lost,
        future,
    ]


def test_a_job_whose_worker_died_is_dispatched_again_and_the_late_worker_changes_nothing(
    recording_handler: RecordingHandler,
) -> None:
    job_id = enqueue()
    now = clock.now()
    with transaction():
        claimed = jobs._claim(job_id, now)
    assert claimed is not None

    assert jobs.redispatch_lost(now=now + timedelta(seconds=30)) == 0, "the lease still holds"
    assert jobs.redispatch_lost(now=now + timedelta(minutes=5)) == 1
    assert jobs.run(job_id, now=now + timedelta(minutes=5)) is JobState.DONE
    with transaction():
        assert not jobs._finish(job_id, claimed[2], JobState.WAITING)
    assert state_of(job_id) is JobState.DONE


def test_finished_jobs_are_deleted_and_dead_ones_stay(recording_handler: RecordingHandler) -> None:
    done, dead = enqueue(), enqueue(SampleJob.CALL)
    jobs.run(done, now=clock.now())
    recording_handler.trouble = DomainError()
    jobs.run(dead, now=clock.now())

    with transaction():
        assert jobs.purge_done(before=clock.now() + timedelta(days=1)) == 1

    assert session.scalars(select(Job.id)).all() == [dead]


def test_a_job_is_logged_under_the_request_that_asked_for_it(
    recording_handler: RecordingHandler,
) -> None:
    heard: list[str] = []
    jobs.register(
        transactional={SampleJob.EAR: lambda *, now: heard.append(logs.request_id())},
        non_transactional={},
    )
    with logs.bound_context(request="r1"):
        job_id = enqueue(SampleJob.EAR)

    jobs.run(job_id, now=clock.now())

    assert heard == ["r1"]
