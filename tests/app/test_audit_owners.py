"""Every audited action names the owner of its object, so that the right auditors see it.

Everything is done to things of the police. Each row must be seen by an auditor of the police and by
none of another department. An action that no step takes fails the test; what is the whole city's
stands in CITY_WIDE.
"""

import pytest
from sqlalchemy import func, select

from app.audit_labels import ACTION_ENUMS
from config import clock
from config.audit import AuditEntry, search
from config.audit.actions import AuditAction
from config.database import session, transaction
from config.permissions import Permission, Principal
from matrix.staff import grants
from matrix.staff.sign_in.ip_allowlist import NetworkAction
from tests.app._audited_changes import STEPS, Police
from tests.helpers.console import Console
from tests.helpers.principals import EVERYWHERE

CITY_WIDE: set[str] = set(NetworkAction)


def _auditor(console: Console, code: str) -> Principal:
    person = console.person("auditor", code)
    with transaction():
        current = grants.list_current([person.id])
        return grants.principal_for(person, current, today=clock.local_day(clock.now()))


def _read_by(member: Principal, after: int) -> set[int]:
    found: set[int] = set()
    before = None
    with transaction():
        while True:
            page = search.search_for_staff(member, search.Query(), before=before)
            found |= {row.id for row in page.rows if row.id > after}
            if (before := page.next_before) is None:
                return found


@pytest.fixture
def police(console: Console) -> Police:
    """The police, and somebody of theirs who may do everything everywhere."""
    person = console.person("department_admin", "police")
    department_id = console.department_id("police")
    assert department_id is not None
    everything = dict.fromkeys(Permission, EVERYWHERE)
    by = Principal(person.id, person.name, everything, department_id)
    return Police(console, by, department_id, console.account_id("police"), clock.now())


def test_the_auditors_of_the_owner_and_no_others_see_every_action(police: Police) -> None:
    with transaction():
        start = session.scalar(select(func.max(AuditEntry.id))) or 0
    for step in STEPS:
        step(police)
    with transaction():
        rows = session.scalars(select(AuditEntry).where(AuditEntry.id > start)).all()
    stranger, own = _auditor(police.console, "hrss"), _auditor(police.console, "police")

    actions: set[AuditAction] = {action for enum in ACTION_ENUMS for action in enum}
    assert actions - {row.action for row in rows} == set(), "no step takes these actions"
    of_city = {row.id for row in rows if row.action in CITY_WIDE}
    seen = _read_by(own, start)
    hidden = [row.action for row in rows if row.id not in seen | of_city]
    assert not hidden, "auditors of the police do not see these"
    assert not seen & of_city
    assert not _read_by(stranger, start) & {row.id for row in rows}
    of_account = [row for row in rows if row.object_kind == "account"]
    assert all(row.account_id is not None for row in of_account)
