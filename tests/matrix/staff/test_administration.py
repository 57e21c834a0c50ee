"""Managing people: by whom, whom, and what it does to their sign-ins."""

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from matrix.accounts import todos
from matrix.departments import Department
from matrix.staff import administration, grants, members
from matrix.staff.administration import TargetHasMoreRights
from matrix.staff.grants import GrantSpec
from matrix.staff.members import SelfManagementForbidden, Staff, StaffState
from matrix.staff.roles import Role
from matrix.staff.sign_in import (
    authentication,
    capabilities,
    ip_allowlist,
    one_time_links,
    passwords,
    sessions,
    throttle,
    two_factor,
)
from matrix.staff.sign_in.one_time_links import LinkExpired, LinkPurpose
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount, MakeDepartment

TODAY = NOW.date()
Hire = Callable[..., Staff]


@pytest.fixture
def city(make_department: MakeDepartment) -> dict[str, Department]:
    """release ── police ── station; hrss beside them."""
    release = make_department("release")
    police = make_department("police", below=release)
    return {
        "release": release,
        "police": police,
        "station": make_department("station", below=police),
        "hrss": make_department("hrss", below=release),
    }


@pytest.fixture
def hire(city: dict[str, Department]) -> Hire:
    """Enter a person with roles; each as (role, code of a department or None)."""
    count = iter(range(100))

    def one(home: str | None, *roles: tuple[Role, str | None]) -> Staff:
        number = next(count)
        person = members.create(
            sign_in_name=f"person{number}",
            name=f"人员{number}",
            department_id=city[home].id if home else None,
            now=NOW,
        )
        for role, code in roles:
            wish = GrantSpec(role=role, department_id=city[code].id if code else None)
            grants.create(person.id, wish, by=None, now=NOW)
        return person

    return one


def member(person: Staff) -> Principal:
    return grants.principal_for(person, grants.list_current([person.id]), today=TODAY)


@pytest.fixture
def admin(hire: Hire) -> Principal:
    """The administrator of the police."""
    return member(hire("police", (Role.DEPARTMENT_ADMIN, "police")))


@pytest.fixture
def root(hire: Hire) -> Principal:
    """The administrator of the city."""
    return member(hire(None, (Role.MATRIX_ADMIN, None)))


def signed_in(person: Staff) -> int:
    sessions.start(person.id, SessionStage.FULL, ClientInfo("192.0.2.1"), now=NOW)
    return sessions.list_active(person.id, now=NOW)[0].id


ACTIONS: dict[str, Callable[[Principal, int], object]] = {
    "edit": lambda by, key: administration.update(
        by, key, name="新", department_id=None, version=1, now=NOW
    ),
    "link": lambda by, key: administration.create_link(by, key, now=NOW),
    "disable": lambda by, key: administration.disable(by, key, now=NOW),
    "enable": lambda by, key: administration.enable(by, key, now=NOW),
    "unlock": administration.unlock,
    "reset_factor": lambda by, key: administration.reset_two_factor(by, key, now=NOW),
    "end_sessions": lambda by, key: administration.end_sessions(by, key, now=NOW),
    "give": lambda by, key: administration.grant_role(by, key, GrantSpec(role=Role.CLERK), now=NOW),
    "revoke": lambda by, key: administration.revoke_role(by, key, 1, now=NOW),
    "leaving": lambda by, key: administration.plan_offboarding(by, key, now=NOW),
    "off_board": lambda by, key: administration.offboard(by, key, reason="调走", now=NOW),
}


@pytest.mark.parametrize("deed", ACTIONS.values(), ids=ACTIONS.keys())
def test_nobody_manages_others_staff_themselves_or_who_may_do_more(
    hire: Hire, admin: Principal, deed: Callable[[Principal, int], object]
) -> None:
    stranger = hire("hrss", (Role.EDITOR, "hrss"))
    above = hire("police", (Role.MATRIX_ADMIN, None))
    beside = hire("police", (Role.AUDITOR, "release"))
    editor = member(hire("police", (Role.EDITOR, "police")))
    rows = len(session.scalars(select(AuditEntry)).all())

    for key, refusal in (
        (stranger.id, NotFound),
        (10**6, NotFound),
        (admin.staff_id, SelfManagementForbidden),
        (above.id, TargetHasMoreRights),
        (beside.id, TargetHasMoreRights),
    ):
        with pytest.raises(refusal):
            deed(admin, key)
    with pytest.raises(NotFound):
        deed(editor, stranger.id)
    assert len(session.scalars(select(AuditEntry)).all()) == rows, "nothing was done"


