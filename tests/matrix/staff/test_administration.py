"""Managing people: by whom, whom, and what it does to their sign-ins."""

from collections.abc import Callable

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
from matrix.staff.members import SelfManagementForbidden, StaffState
from matrix.staff.roles import Role
from matrix.staff.sign_in import ip_allowlist, one_time_links, passwords, sessions, throttle
from matrix.staff.sign_in.one_time_links import LinkExpired, LinkPurpose
from matrix.staff.sign_in.sessions import ClientInfo
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount
from tests.matrix.staff._people import Hire, member, signed_in

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
        throttle.admit_sign_in(person.sign_in_name, ClientInfo("192.0.2.1"), now=NOW)
    assert throttle.is_guessed(person.sign_in_name, now=NOW)
    administration.unlock(admin, person.id)
    session.expire_all()
    assert not throttle.is_guessed(person.sign_in_name, now=NOW)
    throttle.admit_sign_in(person.sign_in_name, ClientInfo("192.0.2.1"), now=NOW)


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
