"""Managing people: by whom, whom, and what it does to their sign-ins."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Member, Right
from matrix import account_tasks
from matrix.departments import Department
from matrix.staff import grants, links, managing, networks, passwords, people, sessions, throttle
from matrix.staff.grants import Wish
from matrix.staff.links import LinkDead, Purpose
from matrix.staff.managing import AboveYou
from matrix.staff.people import NotYourself, Staff, State
from matrix.staff.roles import Role
from matrix.staff.sessions import Origin, Stage
from tests.fixtures import NOW
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
        person = people.add(
            sign_in_name=f"person{number}",
            name=f"人员{number}",
            department_id=city[home].id if home else None,
            now=NOW,
        )
        for role, code in roles:
            wish = Wish(role, department_id=city[code].id if code else None)
            grants.give(person.id, wish, by=None, now=NOW)
        return person

    return one


def member(person: Staff) -> Member:
    return grants.member(person, grants.standing([person.id]), today=TODAY)


@pytest.fixture
def admin(hire: Hire) -> Member:
    """The administrator of the police."""
    return member(hire("police", (Role.DEPARTMENT_ADMIN, "police")))


@pytest.fixture
def root(hire: Hire) -> Member:
    """The administrator of the city."""
    return member(hire(None, (Role.MATRIX_ADMIN, None)))


def signed_in(person: Staff) -> int:
    sessions.start(person.id, Stage.FULL, Origin("192.0.2.1"), now=NOW)
    return sessions.living(person.id, now=NOW)[0].id


DEEDS: dict[str, Callable[[Member, int], object]] = {
    "edit": lambda by, key: managing.edit(by, key, name="新", department_id=None, version=1),
    "link": lambda by, key: managing.link(by, key, now=NOW),
    "disable": lambda by, key: managing.disable(by, key, now=NOW),
    "enable": managing.enable,
    "unlock": managing.unlock,
    "reset_factor": lambda by, key: managing.reset_factor(by, key, now=NOW),
    "end_sessions": lambda by, key: managing.end_sessions(by, key, now=NOW),
    "give": lambda by, key: managing.give(by, key, Wish(Role.CLERK), now=NOW),
    "revoke": lambda by, key: managing.revoke(by, key, 1, now=NOW),
    "leaving": lambda by, key: managing.leaving(by, key, now=NOW),
    "off_board": lambda by, key: managing.off_board(by, key, reason="调走", now=NOW),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_nobody_manages_strangers_themselves_or_who_may_do_more(
    hire: Hire, admin: Member, deed: Callable[[Member, int], object]
) -> None:
    stranger = hire("hrss", (Role.EDITOR, "hrss"))
    above = hire("police", (Role.MATRIX_ADMIN, None))
    beside = hire("police", (Role.AUDITOR, "release"))
    editor = member(hire("police", (Role.EDITOR, "police")))
    rows = len(session.scalars(select(Entry)).all())

    for key, refusal in (
        (stranger.id, NotFound),
        (10**6, NotFound),
        (admin.staff_id, NotYourself),
        (above.id, AboveYou),
        (beside.id, AboveYou),
    ):
        with pytest.raises(refusal):
            deed(admin, key)
    with pytest.raises(NotFound):
        deed(editor, stranger.id)
    assert len(session.scalars(select(Entry)).all()) == rows, "nothing was done"


def test_who_may_be_managed_is_known_without_asking_again(
    hire: Hire, admin: Member, root: Member
) -> None:
    clerk = hire("station", (Role.CLERK, "station"))
    above = hire("police", (Role.MATRIX_ADMIN, None))
    for person, by, answer in (
        (clerk, admin, True),
        (clerk, root, True),
        (above, admin, False),
        (people.get(admin.staff_id), admin, False),
    ):
        assert managing.may_manage(by, person, grants.standing([person.id])) is answer


def test_a_new_person_gets_a_link_and_no_password(
    admin: Member, city: dict[str, Department]
) -> None:
    person, secret = managing.add(
        admin,
        sign_in_name="Zhang.San",
        name="张三",
        department_id=city["station"].id,
        now=NOW,
    )
    assert (person.sign_in_name, person.password_hash) == ("zhang.san", None)
    link = links.find(secret, now=NOW)
    assert (link.staff_id, link.purpose) == (person.id, Purpose.INVITE)
    for code in ("hrss", None):
        with pytest.raises(NotFound):
            managing.add(
                admin,
                sign_in_name="other",
                name="他",
                department_id=city[code].id if code else None,
                now=NOW,
            )


def test_a_link_resets_a_password_and_replaces_the_last(hire: Hire, admin: Member) -> None:
    person = hire("police", (Role.EDITOR, "police"))
    passwords.put(person, "竹杖芒鞋轻胜马 2026", now=NOW)
    _, first = managing.link(admin, person.id, now=NOW)
    _, second = managing.link(admin, person.id, now=NOW)
    assert links.find(second, now=NOW).purpose is Purpose.RESET
    with pytest.raises(LinkDead):
        links.find(first, now=NOW)
    managing.disable(admin, person.id, now=NOW)
    with pytest.raises(Invalid, match="已停用"):
        managing.link(admin, person.id, now=NOW)


def test_a_disabled_person_is_out_at_once_and_may_come_back(hire: Hire, admin: Member) -> None:
    person, other = hire("police"), hire("police")
    signed_in(person)
    kept = signed_in(other)
    assert managing.disable(admin, person.id, now=NOW).state is State.DISABLED
    assert sessions.living(person.id, now=NOW) == []
    assert [each.id for each in sessions.living(other.id, now=NOW)] == [kept]
    assert managing.enable(admin, person.id).state is State.ACTIVE


def test_a_locked_name_is_unlocked(hire: Hire, admin: Member) -> None:
    person = hire("police")
    for _ in range(5):
        throttle.failed(person.sign_in_name, "192.0.2.1", now=NOW)
    assert throttle.is_locked(person.sign_in_name, now=NOW)
    managing.unlock(admin, person.id)
    session.expire_all()
    assert not throttle.is_locked(person.sign_in_name, now=NOW)


def test_a_second_factor_is_taken_away_and_its_sign_ins_end(hire: Hire, admin: Member) -> None:
    person = hire("police")
    person.totp_secret, person.totp_at = "JBSWY3DPEHPK3PXP", NOW
    signed_in(person)
    assert not managing.reset_factor(admin, person.id, now=NOW).has_second_factor
    assert sessions.living(person.id, now=NOW) == []


def test_sign_ins_are_ended_one_by_one_or_all(hire: Hire, admin: Member) -> None:
    person, other = hire("police"), hire("police")
    first = signed_in(person)
    signed_in(person)
    foreign = signed_in(other)
    assert managing.end_sessions(admin, person.id, session_id=first, now=NOW) == 1
    with pytest.raises(NotFound):
        managing.end_sessions(admin, person.id, session_id=foreign, now=NOW)
    assert managing.end_sessions(admin, person.id, now=NOW) == 1
    assert managing.end_sessions(admin, person.id, now=NOW) == 0
    assert len(sessions.living(other.id, now=NOW)) == 1


def test_a_role_given_or_taken_back_ends_the_sign_ins(
    hire: Hire, admin: Member, city: dict[str, Department]
) -> None:
    person, other = hire("police"), hire("police", (Role.CLERK, "police"))
    signed_in(person)
    wish = Wish(Role.EDITOR, department_id=city["station"].id)
    grant = managing.give(admin, person.id, wish, now=NOW)
    assert sessions.living(person.id, now=NOW) == []
    assert member(person).may(Right.RULES_WRITE, department_id=city["station"].id)

    signed_in(person)
    with pytest.raises(NotFound):
        managing.revoke(admin, other.id, grant.id, now=NOW)
    managing.revoke(admin, person.id, grant.id, now=NOW)
    assert sessions.living(person.id, now=NOW) == []
    assert not member(person).area(Right.RULES_WRITE)


def test_nobody_gives_what_they_do_not_have_there(
    hire: Hire, admin: Member, city: dict[str, Department]
) -> None:
    person = hire("police")
    for wish in (
        Wish(Role.MATRIX_ADMIN),
        Wish(Role.EDITOR),
        Wish(Role.CLERK, department_id=city["hrss"].id),
        Wish(Role.DEPARTMENT_ADMIN, department_id=city["release"].id),
    ):
        with pytest.raises(Invalid):
            managing.give(admin, person.id, wish, now=NOW)
    assert grants.standing([person.id]) == []


def test_a_leaving_is_told_before_and_done_in_one_deed(
    hire: Hire, root: Member, city: dict[str, Department], make_account: MakeAccount
) -> None:
    own = make_account(1, department=city["station"])
    make_account(2, department=city["hrss"])
    person = hire("police", (Role.DEPARTMENT_ADMIN, "police"), (Role.EDITOR, "hrss"))
    signed_in(person)

    told = managing.leaving(root, person.id, now=NOW)
    assert [account.id for account in told.accounts] == [own.id], "editors know no secrets"
    assert [grant.role for grant in told.grants] == [Role.DEPARTMENT_ADMIN, Role.EDITOR]
    assert len(told.sessions) == 1
    assert person.state is State.ACTIVE, "telling does nothing"

    with pytest.raises(Invalid, match="原因"):
        managing.off_board(root, person.id, reason=" ", now=NOW)
    managing.off_board(root, person.id, reason="调往外市", now=NOW)
    opened = [(task.kind, task.why) for task in account_tasks.of_account(own.id)]
    assert sorted(opened) == [("keys", f"{person.name}离岗"), ("secret", f"{person.name}离岗")]
    assert people.get(person.id).state is State.DISABLED
    assert grants.standing([person.id]) == []
    assert sessions.living(person.id, now=NOW) == []
    after = managing.leaving(root, person.id, now=NOW)
    assert [account.id for account in after.accounts] == [own.id], "what was known is still known"


def test_a_network_never_shuts_out_who_enters_it(root: Member, admin: Member) -> None:
    def allow(role: Role, network: str, by: Member = root) -> int:
        made = managing.allow_network(by, role, network, "", address="10.1.2.3", now=NOW)
        return made.id

    with pytest.raises(NotFound):
        allow(Role.EDITOR, "10.0.0.0/8", by=admin)
    with pytest.raises(Invalid, match=r"10\.1\.2\.3"), session.begin_nested():
        allow(Role.MATRIX_ADMIN, "192.0.2.0/24")
    own = allow(Role.MATRIX_ADMIN, "10.0.0.0/8")
    other = allow(Role.MATRIX_ADMIN, "192.0.2.0/24")
    allow(Role.EDITOR, "192.0.2.0/24")
    with pytest.raises(Invalid, match=r"10\.1\.2\.3"), session.begin_nested():
        managing.forbid_network(root, own, address="10.1.2.3")
    managing.forbid_network(root, other, address="10.1.2.3")
    managing.forbid_network(root, own, address="10.1.2.3")
    assert [line.role for line in networks.listed()] == [Role.EDITOR]


def test_roles_are_offered_to_who_could_give_them_somewhere(
    hire: Hire, admin: Member, root: Member
) -> None:
    assert managing.grantable(root) == list(Role)
    assert set(Role) - set(managing.grantable(admin)) == {Role.MATRIX_ADMIN}
    agent = member(hire("police", (Role.AGENT, "police")))
    assert set(managing.grantable(agent)) == {Role.REVIEWER_SECRECY, Role.AGENT, Role.CLERK}