def test_who_may_be_managed_is_known_without_asking_again(
    hire: Hire, admin: Principal, root: Principal
) -> None:
    clerk = hire("station", (Role.CLERK, "station"))
    above = hire("police", (Role.MATRIX_ADMIN, None))
    for person, by, answer in (
        (clerk, admin, True),
        (clerk, root, True),
        (above, admin, False),
        (members.get(admin.staff_id), admin, False),
    ):
        assert administration.may_manage(by, person, grants.list_current([person.id])) is answer


def test_a_new_person_gets_a_link_and_no_password(
    admin: Principal, city: dict[str, Department]
) -> None:
    person, secret = administration.create(
        admin,
        sign_in_name="Zhang.San",
        name="张三",
        department_id=city["station"].id,
        now=NOW,
    )
    assert (person.sign_in_name, person.password_hash) == ("zhang.san", None)
    link = one_time_links.get(secret, now=NOW)
    assert (link.staff_id, link.purpose) == (person.id, LinkPurpose.INVITE)
    for code in ("hrss", None):
        with pytest.raises(NotFound):
            administration.create(
                admin,
                sign_in_name="other",
                name="他",
                department_id=city[code].id if code else None,
                now=NOW,
            )


def test_a_link_resets_a_password_and_replaces_the_last(hire: Hire, admin: Principal) -> None:
    person = hire("police", (Role.EDITOR, "police"))
    passwords.set_password(person, "竹杖芒鞋轻胜马 2026", now=NOW)
    _, first = administration.create_link(admin, person.id, now=NOW)
    _, second = administration.create_link(admin, person.id, now=NOW)
    assert one_time_links.get(second, now=NOW).purpose is LinkPurpose.RESET
    with pytest.raises(LinkExpired):
        one_time_links.get(first, now=NOW)
    administration.disable(admin, person.id, now=NOW)
    with pytest.raises(Invalid, match="已停用"):
        administration.create_link(admin, person.id, now=NOW)


def test_a_disabled_person_is_out_at_once_and_may_come_back(hire: Hire, admin: Principal) -> None:
    person, other = hire("police"), hire("police")
    signed_in(person)
    kept = signed_in(other)
    assert administration.disable(admin, person.id, now=NOW).state is StaffState.DISABLED
    assert sessions.list_active(person.id, now=NOW) == []
    assert [each.id for each in sessions.list_active(other.id, now=NOW)] == [kept]
    assert administration.enable(admin, person.id, now=NOW).state is StaffState.ACTIVE


def test_a_locked_name_is_unlocked(hire: Hire, admin: Principal) -> None:
    person = hire("police")
    for _ in range(5):
        throttle.admit_sign_in(person.sign_in_name, HERE, now=NOW)
    assert throttle.is_guessed(person.sign_in_name, now=NOW)
    administration.unlock(admin, person.id)
    session.expire_all()
    assert not throttle.is_guessed(person.sign_in_name, now=NOW)
    throttle.admit_sign_in(person.sign_in_name, HERE, now=NOW)


def test_a_second_factor_is_taken_away_and_its_sign_ins_end(hire: Hire, admin: Principal) -> None:
    person = hire("police")
    person.totp_secret, person.totp_at = "JBSWY3DPEHPK3PXP", NOW
    signed_in(person)
    assert not administration.reset_two_factor(admin, person.id, now=NOW).has_second_factor
    assert sessions.list_active(person.id, now=NOW) == []


def test_sign_ins_are_ended_one_by_one_or_all(hire: Hire, admin: Principal) -> None:
    person, other = hire("police"), hire("police")
    first = signed_in(person)
    signed_in(person)
    foreign = signed_in(other)
    assert administration.end_sessions(admin, person.id, session_id=first, now=NOW) == 1
    with pytest.raises(NotFound):
        administration.end_sessions(admin, person.id, session_id=foreign, now=NOW)
    assert administration.end_sessions(admin, person.id, now=NOW) == 1
    assert administration.end_sessions(admin, person.id, now=NOW) == 0
    assert len(sessions.list_active(other.id, now=NOW)) == 1


