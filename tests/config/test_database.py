"""The small parts of the ground: compare-and-set, secrets, revisions, timetable, alarms, audit."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from config import alerts, audit, cache, cache_versions, clock, cron_lock, settings
from config.alerts import Alert, AlertAction
from config.audit import Actor, AuditEntry
from config.database import compare_and_set, get_for_update, read_only, session, transaction
from config.errors import NotFound
from config.jobs import Job, JobState
from config.security import crypto
from matrix.accounts.jobs_and_alerts import AccountAlert
from tests.helpers import NOW


@pytest.fixture
def job() -> Job:
    job = Job(name="a.b", payload={}, due_at=NOW, created_at=NOW)
    session.add(job)
    session.flush()
    return job


@pytest.mark.usefixtures("rolled_back")
def test_a_row_moves_only_from_the_values_it_was_expected_to_have(job: Job) -> None:
    moved = compare_and_set(
        Job, job.id, when={"state": (JobState.WAITING, JobState.DEAD)}, to={"state": JobState.DONE}
    )
    again = compare_and_set(
        Job, job.id, when={"state": JobState.WAITING}, to={"state": JobState.DEAD}
    )

    assert moved is job
    assert again is None
    assert job.state is JobState.DONE, "the row in the session knows"


@pytest.mark.usefixtures("rolled_back")
def test_locking_a_row_that_is_not_there_says_so(job: Job) -> None:
    assert get_for_update(Job, job.id) is job
    with pytest.raises(NotFound):
        get_for_update(Job, job.id + 1)


@pytest.mark.usefixtures("rolled_back")
def test_instants_keep_their_meaning_in_every_zone(job: Job) -> None:
    job.due_at = datetime(2026, 3, 10, 9, 30, tzinfo=timezone(timedelta(hours=8)))
    session.flush()
    session.expire(job)

    assert job.due_at == datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
    assert job.due_at.tzinfo is UTC


@pytest.mark.usefixtures("rolled_back")
def test_a_time_without_a_zone_is_refused(job: Job) -> None:
    job.due_at = datetime(2026, 3, 10, 9, 30)  # noqa: DTZ001 - the point of the test

    with pytest.raises(StatementError, match="zone"):
        session.flush()
    session.rollback()


def test_a_secret_outlives_a_change_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("FIELD_KEYS", old)
    settings.reset()
    sealed = crypto.encrypt("应用密钥")

    monkeypatch.setenv("FIELD_KEYS", f"{new},{old}")
    settings.reset()
    assert crypto.decrypt(sealed) == "应用密钥"
    assert "应用密钥" not in sealed
    resealed = crypto.encrypt(crypto.decrypt(sealed))

    monkeypatch.setenv("FIELD_KEYS", new)
    settings.reset()
    assert crypto.decrypt(resealed) == "应用密钥"
    with pytest.raises(crypto.DecryptionFailed):
        crypto.decrypt(sealed)
    monkeypatch.undo()
    settings.reset()


@pytest.mark.usefixtures("rolled_back")
def test_cache_versions_count_changes_by_name() -> None:
    for name in ("rules", "rules", "accounts"):
        cache_versions.invalidate(name)

    assert cache_versions.current() == {"rules": 2, "accounts": 1}


@pytest.mark.usefixtures("rolled_back")
def test_a_scheduled_time_is_claimed_once_and_never_backwards() -> None:
    hour = timedelta(hours=1)

    claims = [cron_lock.claim("tidy", due) for due in (NOW, NOW, NOW + hour, NOW, NOW - hour)]

    assert claims == [True, False, True, False, False]
    assert cron_lock.claim("other", NOW)


@pytest.mark.usefixtures("rolled_back")
def test_an_alert_is_raised_once_and_counts_up_until_it_is_closed() -> None:
    for _ in range(3):
        alerts.raise_alert(AccountAlert.CONNECTION_FAILED, "wx1", "连接失败", now=NOW)
    alerts.raise_alert(AccountAlert.CONNECTION_FAILED, "wx2", "连接失败", now=NOW)
    first = session.scalars(select(Alert).where(Alert.subject == "wx1")).one()

    assert first.count == 3
    assert alerts.mark_resolved(first.id, by="值班员", now=NOW)
    assert not alerts.mark_resolved(first.id, by="值班员", now=NOW)
    alerts.raise_alert(AccountAlert.CONNECTION_FAILED, "wx1", "连接失败", now=NOW)
    assert len(session.scalars(select(Alert).where(Alert.subject == "wx1")).all()) == 2


@pytest.mark.usefixtures("rolled_back")
def test_the_audit_names_who_acted() -> None:
    audit.record(AlertAction.RESOLVE, owner=audit.CITY, object_id=1)
    with audit.acting_as(Actor("编辑", staff_id=7, address="203.0.113.9")):
        audit.record(
            AlertAction.RESOLVE, owner=audit.CITY, object_id=2, before={"x": 1}, after={"x": 2}
        )
    session.flush()

    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(row.actor_label, row.actor_id, row.action) for row in rows] == [
        ("system", None, "alert.resolve"),
        ("编辑", 7, "alert.resolve"),
    ]


def test_without_redis_the_cache_is_empty_and_quick() -> None:
    cache.reset()
    cache.put("k", "v", 60)

    assert cache.get("k") is None
    assert cache.is_unavailable()
    with cache.lease("one", 5) as held:
        assert not held
    cache.reset()


def test_a_lease_has_one_holder(redis_url: str) -> None:
    with cache.lease("one", 5) as first, cache.lease("one", 5) as second:
        assert (first, second) == (True, False)
    with cache.lease("one", 5) as third:
        assert third


def test_a_lease_that_lapsed_is_not_taken_from_its_next_holder(redis_url: str) -> None:
    with cache.lease("one", 0.001):
        while cache.get("lease:one") is not None:
            pass
        cache.put("lease:one", "somebody else", 5)

    assert cache.get("lease:one") == b"somebody else"


def test_the_local_day_turns_at_midnight_of_the_city() -> None:
    assert clock.local_day(datetime(2026, 3, 10, 15, 59, tzinfo=UTC)).day == 10
    assert clock.local_day(datetime(2026, 3, 10, 16, 0, tzinfo=UTC)).day == 11


@pytest.mark.usefixtures("own_database")
def test_a_commit_is_seen_by_the_next_transaction() -> None:
    with transaction():
        cache_versions.invalidate("rules")
    with transaction():
        assert cache_versions.current() == {"rules": 1}


@pytest.mark.usefixtures("own_database")
def test_a_unit_of_work_does_not_open_inside_another() -> None:
    def nested() -> None:
        with transaction():
            cache_versions.invalidate("rules")
            with read_only():
                cache_versions.current()

    with pytest.raises(RuntimeError, match="open already"):
        nested()
    with transaction():
        assert cache_versions.current() == {}
