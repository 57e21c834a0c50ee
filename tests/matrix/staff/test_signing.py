"""Passwords, second factors, links, sessions and the throttle, below the web."""

from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select

from config.database import session
from config.errors import Invalid
from matrix.staff import (
    factors,
    grants,
    links,
    networks,
    passwords,
    people,
    sessions,
    signing,
    throttle,
)
from matrix.staff.grants import Wish
from matrix.staff.links import LinkDead, Purpose
from matrix.staff.people import Staff
from matrix.staff.roles import Role
from matrix.staff.sessions import Origin, Session, Stage
from matrix.staff.throttle import SignInLocked

pytestmark = pytest.mark.usefixtures("rolled_back")
GOOD = "竹杖芒鞋轻胜马 2026"
HERE = Origin("10.1.2.3", "tests")


@pytest.fixture
def person(now: datetime) -> Staff:
    return people.add(sign_in_name="wang.yi", name="某甲", department_id=None, now=now)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "至少 12 位"),
        ("x" * 129, "最长 128 位"),
        ("wang.yi likes tea 77", "不能含有"),
        ("华阴发布真的很好用 2026", "不能含有"),
        ("passwordpassword", "太容易"),
        ("aaaaaaaaaaaaaaaa", "太容易"),
        ("qwertyuiop123456", "太容易"),
    ],
)
def test_a_password_that_is_guessed_early_is_refused(
    person: Staff, now: datetime, password: str, why: str
) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        passwords.put(person, password, now=now)
    assert refused.value.field == "password"
    assert person.password_hash is None


def test_a_long_password_without_digits_or_signs_is_fine(person: Staff, now: datetime) -> None:
    passwords.put(person, "correct horse battery staple", now=now)
    assert passwords.is_right(person, "correct horse battery staple")
    assert not passwords.is_right(person, "correct horse battery stapler")
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")


def test_none_of_the_last_five_passwords_comes_again(person: Staff, now: datetime) -> None:
    texts = [f"竹杖芒鞋轻胜马 202{number}" for number in range(6)]
    for text in texts:
        passwords.put(person, text, now=now)
    for text in texts[1:]:
        with pytest.raises(Invalid, match="最近 5 次"):
            passwords.put(person, text, now=now)
    passwords.put(person, texts[0], now=now)


def test_a_hash_of_weaker_parameters_is_made_anew_at_sign_in(person: Staff, now: datetime) -> None:
    passwords.put(person, GOOD, now=now)
    weak = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    person.password_hash = weak
    assert signing.sign_in("wang.yi", GOOD, HERE, now=now) is not None
    assert person.password_hash != weak
    assert passwords.is_right(person, GOOD)


def test_a_code_counts_once_and_one_step_of_drift_is_borne(person: Staff, now: datetime) -> None:
    totp = pyotp.TOTP(factors.begin(person))
    assert len(factors.prove(person, totp.at(now), now=now)) == 10
    assert not factors.take(person, totp.at(now), now=now)
    assert not factors.take(person, totp.at(now - timedelta(seconds=30)), now=now)  # an older step
    later = now + timedelta(minutes=5)
    assert not factors.take(person, totp.at(later - timedelta(seconds=60)), now=later)
    assert factors.take(person, totp.at(later + timedelta(seconds=30)), now=later)


def test_new_recovery_codes_end_the_old_ones(person: Staff, now: datetime) -> None:
    totp = pyotp.TOTP(factors.begin(person))
    old = factors.prove(person, totp.at(now), now=now)
    new = factors.renew_codes(person)
    assert not factors.take(person, old[0], now=now)
    assert factors.take(person, f" {new[0].upper()} ", now=now)
    assert not factors.take(person, new[0], now=now)
    assert factors.codes_left(person.id) == 9


def test_a_second_factor_that_was_never_proven_is_not_asked_for(
    person: Staff, now: datetime
) -> None:
    passwords.put(person, GOOD, now=now)
    factors.begin(person)
    entered = signing.sign_in("wang.yi", GOOD, HERE, now=now)
    assert entered is not None
    assert entered.stage is Stage.FULL


