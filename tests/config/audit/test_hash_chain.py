"""Seals: they cover every row once, and a change of any row breaks them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from structlog.testing import capture_logs

from app.jobs import audit_seals
from app.jobs import registry as handlers
from config import alerts, audit, database, jobs
from config.audit import AuditEntry, hash_chain
from config.audit.hash_chain import Seal
from config.database import session, transaction
from config.jobs import Job
from tests.helpers import NOW

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=2)


def write(count: int, *, at: datetime = NOW, **more: object) -> None:
    """Write rows as of an instant."""
    with transaction():
        session.add_all(_rows(count, at, **more))


def _rows(count: int, at: datetime, label: str = "社保卡") -> list[AuditEntry]:
    return [
        AuditEntry(
            at=at,
            action="rule.update",
            actor_label="编辑",
            address="192.0.2.7",
            request_id="",
            object_kind="rule",
            object_id=str(number),
            object_label=label,
            before={"名称": "旧", "n": 1.5},
            after={"n": None, "名称": "新"},
            reason="",
        )
        for number in range(count)
    ]


def stored_seals() -> list[tuple[int, int, int]]:
    with transaction():
        rows = session.scalars(select(Seal).order_by(Seal.id))
        return [(row.from_id, row.to_id, row.count) for row in rows]


def verification() -> list[str]:
    """Every fault, as the nightly jobs find them."""
    faults: list[str] = []
    after: int | None = 0
    while after is not None:
        with transaction():
            checked = hash_chain.verify_segment(after)
        faults += checked.mismatches.values()
        after = checked.next_after
    return faults


def tamper(statement: str) -> None:
    """Change the database as only its owner can."""
    with database.engine().begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_refuse"))
            connection.execute(text("ALTER TABLE audit_seals DISABLE TRIGGER audit_seals_refuse"))
        else:
            for table in ("audit", "audit_seals"):
                for word in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{word}"))
        connection.execute(text(statement))


@pytest.mark.usefixtures("own_database")
def test_every_settled_row_is_under_one_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_chain, "ROWS_PER_SEAL", 4)
    write(10)
    write(3, at=LATER)

    audit_seals.seal(now=LATER)
    assert stored_seals() == [(1, 4, 4), (5, 8, 4), (9, 10, 2)]
    audit_seals.seal(now=LATER)
    assert len(stored_seals()) == 3, "a second run finds nothing to do"
    audit_seals.seal(now=LATER + hash_chain.MIN_ROW_AGE + MINUTE)
    assert stored_seals()[3:] == [(11, 13, 3)]
    assert verification() == []


@pytest.mark.usefixtures("own_database")
def test_nothing_is_sealed_where_nothing_was_written() -> None:
    audit_seals.seal(now=LATER)
    assert stored_seals() == []
    assert verification() == []


@pytest.mark.usefixtures("own_database")
def test_what_is_not_settled_waits() -> None:
    write(2, at=NOW)
    write(1, at=NOW + 5 * MINUTE)

    audit_seals.seal(now=NOW + hash_chain.MIN_ROW_AGE)
    assert stored_seals() == []
    audit_seals.seal(now=NOW + hash_chain.MIN_ROW_AGE + MINUTE)
    assert stored_seals() == [(1, 2, 2)]


# SQLite has one writer at a time
@pytest.mark.parametrize("database_server", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("own_database")
def test_a_row_of_a_long_transaction_is_waited_for() -> None:
    address = database.engine().url.render_as_string(hide_password=False)
    with psycopg.connect(address.replace("+psycopg", "")) as other:
        number = other.execute("SELECT nextval('audit_id_seq'), pg_current_xact_id()").fetchone()
        assert number is not None
        write(2, at=NOW)
        with transaction():
            # the other began just now, long after these rows by their own clock
            began = session.scalar(text("SELECT now()"))
        write(2, at=began)
        audit_seals.seal(now=began + hash_chain.MIN_ROW_AGE + 5 * MINUTE)
        assert stored_seals() == [(1, 3, 2)], "the other may bring a row as old as the last two"
    audit_seals.seal(now=began + hash_chain.MIN_ROW_AGE + 5 * MINUTE)
    assert stored_seals()[1:] == [(4, 5, 2)]


@pytest.mark.usefixtures("own_database")
def test_concurrent_sealing_jobs_write_each_seal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_chain, "ROWS_PER_SEAL", 5)
    write(40)
    together = Barrier(4)

    def run(_: int) -> None:
        together.wait()
        audit_seals.seal(now=LATER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    audit_seals.seal(now=LATER)

    assert [first for first, _, _ in stored_seals()] == list(range(1, 41, 5))
    assert verification() == []


CHANGES = {
    "a value": "UPDATE audit SET object_label = '别的' WHERE id = 6",
    "facts": 'UPDATE audit SET after = \'{"n": null, "名称": "假"}\' WHERE id = 6',
    "an instant": "UPDATE audit SET at = '2026-03-10 01:30:01.000000' WHERE id = 6",
    "a row gone": "DELETE FROM audit WHERE id = 6",
    "a row from elsewhere": "UPDATE audit SET id = 6000 WHERE id = 6",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.usefixtures("own_database")
def test_a_tampered_row_breaks_its_seal(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    monkeypatch.setattr(hash_chain, "ROWS_PER_SEAL", 4)
    write(12)
    audit_seals.seal(now=LATER)
    assert verification() == []

    tamper(statement)
    assert verification() == ["第 2 号封条与记录 5–8 不符"]


@pytest.mark.usefixtures("own_database")
def test_a_missing_or_forged_seal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_chain, "ROWS_PER_SEAL", 4)
    write(12)
    audit_seals.seal(now=LATER)
    with transaction():
        root = hash_chain.find_latest()
        assert root is not None
        assert hash_chain.contains_root(root.root_hash.upper())
    tamper("DELETE FROM audit_seals WHERE id = 2")
    assert verification() == ["第 3 号封条与前一号不衔接"]
    tamper("DELETE FROM audit_seals WHERE id > 0")
    tamper("DELETE FROM audit WHERE id > 8")
    audit_seals.seal(now=LATER)
    assert verification() == [], "the chain alone cannot tell"
    with transaction():
        assert not hash_chain.contains_root(root.root_hash), "the log can"


@pytest.mark.usefixtures("own_database")
def test_seals_and_rows_are_never_changed() -> None:
    write(2)
    audit_seals.seal(now=LATER)
    for statement in (
        "UPDATE audit_seals SET count = 1",
        "DELETE FROM audit_seals",
        "UPDATE audit SET reason = 'x'",
        "DELETE FROM audit",
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction():
            session.execute(text(statement))


@pytest.mark.usefixtures("own_database")
def test_the_nightly_job_checks_all_seals_in_batches_and_alerts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hash_chain, "ROWS_PER_SEAL", 2)
    monkeypatch.setattr(hash_chain, "_ROWS_PER_SEGMENT", 4)
    write(12)
    audit_seals.seal(now=LATER)
    tamper("DELETE FROM audit WHERE id = 11")
    handlers.register()
    with transaction():
        audit_seals.verify(now=LATER)
    for _ in range(5):
        _do_waiting()
    jobs.register(transactional={}, non_transactional={})

    with transaction():
        raised = session.scalars(select(alerts.Alert)).all()
        done = session.scalar(select(func.count()).where(Job.state == jobs.JobState.DONE))
    assert [(alarm.kind, alarm.subject, alarm.count) for alarm in raised] == [
        ("audit.chain_broken", "6", 1)
    ]
    assert done == 3, "three stretches of two seals"


def _do_waiting() -> None:
    with transaction():
        waiting = session.scalars(select(Job.id).where(Job.state == jobs.JobState.WAITING)).all()
    for job_id in waiting:
        jobs.run(job_id, now=LATER + timedelta(days=400))


@pytest.mark.usefixtures("own_database")
def test_a_stopped_sealing_job_raises_an_alert() -> None:
    write(1)
    for now, cries in ((NOW + 10 * MINUTE, False), (LATER, True)):
        with transaction():
            audit_seals.verify(now=now)
            raised = session.scalars(select(alerts.Alert.kind)).all()
        assert ("audit.sealing_overdue" in raised) is cries
    audit_seals.seal(now=LATER)
    with transaction():
        assert hash_chain.overdue_since(now=LATER + timedelta(days=9)) is None


@pytest.mark.usefixtures("own_database")
def test_a_root_goes_to_the_log() -> None:
    write(1)
    with capture_logs() as lines:
        audit_seals.seal(now=LATER)
    with transaction():
        sealed = hash_chain.find_latest()
    assert sealed is not None
    assert [line["root"] for line in lines if line["event"] == "audit.sealed"] == [sealed.root_hash]


def test_a_row_is_the_same_bytes_wherever_it_was_read(own_database: str) -> None:
    write(1)
    with transaction():
        audit_row = session.scalars(select(audit.AuditEntry)).one()
        fresh = hash_chain._canonical_json(audit_row)
    assert fresh.decode() == (
        '{"account_id": null, "action": "rule.update", "actor_id": null, "actor_label": "编辑",'
        ' "address": "192.0.2.7", "after": {"n": null, "名称": "新"},'
        ' "at": "2026-03-10T01:30:00+00:00", "before": {"n": 1.5, "名称": "旧"},'
        ' "department_id": null, "id": 1, "object_id": "0", "object_kind": "rule",'
        ' "object_label": "社保卡", "reason": "", "request_id": ""}'
    )