def test_a_role_given_or_taken_back_ends_the_sign_ins(
    hire: Hire, admin: Principal, city: dict[str, Department]
) -> None:
    person, other = hire("police"), hire("police", (Role.CLERK, "police"))
    signed_in(person)
    wish = GrantSpec(role=Role.EDITOR, department_id=city["station"].id)
    grant = administration.grant_role(admin, person.id, wish, now=NOW)
    assert sessions.list_active(person.id, now=NOW) == []
    assert member(person).may(Permission.RULES_WRITE, department_id=city["station"].id)

    signed_in(person)
    with pytest.raises(NotFound):
        administration.revoke_role(admin, other.id, grant.id, now=NOW)
    administration.revoke_role(admin, person.id, grant.id, now=NOW)
    assert sessions.list_active(person.id, now=NOW) == []
    assert not member(person).scope(Permission.RULES_WRITE)


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


def test_nobody_gives_what_they_do_not_have_there(
    hire: Hire, admin: Principal, city: dict[str, Department]
) -> None:
    person = hire("police")
    for wish in (
        GrantSpec(role=Role.MATRIX_ADMIN),
        GrantSpec(role=Role.EDITOR),
        GrantSpec(role=Role.CLERK, department_id=city["hrss"].id),
        GrantSpec(role=Role.DEPARTMENT_ADMIN, department_id=city["release"].id),
    ):
        with pytest.raises(Invalid):
            administration.grant_role(admin, person.id, wish, now=NOW)
    assert grants.list_current([person.id]) == []


def test_offboarding_is_previewed_and_done_in_one_step(
    hire: Hire, root: Principal, city: dict[str, Department], make_account: MakeAccount
) -> None:
    own = make_account(1, department=city["station"])
    make_account(2, department=city["hrss"])
    person = hire("police", (Role.DEPARTMENT_ADMIN, "police"), (Role.EDITOR, "hrss"))
    signed_in(person)

    told = administration.plan_offboarding(root, person.id, now=NOW)
    assert [account.id for account in told.accounts] == [own.id], "editors know no secrets"
    assert [grant.role for grant in told.grants] == [Role.DEPARTMENT_ADMIN, Role.EDITOR]
    assert len(told.sessions) == 1
    assert person.state is StaffState.ACTIVE, "telling does nothing"

    with pytest.raises(Invalid, match="原因"):
        administration.offboard(root, person.id, reason=" ", now=NOW)
    administration.offboard(root, person.id, reason="调往外市", now=NOW)
    opened = [(task.kind, task.reason) for task in todos.list_for_account(own.id)]
    assert sorted(opened) == [("keys", f"{person.name}离岗"), ("secret", f"{person.name}离岗")]
    assert members.get(person.id).state is StaffState.DISABLED
    assert grants.list_current([person.id]) == []
    assert sessions.list_active(person.id, now=NOW) == []
    after = administration.plan_offboarding(root, person.id, now=NOW)
    assert [account.id for account in after.accounts] == [own.id], "what was known is still known"


def test_a_network_never_shuts_out_who_enters_it(root: Principal, admin: Principal) -> None:
    def allow(role: Role, network: str, by: Principal = root) -> int:
        made = administration.allow_network(by, role, network, "", address="10.1.2.3", now=NOW)
        return made.id

    with pytest.raises(NotFound):
        allow(Role.EDITOR, "10.0.0.0/8", by=admin)
    with pytest.raises(Invalid, match=r"10\.1\.2\.3"), session.begin_nested():
        allow(Role.MATRIX_ADMIN, "192.0.2.0/24")
    own = allow(Role.MATRIX_ADMIN, "10.0.0.0/8")
    other = allow(Role.MATRIX_ADMIN, "192.0.2.0/24")
    allow(Role.EDITOR, "192.0.2.0/24")
    with pytest.raises(Invalid, match=r"10\.1\.2\.3"), session.begin_nested():
        administration.disallow_network(root, own, address="10.1.2.3")
    administration.disallow_network(root, other, address="10.1.2.3")
    administration.disallow_network(root, own, address="10.1.2.3")
    assert [line.role for line in ip_allowlist.list_all()] == [Role.EDITOR]


def test_roles_are_offered_to_who_could_give_them_somewhere(
    hire: Hire, admin: Principal, root: Principal
) -> None:
    assert administration.list_grantable_roles(root) == list(Role)
    assert set(Role) - set(administration.list_grantable_roles(admin)) == {Role.MATRIX_ADMIN}
    agent = member(hire("police", (Role.AGENT, "police")))
    assert set(administration.list_grantable_roles(agent)) == {
        Role.REVIEWER_SECRECY,
        Role.AGENT,
        Role.CLERK,
    }
