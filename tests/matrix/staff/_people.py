"""What the tests of staff share: what somebody may do, and where they are signed in."""

from collections.abc import Callable

from config.permissions import Principal
from matrix.staff import grants
from matrix.staff.members import Staff
from matrix.staff.sign_in import sessions
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage
from tests.helpers import NOW

TODAY = NOW.date()
Hire = Callable[..., Staff]


def member(person: Staff) -> Principal:
    return grants.principal_for(person, grants.list_current([person.id]), today=TODAY)


def signed_in(person: Staff) -> int:
    sessions.start(person.id, SessionStage.FULL, ClientInfo("192.0.2.1"), now=NOW)
    return sessions.list_active(person.id, now=NOW)[0].id
