"""Passwords, second factors, links, sessions and the throttle, below the web."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from config.database import session
from config.errors import Invalid
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from matrix.staff.sign_in import (
    authentication,
    ip_allowlist,
    one_time_links,
    passwords,
    sessions,
    throttle,
    two_factor,
)
from matrix.staff.sign_in.authentication import SignInResult
from matrix.staff.sign_in.one_time_links import LinkExpired, LinkPurpose
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage, StaffSession
from matrix.staff.sign_in.throttle import SignInLocked

pytestmark = pytest.mark.usefixtures("rolled_back")
GOOD = "竹杖芒鞋轻胜马 2026"
HERE = ClientInfo("10.1.2.3", "tests")


def sign_in(name: str, password: str, origin: ClientInfo, *, now: datetime) -> SignInResult | None:
    """What the page does, in one transaction."""
    throttle.admit_sign_in(name, origin, now=now)
    stored_hash = authentication.find_password_hash(name)
    check = authentication.check_password(name, password, stored_hash=stored_hash)
    return authentication.sign_in(check, origin, now=now)


@pytest.fixture
def person(now: datetime) -> Staff:
    return members.create(sign_in_name="wang.yi", name="某甲", department_id=None, now=now)


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
        passwords.set_password(person, password, now=now)
    assert refused.value.field == "password"
    assert person.password_hash is None


def test_a_long_password_without_digits_or_signs_is_fine(person: Staff, now: datetime) -> None:
    passwords.set_password(person, "correct horse battery staple", now=now)
    assert passwords.verify(person, "correct horse battery staple")
    assert not passwords.verify(person, "correct horse battery stapler")
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")


def test_none_of_the_last_five_passwords_comes_again(person: Staff, now: datetime) -> None:
    texts = [f"竹杖芒鞋轻胜马 202{number}" for number in range(6)]
    for text in texts:
        passwords.set_password(person, text, now=now)
    for text in texts[1:]:
        with pytest.raises(Invalid, match="最近 5 次"):
            passwords.set_password(person, text, now=now)
    passwords.set_password(person, texts[0], now=now)


def test_production_hashes_with_what_the_library_advises(
    production_hasher: Callable[[], PasswordHasher],
) -> None:
    hashed = production_hasher().hash(GOOD)
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert production_hasher().verify(hashed, GOOD)


def test_a_password_is_rehashed_at_sign_in_when_parameters_changed(
    person: Staff, now: datetime
) -> None:
    passwords.set_password(person, GOOD, now=now)
    weak = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    person.password_hash = weak
    assert sign_in("wang.yi", GOOD, HERE, now=now) is not None
    assert person.password_hash != weak
    assert passwords.verify(person, GOOD)


def test_a_code_counts_once_and_one_step_of_drift_is_borne(person: Staff, now: datetime) -> None:
    totp = pyotp.TOTP(two_factor.enroll(person))
    assert len(two_factor.confirm(person, totp.at(now), now=now)) == 10
    assert not two_factor.verify(person, totp.at(now), now=now)
    assert not two_factor.verify(
        person, totp.at(now - timedelta(seconds=30)), now=now
    )  # an older step
    later = now + timedelta(minutes=5)
    assert not two_factor.verify(person, totp.at(later - timedelta(seconds=60)), now=later)
    assert two_factor.verify(person, totp.at(later + timedelta(seconds=30)), now=later)


def test_new_recovery_codes_end_the_old_ones(person: Staff, now: datetime) -> None:
    totp = pyotp.TOTP(two_factor.enroll(person))
    old = two_factor.confirm(person, totp.at(now), now=now)
    new = two_factor.regenerate_recovery_codes(person)
    assert not two_factor.verify(person, old[0], now=now)
    assert two_factor.verify(person, f" {new[0].upper()} ", now=now)
    assert not two_factor.verify(person, new[0], now=now)
    assert two_factor.count_recovery_codes(person.id) == 9


def test_a_second_factor_that_was_never_proven_is_not_asked_for(
    person: Staff, now: datetime
) -> None:
    passwords.set_password(person, GOOD, now=now)
    two_factor.enroll(person)
    entered = sign_in("wang.yi", GOOD, HERE, now=now)
    assert entered is not None
    assert entered.stage is SessionStage.FULL


def test_a_new_link_kills_the_one_before(person: Staff, now: datetime) -> None:
    old = one_time_links.create(LinkPurpose.INVITE, person.id, now=now)
    new = one_time_links.create(LinkPurpose.RESET, person.id, now=now)
    with pytest.raises(LinkExpired):
        one_time_links.get(old, now=now)
    link = one_time_links.get(new, now=now)
    authentication.set_password_by_link(link, GOOD, now=now)
    with pytest.raises(LinkExpired):
        authentication.set_password_by_link(link, GOOD + "!", now=now)


def test_failures_of_one_address_lock_it_for_every_name(now: datetime) -> None:
    for number in range(30):
        assert sign_in(f"nobody{number}", "wrong", HERE, now=now) is None
    with pytest.raises(SignInLocked):
        sign_in("somebody.else", "wrong", HERE, now=now)
    assert sign_in("somebody.else", "wrong", ClientInfo("10.9.9.9"), now=now) is None


def test_a_session_lives_while_it_is_used_but_not_longer_than_a_day(
    person: Staff, now: datetime
) -> None:
    secret = sessions.start(person.id, SessionStage.FULL, HERE, now=now)
    at = now
    for _ in range(26):
        at += timedelta(minutes=28)
        found = sessions.find(secret, now=at)
        if found is None:
            break
        sessions.touch(found.id, now=at)
    assert timedelta(hours=11) < at - now <= timedelta(hours=12, minutes=28)


def test_what_is_kept_of_a_session_does_not_open_it(person: Staff, now: datetime) -> None:
    secret = sessions.start(person.id, SessionStage.FULL, HERE, now=now)
    (kept,) = session.scalars(select(StaffSession.digest)).all()
    assert secret not in kept
    assert sessions.find(kept, now=now) is None


def test_a_role_with_networks_works_from_these_only(person: Staff, now: datetime) -> None:
    grants.create(person.id, GrantSpec(role=Role.MATRIX_ADMIN), by=None, now=now)
    grants.create(person.id, GrantSpec(role=Role.AUDITOR), by=None, now=now)
    ip_allowlist.add(Role.MATRIX_ADMIN, "10.1.2.77/24", "机房", now=now)

    def roles(address: str) -> set[Role]:
        return {grant.role for grant in authentication.allowed_grants(person, address)}

    assert roles("10.1.2.200") == {Role.MATRIX_ADMIN, Role.AUDITOR}
    assert roles("10.1.3.1") == roles("not an address") == {Role.AUDITOR}
    with pytest.raises(Invalid, match="网段"):
        ip_allowlist.add(Role.EDITOR, "10.1.2.0/64", "", now=now)


def test_a_person_who_left_has_nothing_left(person: Staff, now: datetime) -> None:
    passwords.set_password(person, GOOD, now=now)
    grants.create(person.id, GrantSpec(role=Role.MATRIX_ADMIN), by=None, now=now)
    secret = sessions.start(person.id, SessionStage.FULL, HERE, now=now)
    invitation = one_time_links.create(LinkPurpose.RESET, person.id, now=now)
    with pytest.raises(Invalid):
        authentication.offboard(person.id, reason=" ", now=now)
    (had,) = authentication.offboard(person.id, reason="调离", now=now)
    assert had.role is Role.MATRIX_ADMIN
    assert sessions.find(secret, now=now) is None
    assert grants.list_current([person.id]) == []
    assert sign_in("wang.yi", GOOD, HERE, now=now) is None
    with pytest.raises(LinkExpired):
        authentication.set_password_by_link(
            one_time_links.get(invitation, now=now), GOOD + "!", now=now
        )
