"""Whatever was open for a person ends when what they may do changes."""

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from config.database import session
from config.permissions import Principal
from matrix.departments import Department
from matrix.staff import administration, grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from matrix.staff.sign_in import (
    authentication,
    capabilities,
    one_time_links,
    passwords,
    sessions,
    two_factor,
)
from matrix.staff.sign_in.one_time_links import LinkExpired, LinkPurpose
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage
from tests.helpers import NOW
from tests.matrix.staff._people import Hire, signed_in


def give(by: Principal, person: Staff) -> object:
    return administration.grant_role(
        by, person.id, GrantSpec(role=Role.EDITOR, department_id=person.department_id), now=NOW
    )


def take(by: Principal, person: Staff) -> object:
    grant = grants.list_current([person.id])[0]
    return administration.revoke_role(by, person.id, grant.id, now=NOW)


def relocate(by: Principal, person: Staff) -> object:
    station = session.scalars(select(Department).where(Department.slug == "station")).one()
    return administration.update(
        by, person.id, name="某", department_id=station.id, version=person.version, now=NOW
    )


def enroll(by: Principal, person: Staff) -> object:
    code = pyotp.TOTP(two_factor.enroll(person)).at(NOW)
    return two_factor.confirm(person, code, now=NOW)


# whatever changes what somebody may do, or how they prove who they are
CHANGES: dict[str, Callable[[Principal, Staff], object]] = {
    "grant": give,
    "revoke": take,
    "command": lambda by, person: grants.create(
        person.id, GrantSpec(role=Role.MATRIX_ADMIN), by=None, now=NOW
    ),
    "department": relocate,
    "moved department": lambda by, person: capabilities.end_in_departments(
        [person.department_id or 0], now=NOW
    ),
    "enroll factor": enroll,
    "reset factor": lambda by, person: administration.reset_two_factor(by, person.id, now=NOW),
    "disable": lambda by, person: administration.disable(by, person.id, now=NOW),
    "enable": lambda by, person: administration.enable(by, person.id, now=NOW),
    "off-board": lambda by, person: administration.offboard(by, person.id, reason="调走", now=NOW),
    "password": lambda by, person: authentication.change_password(
        person, PASSWORD, "大漠孤烟直 2026 长河", keep_session_id=0, origin=HERE, now=NOW
    ),
}
HERE = ClientInfo("192.0.2.1")
PASSWORD = "竹杖芒鞋轻胜马 2026"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_ends_all_that_was_open_for_the_person(
    hire: Hire, admin: Principal, change: Callable[[Principal, Staff], object]
) -> None:
    person, other = hire("police", (Role.CLERK, "police")), hire("station")
    passwords.set_password(person, PASSWORD, now=NOW)
    signed_in(person)
    kept = signed_in(other)
    half = sessions.start(person.id, SessionStage.HALF, HERE, now=NOW)
    link = one_time_links.create(LinkPurpose.RESET, person.id, now=NOW)
    opened = one_time_links.get(link, now=NOW)

    change(admin, members.get(person.id))

    assert sessions.list_active(person.id, now=NOW) == []
    assert sessions.find(half, now=NOW) is None
    with pytest.raises(LinkExpired):
        one_time_links.get(link, now=NOW)
    # nor by a page that was open before
    with pytest.raises(LinkExpired):
        one_time_links.use(opened, now=NOW)
    assert [each.id for each in sessions.list_active(other.id, now=NOW)] == [kept]


def test_a_step_that_was_begun_before_the_change_leads_nowhere(
    hire: Hire, admin: Principal
) -> None:
    person = hire("police")
    secret = two_factor.enroll(person)
    two_factor.confirm(person, pyotp.TOTP(secret).at(NOW), now=NOW)
    half = sessions.find(sessions.start(person.id, SessionStage.HALF, HERE, now=NOW), now=NOW)
    full = sessions.find(sessions.start(person.id, SessionStage.FULL, HERE, now=NOW), now=NOW)
    assert half is not None
    assert full is not None

    give(admin, person)

    later = NOW + timedelta(minutes=1)
    code = pyotp.TOTP(secret).at(later)
    assert authentication.verify_second_factor(half, code, HERE, now=later) is None
    later += timedelta(minutes=1)
    code = pyotp.TOTP(secret).at(later)
    assert not authentication.reauthenticate(full, code, HERE, now=later)
    with pytest.raises(authentication.SessionEnded):
        authentication.rotate_session(full, HERE, now=later)


def test_a_link_for_the_first_administrator_ends_with_the_first(hire: Hire) -> None:
    link = one_time_links.create(LinkPurpose.FIRST, None, now=NOW)
    hire(None, (Role.MATRIX_ADMIN, None))
    with pytest.raises(LinkExpired):
        one_time_links.get(link, now=NOW)
