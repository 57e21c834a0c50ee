"""Jobs: written with the change, run once, again after a failure, and never lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config import clock, jobs, logs
from config.alarms import Alarm
from config.database import session, transaction
from config.errors import DomainError, Temporary
from config.jobs import Job, State

pytestmark = pytest.mark.usefixtures("rolled_back")


class Ledger:
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
def ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    jobs.register(inside={"ledger.write": ledger.write}, outside={"ledger.call": ledger.write})
    jobs.announce_with(ledger.announced.extend)
    yield ledger
    jobs.register(inside={}, outside={})
    jobs.announce_with(None)


def ask(name: str = "ledger.write", **more: Any) -> int:
    with transaction():
        job_id = jobs.enqueue(name, **more)
    assert job_id is not None
    return job_id


def state_of(job_id: int) -> State:
    return session.get_one(Job, job_id, populate_existing=True).state


@pytest.mark.parametrize("name", ["ledger.write", "ledger.call"])
def test_a_job_is_done_once_however_often_its_id_arrives(ledger: Ledger, name: str) -> None:
    job_id = ask(name, person=7)

    states = [jobs.run(job_id, now=clock.now()) for _ in range(3)]

    assert states == [State.DONE, None, None]
    assert ledger.done == [{"person": 7}]


def test_ids_are_announced_after_the_commit_and_not_before(ledger: Ledger) -> None:
    with transaction():
        job_id = jobs.enqueue("ledger.write")
        assert ledger.announced == []

    assert ledger.announced == [job_id]


def test_a_change_that_is_undone_leaves_no_job(ledger: Ledger) -> None:
    def fail() -> None:
        with transaction():
            jobs.enqueue("ledger.write")
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        fail()
    ask()

    assert session.scalars(select(Job)).all() != []
    assert len(ledger.announced) == 1, "only the second was announced"


def test_a_key_is_taken_until_its_job_is_done(ledger: Ledger) -> None:
    first = ask(key="menu:1")
    with transaction():
        assert jobs.enqueue("ledger.write", key="menu:1") is None
        assert jobs.enqueue("ledger.write", key="menu:2") is not None

    jobs.run(first, now=clock.now())

    assert ask(key="menu:1") != first


def test_what_may_pass_is_tried_again_later(ledger: Ledger) -> None:
    job_id = ask("ledger.call")
    ledger.trouble = Temporary(retry_after=30)
    now = clock.now()

    assert jobs.run(job_id, now=now) is State.WAITING
    assert jobs.run(job_id, now=clock.now()) is None, "it is not due yet"
    ledger.trouble = None
    assert jobs.run(job_id, now=now + timedelta(seconds=60)) is State.DONE


def test_pauses_grow_with_each_failure(ledger: Ledger) -> None:
    job_id = ask("ledger.call")
    ledger.trouble = OSError("no line")
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


def test_a_job_that_fails_too_often_stands_as_dead_with_an_alarm(ledger: Ledger) -> None:
    job_id = ask("ledger.call")
    ledger.trouble = OSError("no line")
    now = clock.now()
    for _ in range(12):
        jobs.run(job_id, now=now)
        now += timedelta(hours=2)

    assert state_of(job_id) is State.DEAD
    assert session.scalars(select(Alarm.kind)).all() == ["job.dead"]
    assert "no line" in (session.get_one(Job, job_id).last_error or "")


def test_what_a_rule_refuses_is_not_tried_again(ledger: Ledger) -> None:
    job_id = ask("ledger.call")
    ledger.trouble = DomainError()

    assert jobs.run(job_id, now=clock.now()) is State.DEAD


def test_a_dead_job_can_be_given_a_new_life(ledger: Ledger) -> None:
    job_id = ask("ledger.call")
    ledger.trouble = DomainError()
    jobs.run(job_id, now=clock.now())
    ledger.trouble = None

    with transaction():
        assert jobs.revive(job_id, now=clock.now())
        assert not jobs.revive(job_id, now=clock.now())

    assert jobs.run(job_id, now=clock.now()) is State.DONE


def test_the_change_of_a_job_that_fails_inside_is_undone(ledger: Ledger) -> None:
    def half(*, now: object) -> None:
        jobs.enqueue("ledger.write")
        raise RuntimeError("half-way")

    jobs.register(inside={"ledger.half": half}, outside={})
    job_id = ask("ledger.half")

    assert jobs.run(job_id, now=clock.now()) is State.WAITING
    assert session.scalars(select(Job.name)).all() == ["ledger.half"]


def test_the_sweep_finds_what_nobody_was_told_of(ledger: Ledger) -> None:
    jobs.announce_with(None)
    lost = ask()
    future = ask(due=clock.now() + timedelta(hours=1))
    jobs.announce_with(ledger.announced.extend)

    assert jobs.sweep(now=clock.now()) == 0, "it was announced a moment ago"
    jobs.sweep(now=clock.now() + timedelta(minutes=1))
    jobs.sweep(now=clock.now() + timedelta(minutes=1))
    assert ledger.announced == [lost], "once, and nothing that is not due"
    jobs.sweep(now=clock.now() + timedelta(hours=2))
    assert ledger.announced == [lost, future, lost] or ledger.announced == [lost, lost, future]


def test_a_job_whose_worker_died_is_sent_again_and_the_late_worker_changes_nothing(
    ledger: Ledger,
) -> None:
    job_id = ask()
    now = clock.now()
    with transaction():
        claimed = jobs._claim(job_id, now)
    assert claimed is not None

    assert jobs.sweep(now=now + timedelta(seconds=30)) == 0, "the lease still holds"
    assert jobs.sweep(now=now + timedelta(minutes=5)) == 1
    assert jobs.run(job_id, now=now + timedelta(minutes=5)) is State.DONE
    with transaction():
        assert not jobs._finish(job_id, claimed[2], State.WAITING)
    assert state_of(job_id) is State.DONE


def test_finished_jobs_are_forgotten_and_dead_ones_stay(ledger: Ledger) -> None:
    done, dead = ask(), ask("ledger.call")
    jobs.run(done, now=clock.now())
    ledger.trouble = DomainError()
    jobs.run(dead, now=clock.now())

    with transaction():
        assert jobs.forget_done(before=clock.now() + timedelta(days=1)) == 1

    assert session.scalars(select(Job.id)).all() == [dead]


def test_a_job_is_logged_under_the_request_that_asked_for_it(ledger: Ledger) -> None:
    heard: list[str] = []
    jobs.register(inside={"ledger.ear": lambda *, now: heard.append(logs.request_id())}, outside={})
    with logs.bound(request="r1"):
        job_id = ask("ledger.ear")

    jobs.run(job_id, now=clock.now())

    assert heard == ["r1"]
