"""Seals: they cover every row once, and a change of any row breaks them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from structlog.testing import capture_logs

from app import jobs as handlers
from app import sealing
from config import alarms, audit, database, jobs
from config.audit import Entry, seals
from config.audit.seals import Seal
from config.database import session, transaction
from config.jobs import Job
from tests.fixtures import NOW

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=2)


def write(count: int, *, at: datetime = NOW, **more: object) -> None:
    """Write rows as of an instant."""
    with transaction():
        session.add_all(_rows(count, at, **more))


def _rows(count: int, at: datetime, label: str = "社保卡") -> list[Entry]:
    return [
        Entry(
            at=at,
            action="rule.updated",
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


def kept() -> list[tuple[int, int, int]]:
    with transaction():
        rows = session.scalars(select(Seal).order_by(Seal.id))
        return [(row.from_id, row.to_id, row.count) for row in rows]


def verdict() -> list[str]:
    """Every fault, as the nightly jobs find them."""
    faults: list[str] = []
    after: int | None = 0
    while after is not None:
        with transaction():
            checked = seals.check(after)
        faults += checked.faults.values()
        after = checked.next
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
    monkeypatch.setattr(seals, "ROWS", 4)
    write(10)
    write(3, at=LATER)

    sealing.seal(now=LATER)
    assert kept() == [(1, 4, 4), (5, 8, 4), (9, 10, 2)]
    sealing.seal(now=LATER)
    assert len(kept()) == 3, "a second run finds nothing to do"
    sealing.seal(now=LATER + seals.SETTLED_AFTER + MINUTE)
    assert kept()[3:] == [(11, 13, 3)]
    assert verdict() == []


@pytest.mark.usefixtures("own_database")
def test_nothing_is_sealed_where_nothing_was_written() -> None:
    sealing.seal(now=LATER)
    assert kept() == []
    assert verdict() == []


@pytest.mark.usefixtures("own_database")
def test_what_is_not_settled_waits() -> None:
    write(2, at=NOW)
    write(1, at=NOW + 5 * MINUTE)

    sealing.seal(now=NOW + seals.SETTLED_AFTER)
    assert kept() == []
    sealing.seal(now=NOW + seals.SETTLED_AFTER + MINUTE)
    assert kept() == [(1, 2, 2)]


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
        sealing.seal(now=began + seals.SETTLED_AFTER + 5 * MINUTE)
        assert kept() == [(1, 3, 2)], "the other may bring a row as old as the last two"
    sealing.seal(now=began + seals.SETTLED_AFTER + 5 * MINUTE)
    assert kept()[1:] == [(4, 5, 2)]


@pytest.mark.usefixtures("own_database")
def test_many_sealers_at_once_set_each_seal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "ROWS", 5)
    write(40)
    together = Barrier(4)

    def run(_: int) -> None:
        together.wait()
        sealing.seal(now=LATER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    sealing.seal(now=LATER)

    assert [first for first, _, _ in kept()] == list(range(1, 41, 5))
    assert verdict() == []


CHANGES = {
    "a value": "UPDATE audit SET object_label = '别的' WHERE id = 6",
    "facts": 'UPDATE audit SET after = \'{"n": null, "名称": "假"}\' WHERE id = 6',
    "an instant": "UPDATE audit SET at = '2026-03-10 01:30:01.000000' WHERE id = 6",
    "a row gone": "DELETE FROM audit WHERE id = 6",
    "a row from elsewhere": "UPDATE audit SET id = 6000 WHERE id = 6",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.usefixtures("own_database")
def test_a_change_behind_the_back_shows_at_its_seal(
    monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setattr(seals, "ROWS", 4)
    write(12)
    sealing.seal(now=LATER)
    assert verdict() == []

    tamper(statement)
    assert verdict() == ["第 2 号封条与记录 5–8 不符"]


@pytest.mark.usefixtures("own_database")
def test_a_seal_that_is_gone_or_made_anew_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "ROWS", 4)
    write(12)
    sealing.seal(now=LATER)
    with transaction():
        root = seals.newest()
        assert root is not None
        assert seals.holds_root(root.root_hash.upper())
    tamper("DELETE FROM audit_seals WHERE id = 2")
    assert verdict() == ["第 3 号封条与前一号不衔接"]
    tamper("DELETE FROM audit_seals WHERE id > 0")
    tamper("DELETE FROM audit WHERE id > 8")
    sealing.seal(now=LATER)
    assert verdict() == [], "the chain alone cannot tell"
    with transaction():
        assert not seals.holds_root(root.root_hash), "the log can"


@pytest.mark.usefixtures("own_database")
def test_seals_and_rows_are_never_changed() -> None:
    write(2)
    sealing.seal(now=LATER)
    for statement in (
        "UPDATE audit_seals SET count = 1",
        "DELETE FROM audit_seals",
        "UPDATE audit SET reason = 'x'",
        "DELETE FROM audit",
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction():
            session.execute(text(statement))


@pytest.mark.usefixtures("own_database")
def test_the_night_checks_all_seals_in_stretches_and_cries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seals, "ROWS", 2)
    monkeypatch.setattr(seals, "_ROWS_AT_ONCE", 4)
    write(12)
    sealing.seal(now=LATER)
    tamper("DELETE FROM audit WHERE id = 11")
    handlers.register()
    with transaction():
        sealing.verify(now=LATER)
    for _ in range(5):
        _do_waiting()
    jobs.register(inside={}, outside={})

    with transaction():
        raised = session.scalars(select(alarms.Alarm)).all()
        done = session.scalar(select(func.count()).where(Job.state == jobs.State.DONE))
    assert [(alarm.kind, alarm.subject, alarm.count) for alarm in raised] == [
        ("audit.broken", "6", 1)
    ]
    assert done == 3, "three stretches of two seals"


def _do_waiting() -> None:
    with transaction():
        waiting = session.scalars(select(Job.id).where(Job.state == jobs.State.WAITING)).all()
    for job_id in waiting:
        jobs.run(job_id, now=LATER + timedelta(days=400))


@pytest.mark.usefixtures("own_database")
def test_a_sealer_that_stands_still_is_noticed() -> None:
    write(1)
    for now, cries in ((NOW + 10 * MINUTE, False), (LATER, True)):
        with transaction():
            sealing.verify(now=now)
            raised = session.scalars(select(alarms.Alarm.kind)).all()
        assert ("audit.unsealed" in raised) is cries
    sealing.seal(now=LATER)
    with transaction():
        assert seals.late_since(now=LATER + timedelta(days=9)) is None


@pytest.mark.usefixtures("own_database")
def test_a_root_goes_to_the_log() -> None:
    write(1)
    with capture_logs() as lines:
        sealing.seal(now=LATER)
    with transaction():
        sealed = seals.newest()
    assert sealed is not None
    assert [line["root"] for line in lines if line["event"] == "audit.sealed"] == [sealed.root_hash]


def test_a_row_is_the_same_bytes_wherever_it_was_read(own_database: str) -> None:
    write(1)
    with transaction():
        audit_row = session.scalars(select(audit.Entry)).one()
        fresh = seals._plain(audit_row)
    assert fresh.decode() == (
        '{"action": "rule.updated", "actor_id": null, "actor_label": "编辑",'
        ' "address": "192.0.2.7", "after": {"n": null, "名称": "新"},'
        ' "at": "2026-03-10T01:30:00+00:00", "before": {"n": 1.5, "名称": "旧"},'
        ' "department_id": null, "id": 1, "object_id": "0", "object_kind": "rule",'
        ' "object_label": "社保卡", "reason": "", "request_id": ""}'
    )
