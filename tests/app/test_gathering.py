"""Gathering: what citizens wrote is counted once, whatever happens to the job."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app import gathering
from config import clock, jobs
from config.database import reading, session
from keywords import sorting
from keywords.hits import Hits
from keywords.unmatched import Cluster, Reason
from matrix.inbox import Outcome
from matrix.traffic import Traffic
from tests.fixtures.hub import Hub


@pytest.fixture
def later() -> datetime:
    """When everything that was pushed just now is settled."""
    return clock.now() + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_STRETCH", 3)


def write(hub: Hub, *texts: str, to: str = "police") -> None:
    for number, text in enumerate(texts):
        hub.push(to, hub.text(f"o{number}", text, to=to))


def counted() -> tuple[dict[str, int], dict[Outcome, int], dict[str, int]]:
    """Hits by rule, pushes by outcome, questions by the first way they were asked."""
    with reading():
        hits = {row.rule_code: row.count for row in session.scalars(select(Hits))}
        outcomes = {row.outcome: row.count for row in session.scalars(select(Traffic))}
        asked = {row.title: row.count for row in session.scalars(select(Cluster))}
    return hits, outcomes, asked


MESSAGES = (
    "身份证丢了",
    "宠物狗怎么办证",
    "补办身份证",
    "被绑架了",
    "宠物狗办证",
    "身份证",
    "谢谢",
)
EXPECTED = (
    {"police.id_card": 3},
    {Outcome.RULE: 3, Outcome.FALLBACK: 3, Outcome.EMERGENCY: 1},
    {"宠物狗怎么办证": 2},
)


def test_everything_is_counted_by_rule_outcome_and_question(hub: Hub, later: datetime) -> None:
    write(hub, *MESSAGES)

    gathering.gather(now=later)

    assert counted() == EXPECTED


def test_a_second_run_and_a_repeated_push_count_nothing_twice(hub: Hub, later: datetime) -> None:
    write(hub, *MESSAGES)
    again = hub.text("o9", "身份证")
    for _ in range(3):
        hub.push("police", again)

    for _ in range(3):
        gathering.gather(now=later)

    hits, _, _ = counted()
    assert hits == {"police.id_card": 4}


def test_a_run_that_dies_half_way_has_counted_nothing_of_its_stretch(
    hub: Hub, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(hub, *MESSAGES)

    def die(heaps: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(sorting, "keep", die)
        with pytest.raises(RuntimeError, match="killed"):
            gathering.gather(now=later)
    assert counted() == ({}, {}, {})

    gathering.gather(now=later)
    assert counted() == EXPECTED


def test_runs_at_the_same_time_count_everything_once(hub: Hub, later: datetime) -> None:
    write(hub, *MESSAGES)
    gate, failures = threading.Barrier(4), []

    def run() -> None:
        gate.wait()
        try:
            gathering.gather(now=later)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    gathering.gather(now=later)
    assert failures == []
    assert counted() == EXPECTED


def test_what_is_left_over_gets_a_job_of_its_own(
    hub: Hub, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_STRETCHES", 1)
    write(hub, *MESSAGES)

    gathering.gather(now=later)

    with reading():
        names = session.scalars(select(jobs.Job.name)).all()
    assert gathering.GATHER in names
    assert sum(counted()[1].values()) == 3


def test_what_came_in_this_minute_waits(hub: Hub) -> None:
    write(hub, "身份证")

    gathering.gather(now=clock.now())

    assert counted() == ({}, {}, {})


def test_an_answer_found_by_ear_alone_and_a_suggestion_are_unmatched_too(
    hub: Hub, later: datetime
) -> None:
    write(hub, "身分正丢了", "社保卡丢了")

    gathering.gather(now=later)

    with reading():
        reasons = {row.title: row.reason for row in session.scalars(select(Cluster))}
    assert reasons == {"身分正丢了": Reason.SOUND, "社保卡丢了": Reason.SUGGESTION}
