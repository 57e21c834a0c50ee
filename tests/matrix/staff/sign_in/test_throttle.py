"""The throttle: guessing gets slow, and no stranger keeps the owner out."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from config.alerts import Alert
from config.database import session
from matrix.staff import members
from matrix.staff.members import Staff
from matrix.staff.sign_in import sessions, throttle
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage
from matrix.staff.sign_in.throttle import SignInLocked

pytestmark = pytest.mark.usefixtures("rolled_back")
NAME = "wang.yi"
HERE = ClientInfo("10.1.2.3", "tests")
OWN_DEVICE = ClientInfo("10.1.2.3", "tests", "device", frozenset({throttle.name_digest(NAME)}))
MINUTE = timedelta(minutes=1)


@pytest.fixture
def person(now: datetime) -> Staff:
    return members.create(sign_in_name=NAME, name="某甲", department_id=None, now=now)


def stranger(number: int) -> ClientInfo:
    return ClientInfo(f"198.51.{number // 250}.{number % 250}")


def is_admitted(origin: ClientInfo, now: datetime, name: str = NAME) -> bool:
    try:
        throttle.admit_sign_in(name, origin, now=now)
    except SignInLocked:
        return False
    return True


def alerts() -> list[Alert]:
    return list(session.scalars(select(Alert).where(Alert.kind == "staff.guessing")))


def test_the_wait_doubles_and_a_count_lapses_by_time(now: datetime) -> None:
    assert [is_admitted(HERE, now) for _ in range(7)] == [True] * 5 + [False] * 2
    for minutes in (1, 2, 4, 8, 15, 15):
        assert not is_admitted(HERE, now + MINUTE * minutes - timedelta(seconds=1))
        now += MINUTE * minutes
        assert is_admitted(HERE, now)
        assert not is_admitted(HERE, now)
    now += MINUTE * 60
    assert [is_admitted(HERE, now) for _ in range(6)] == [True] * 5 + [False]


def test_the_wait_is_told_in_minutes(now: datetime) -> None:
    for _ in range(5):
        throttle.admit_sign_in(NAME, HERE, now=now)
    throttle.admit_sign_in(NAME, HERE, now=now + MINUTE)
    with pytest.raises(SignInLocked, match="请 2 分钟后再试"):
        throttle.admit_sign_in(NAME, HERE, now=now + MINUTE)


def test_strangers_do_not_keep_the_owner_out(person: Staff, now: datetime) -> None:
    for number in range(200):
        is_admitted(stranger(number), now)
    # at a device of theirs as often as ever, elsewhere once and then slowly
    assert [is_admitted(OWN_DEVICE, now) for _ in range(6)] == [True] * 5 + [False]
    assert [is_admitted(HERE, now) for _ in range(2)] == [True, False]
    assert is_admitted(HERE, now + MINUTE)
    (alert,) = alerts()
    assert alert.subject == str(person.id)


def test_a_name_that_nobody_has_is_slowed_alike_and_alerts_nobody(now: datetime) -> None:
    for number in range(30):
        is_admitted(stranger(number), now, "nobody")
    assert [is_admitted(HERE, now, "nobody") for _ in range(2)] == [True, False]
    assert alerts() == []


def test_the_total_slows_unknown_addresses_only_and_alerts_once(
    person: Staff, now: datetime
) -> None:
    sessions.start(person.id, SessionStage.FULL, HERE, now=now)
    for number in range(1005):
        is_admitted(stranger(number), now, f"name{number}")
    (alert,) = alerts()
    assert (alert.subject, alert.count, alert.urgent) == ("all", 1, True)
    assert [is_admitted(ClientInfo("203.0.113.5"), now) for _ in range(2)] == [True, False]
    assert [is_admitted(HERE, now) for _ in range(6)] == [True] * 5 + [False]
    assert [is_admitted(OWN_DEVICE, now) for _ in range(6)] == [True] * 5 + [False]


def test_an_office_that_signs_in_by_one_address_is_not_locked(now: datetime) -> None:
    for number in range(100):
        throttle.admit_sign_in(f"clerk{number}", HERE, now=now)
        throttle.record_success(f"clerk{number}", HERE, now=now)
    assert is_admitted(HERE, now)


def test_a_cookie_of_another_name_does_not_help(now: datetime) -> None:
    device = ClientInfo("10.9.9.9", "", "device", frozenset({throttle.name_digest("other")}))
    assert [is_admitted(device, now) for _ in range(6)] == [True] * 5 + [False]


def test_codes_are_counted_for_the_person_whatever_the_password_did(now: datetime) -> None:
    admitted = 0
    for number in range(40):
        try:
            throttle.admit_code(7, NAME, stranger(number), now=now)
        except SignInLocked:
            break
        admitted += 1
    assert admitted == 20
    throttle.admit_code(7, NAME, OWN_DEVICE, now=now)


def test_somebody_signed_in_is_counted_by_their_session_alone(now: datetime) -> None:
    for number in range(1200):
        is_admitted(stranger(number), now)
    for _ in range(5):
        throttle.admit_session(1, now=now)
    with pytest.raises(SignInLocked):
        throttle.admit_session(1, now=now)
    throttle.admit_session(2, now=now)