def test_a_new_link_kills_the_one_before(person: Staff, now: datetime) -> None:
    old = links.make(Purpose.INVITE, person.id, now=now)
    new = links.make(Purpose.RESET, person.id, now=now)
    with pytest.raises(LinkDead):
        links.find(old, now=now)
    link = links.find(new, now=now)
    signing.use_link(link, GOOD, now=now)
    with pytest.raises(LinkDead):
        signing.use_link(link, GOOD + "!", now=now)


def test_failures_of_one_name_lock_it_from_every_address_until_time_has_passed(
    person: Staff, now: datetime
) -> None:
    passwords.put(person, GOOD, now=now)
    for number in range(5):
        other = Origin(f"10.0.0.{number}")
        assert signing.sign_in("Wang.Yi ", "wrong", other, now=now) is None
    with pytest.raises(SignInLocked):
        signing.sign_in("wang.yi", GOOD, HERE, now=now)
    assert throttle.is_locked("wang.yi", now=now)
    later = now + timedelta(minutes=16)
    assert signing.sign_in("wang.yi", GOOD, HERE, now=later) is not None


def test_failures_of_one_address_lock_it_for_every_name(now: datetime) -> None:
    for number in range(30):
        assert signing.sign_in(f"nobody{number}", "wrong", HERE, now=now) is None
    with pytest.raises(SignInLocked):
        signing.sign_in("somebody.else", "wrong", HERE, now=now)
    assert signing.sign_in("somebody.else", "wrong", Origin("10.9.9.9"), now=now) is None


def test_a_session_lives_while_it_is_used_but_not_longer_than_a_day(
    person: Staff, now: datetime
) -> None:
    secret = sessions.start(person.id, Stage.FULL, HERE, now=now)
    at = now
    for _ in range(26):
        at += timedelta(minutes=28)
        found = sessions.find(secret, now=at)
        if found is None:
            break
        sessions.touch(found.id, now=at)
    assert timedelta(hours=11) < at - now <= timedelta(hours=12, minutes=28)


def test_what_is_kept_of_a_session_does_not_open_it(person: Staff, now: datetime) -> None:
    secret = sessions.start(person.id, Stage.FULL, HERE, now=now)
    (kept,) = session.scalars(select(Session.digest)).all()
    assert secret not in kept
    assert sessions.find(kept, now=now) is None


def test_a_role_with_networks_works_from_these_only(person: Staff, now: datetime) -> None:
    grants.give(person.id, Wish(Role.MATRIX_ADMIN), by=None, now=now)
    grants.give(person.id, Wish(Role.AUDITOR), by=None, now=now)
    networks.add(Role.MATRIX_ADMIN, "10.1.2.77/24", "机房", now=now)

    def roles(address: str) -> set[Role]:
        return {grant.role for grant in signing.reachable(person, address)}

    assert roles("10.1.2.200") == {Role.MATRIX_ADMIN, Role.AUDITOR}
    assert roles("10.1.3.1") == roles("not an address") == {Role.AUDITOR}
    with pytest.raises(Invalid, match="网段"):
        networks.add(Role.EDITOR, "10.1.2.0/64", "", now=now)


def test_a_person_who_left_has_nothing_left(person: Staff, now: datetime) -> None:
    passwords.put(person, GOOD, now=now)
    grants.give(person.id, Wish(Role.MATRIX_ADMIN), by=None, now=now)
    secret = sessions.start(person.id, Stage.FULL, HERE, now=now)
    invitation = links.make(Purpose.RESET, person.id, now=now)
    with pytest.raises(Invalid):
        signing.off_board(person.id, reason=" ", now=now)
    (had,) = signing.off_board(person.id, reason="调离", now=now)
    assert had.role is Role.MATRIX_ADMIN
    assert sessions.find(secret, now=now) is None
    assert grants.standing([person.id]) == []
    assert signing.sign_in("wang.yi", GOOD, HERE, now=now) is None
    with pytest.raises(LinkDead):
        signing.use_link(links.find(invitation, now=now), GOOD + "!", now=now)
