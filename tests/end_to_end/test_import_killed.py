"""The worker is killed again and again while it imports rules: in the end all are there, once."""

import time

import pytest
from sqlalchemy import func, select

from config import clock
from config.database import read_only, session, transaction
from config.permissions import Principal
from keywords.rules import rule_imports
from keywords.rules.rule_imports import ImportState, RuleImport
from keywords.rules.store import RuleRow
from keywords.rules.versions import RuleVersion
from matrix.staff import grants
from tests.helpers.console import Console
from tests.helpers.processes import Processes, Running
from tests.helpers.workbooks import rule, sheet

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

RULES = 1000
# seconds after the worker began; what it does then differs from run to run
KILLS = (0.2, 0.5, 0.9, 1.4)


def member_of(console: Console) -> Principal:
    person, now = console.person("editor", "police"), clock.now()
    with transaction():
        held = grants.list_current([person.id])
        return grants.principal_for(person, held, today=clock.local_day(now))


def upload(member: Principal) -> int:
    body = sheet(*(rule(number) for number in range(RULES)))
    with transaction():
        return rule_imports.upload("规则.xlsx", body, by=member, now=clock.now()).id


def state_of(key: int) -> ImportState:
    with read_only():
        return session.scalars(select(RuleImport.state).where(RuleImport.id == key)).one()


def imported() -> tuple[int, int]:
    """How many rules of the file are there, and how many versions of them."""
    with read_only():
        ids = select(RuleRow.id).where(RuleRow.slug.startswith("import."))
        rules = session.scalar(select(func.count()).select_from(ids.subquery()))
        versions = session.scalar(
            select(func.count()).select_from(RuleVersion).where(RuleVersion.rule_id.in_(ids))
        )
    return rules or 0, versions or 0


def job_started(worker: Running, times: int) -> None:
    worker.wait_until(lambda: worker.log().count("worker.started") >= times)


def test_an_import_whose_worker_is_killed_comes_in_whole_and_once(
    console: Console, processes: Processes
) -> None:
    processes.start("scheduler")
    worker = processes.start("worker", JOB_LEASE="5")
    key = upload(member_of(console))
    job_started(worker, 1)
    worker.wait_until(lambda: state_of(key) is ImportState.CHECKED)
    with transaction():
        rule_imports.confirm(key, submits=False, now=clock.now())

    for turn, pause in enumerate(KILLS, 2):
        time.sleep(pause)
        worker.kill()
        assert imported() in ((0, 0), (RULES, RULES))
        assert (state_of(key) is ImportState.DONE) is (imported()[0] == RULES)
        worker.start_again()
        job_started(worker, turn)

    worker.wait_until(lambda: state_of(key) is ImportState.DONE)
    assert imported() == (RULES, RULES)
