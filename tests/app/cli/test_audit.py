"""`flask audit verify`, as somebody at a terminal sees it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from app import cli
from app.jobs import audit_seals
from config import audit, clock, database
from config.audit import hash_chain
from config.database import session, transaction
from keywords.rules.versions import RuleAction

Run = Callable[..., Result]


@pytest.fixture
def run(own_database: str) -> Run:
    """Run `audit verify` over two sealed rows."""
    with transaction():
        for number in (1, 2):
            audit.record(RuleAction.DELETE, owner=audit.CITY, object_id=number)
    audit_seals.seal(now=clock.now() + timedelta(hours=1))
    app = Flask("tests")
    cli.register(app)
    return lambda *words: app.test_cli_runner().invoke(args=["audit", "verify", *words])


def root() -> str:
    with transaction():
        last = hash_chain.find_latest()
        assert last is not None
        return last.root_hash


def test_seals_that_hold_are_counted(run: Run) -> None:
    said = run()
    assert said.exit_code == 0
    assert "1 枚封条、2 条记录" in said.output
    assert root() in said.output


def test_a_root_from_the_log_is_looked_for(run: Run) -> None:
    assert run("--root", root()).exit_code == 0
    lost = run("--root", "ab" * 32)
    assert lost.exit_code == 1
    assert "没有根哈希 abab" in lost.stderr


def test_a_wiped_audit_is_named_by_the_root_that_was_kept(run: Run) -> None:
    kept = root()
    with transaction():
        for table in ("audit_seals", "audit"):
            if database.dialect() == "sqlite":
                session.execute(text(f"DROP TRIGGER {table}_no_delete"))
            else:
                session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            session.execute(text(f"DELETE FROM {table}"))
    said = run()
    assert said.exit_code == 1
    assert f"没有根哈希 {kept}" in said.stderr


def test_a_broken_seal_is_named_and_the_command_fails(run: Run) -> None:
    with transaction():
        if database.dialect() == "sqlite":
            session.execute(text("DROP TRIGGER audit_no_update"))
        else:
            session.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        session.execute(text("UPDATE audit SET object_id = '3' WHERE id = 2"))
    broken = run()
    assert broken.exit_code == 1
    assert "第 1 号封条与记录 1–2 不符" in broken.stderr
