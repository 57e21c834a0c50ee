"""Gathering: what citizens wrote is counted once, whatever happens to the job."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.jobs import inbox_statistics
from config import clock, jobs
from config.database import read_only, session
from keywords.statistics import clustering
from keywords.statistics.hits import RuleHits
from keywords.statistics.unanswered import Cluster, UnansweredReason
from matrix.inbox import Outcome
from matrix.inbox.daily_counts import DailyCount
from tests.helpers.hub import Hub


@pytest.fixture
def settled_at() -> datetime:
    """When everything that was pushed just now is settled."""
    return clock.now() + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_statistics, "_BATCH_SIZE", 3)


def write(hub: Hub, *texts: str, to: str = "police") -> None:
    for number, text in enumerate(texts):
        hub.push(to, hub.text(f"o{number}", text, to=to))


def counted() -> tuple[dict[str, int], dict[Outcome, int], dict[str, int]]:
    """Hits by rule, pushes by outcome, questions by the first way they were asked."""
    with read_only():
        hits = {row.rule_slug: row.count for row in session.scalars(select(RuleHits))}
        outcomes = {row.outcome: row.count for row in session.scalars(select(DailyCount))}
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
    {Outcome.RULE: 3, Outcome.FALLBACK: 2, Outcome.SMALL_TALK: 1, Outcome.EMERGENCY: 1},
    {"宠物狗怎么办证": 2},
)


def test_everything_is_counted_by_rule_outcome_and_question(hub: Hub, settled_at: datetime) -> None:
    write(hub, *MESSAGES)

    inbox_statistics.update_statistics(now=settled_at)

    assert counted() == EXPECTED


def test_a_second_run_and_a_repeated_push_count_nothing_twice(
    hub: Hub, settled_at: datetime
) -> None:
    write(hub, *MESSAGES)
    again = hub.text("o9", "身份证")
    for _ in range(3):
        hub.push("police", again)

    for _ in range(3):
        inbox_statistics.update_statistics(now=settled_at)

    hits, _, _ = counted()
    assert hits == {"police.id_card": 4}


def test_a_run_that_is_killed_has_counted_nothing_of_its_batch(
    hub: Hub, settled_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(hub, *MESSAGES)

    def die(heaps: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(clustering, "save", die)
        with pytest.raises(RuntimeError, match="killed"):
            inbox_statistics.update_statistics(now=settled_at)
    assert counted() == ({}, {}, {})

    inbox_statistics.update_statistics(now=settled_at)
    assert counted() == EXPECTED


def test_runs_at_the_same_time_count_everything_once(hub: Hub, settled_at: datetime) -> None:
    write(hub, *MESSAGES)
    gate, failures = threading.Barrier(4), []

    def run() -> None:
        gate.wait()
        try:
            inbox_statistics.update_statistics(now=settled_at)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    inbox_statistics.update_statistics(now=settled_at)
    assert failures == []
    assert counted() == EXPECTED


def test_what_is_left_over_gets_a_job_of_its_own(
    hub: Hub, settled_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_statistics, "_MAX_BATCHES", 1)
    write(hub, *MESSAGES)

    inbox_statistics.update_statistics(now=settled_at)

    with read_only():
        names = session.scalars(select(jobs.Job.name)).all()
    assert inbox_statistics.InboxJob.UPDATE_STATISTICS in names
    assert sum(counted()[1].values()) == 3


def test_what_came_in_this_minute_waits(hub: Hub) -> None:
    write(hub, "身份证")

    inbox_statistics.update_statistics(now=clock.now())

    assert counted() == ({}, {}, {})


def test_a_phonetic_match_and_a_suggestion_count_as_unanswered_too(
    hub: Hub, settled_at: datetime
) -> None:
    write(hub, "身分正丢了", "社保卡丢了")

    inbox_statistics.update_statistics(now=settled_at)

    with read_only():
        reasons = {row.title: row.reason for row in session.scalars(select(Cluster))}
    assert reasons == {
        "身分正丢了": UnansweredReason.PHONETIC,
        "社保卡丢了": UnansweredReason.SUGGESTION,
    }
