"""The worker is killed again and again while it imports rules: in the end all are there, once."""

import time

import pytest
from sqlalchemy import func, select

from config import clock
from config.database import reading, session, transaction
from config.tenancy import Member
from keywords import imports
from keywords.history import RuleVersion
from keywords.imports import RuleImport, State
from keywords.stored import StoredRule
from matrix.staff import grants
from tests.app.exchange.workbooks import rule, sheet
from tests.fixtures.console import Desk
from tests.fixtures.processes import Processes, Running

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

RULES = 2000
# seconds after the worker began; what it does then differs from run to run
KILLS = (0.3, 0.8, 1.4, 2.0)


def member_of(desk: Desk) -> Member:
    person, now = desk.person("editor", "police"), clock.now()
    with transaction():
        held = grants.standing([person.id])
        return grants.member(person, held, today=clock.local_day(now))


def upload(member: Member) -> int:
    body = sheet(*(rule(number) for number in range(RULES)))
    with transaction():
        return imports.upload("规则.xlsx", body, by=member, now=clock.now()).id


def state_of(key: int) -> State:
    with reading():
        return session.scalars(select(RuleImport.state).where(RuleImport.id == key)).one()


def imported() -> tuple[int, int]:
    """How many rules of the file are there, and how many versions of them."""
    with reading():
        ids = select(StoredRule.id).where(StoredRule.code.startswith("import."))
        rules = session.scalar(select(func.count()).select_from(ids.subquery()))
        versions = session.scalar(
            select(func.count()).select_from(RuleVersion).where(RuleVersion.rule_id.in_(ids))
        )
    return rules or 0, versions or 0


def begins(worker: Running, times: int) -> None:
    worker.wait_until(lambda: worker.log().count("worker.started") >= times)


def test_an_import_whose_worker_is_killed_comes_in_whole_and_once(
    desk: Desk, processes: Processes
) -> None:
    processes.start("scheduler")
    worker = processes.start("worker", JOB_LEASE="5")
    key = upload(member_of(desk))
    begins(worker, 1)
    worker.wait_until(lambda: state_of(key) is State.CHECKED)
    with transaction():
        imports.confirm(key, submits=False, now=clock.now())

    for turn, pause in enumerate(KILLS, 2):
        time.sleep(pause)
        worker.kill()
        assert imported() in ((0, 0), (RULES, RULES))
        assert (state_of(key) is State.DONE) is (imported()[0] == RULES)
        worker.start_again()
        begins(worker, turn)

    worker.wait_until(lambda: state_of(key) is State.DONE)
    assert imported() == (RULES, RULES)
