"""Sealing is not stopped by a date, nor is wiping hidden by an empty chain."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.jobs import audit_seals
from config.alerts import Alert
from config.audit import anchor, hash_chain
from config.database import session, transaction
from tests.config.audit.test_hash_chain import (
    LATER,
    MINUTE,
    NOW,
    stored_seals,
    tamper,
    verification,
    write,
)

pytestmark = pytest.mark.usefixtures("own_database")
FUTURE = NOW + timedelta(days=365 * 50)


def alerts() -> list[tuple[str, str]]:
    with transaction():
        rows = session.execute(select(Alert.kind, Alert.subject).order_by(Alert.id))
        return [(row.kind, row.subject) for row in rows]


def verify() -> None:
    with transaction():
        audit_seals.verify(now=LATER)


def test_a_row_from_the_future_is_sealed_with_what_follows_and_alerts() -> None:
    write(2)
    write(1, at=FUTURE)
    write(3)
    audit_seals.seal(now=LATER)
    assert stored_seals() == [(1, 6, 6)]
    assert alerts() == [("audit.future_row", "3")]
    assert verification() == []


def test_the_last_row_from_the_future_waits_for_one_behind_it() -> None:
    write(2)
    write(1, at=FUTURE)
    audit_seals.seal(now=LATER)
    assert stored_seals() == [(1, 2, 2)]
    write(1, at=LATER)
    audit_seals.seal(now=LATER + hash_chain.MIN_ROW_AGE + MINUTE)
    assert stored_seals() == [(1, 2, 2), (3, 4, 2)]


def test_any_number_of_rows_from_the_future_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_chain, "ROWS_PER_SEAL", 4)
    write(10, at=FUTURE)
    write(1)
    audit_seals.seal(now=LATER)
    assert stored_seals() == [(1, 4, 4), (5, 8, 4), (9, 11, 3)]


def test_a_young_row_is_waited_for_behind_one_from_the_future() -> None:
    write(1, at=FUTURE)
    write(1, at=LATER)
    write(1)
    audit_seals.seal(now=LATER)
    assert stored_seals() == [(1, 1, 1)]


def test_sealing_is_overdue_behind_a_row_from_the_future() -> None:
    write(1, at=FUTURE)
    write(1)
    with transaction():
        assert hash_chain.overdue_since(now=LATER) == NOW


@pytest.mark.parametrize(
    "wiped", [("DELETE FROM audit_seals",), ("DELETE FROM audit_seals", "DELETE FROM audit")]
)
def test_wiping_everything_is_seen(wiped: tuple[str, ...]) -> None:
    write(3)
    audit_seals.seal(now=LATER)
    kept = anchor.read()
    verify()
    assert alerts() == []
    for statement in wiped:
        tamper(statement)
    assert verification() == []
    verify()
    assert ("audit.chain_broken", "anchor") in alerts()

    # also after sealing has begun anew, which does not take the proof away
    write(2)
    audit_seals.seal(now=LATER)
    assert anchor.read() == kept
    with transaction():
        session.execute(text("DELETE FROM alerts"))
    verify()
    assert ("audit.chain_broken", "anchor") in alerts()


def test_the_root_is_kept_for_its_owner_only_and_moves_on() -> None:
    write(1)
    audit_seals.seal(now=LATER)
    first = anchor.read()
    write(1)
    audit_seals.seal(now=LATER)
    second = anchor.read()
    assert first is not None
    assert second is not None
    assert (first.seal, second.seal) == (1, 2)
    assert anchor._path().stat().st_mode & 0o777 == 0o600
