"""Signing in: what opens the door, what keeps it shut, and what is owed before anything else."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from config import clock
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from matrix.staff import members
from matrix.staff.members import Staff
from matrix.staff.sign_in import authentication, one_time_links, sessions, throttle
from matrix.staff.sign_in.one_time_links import LinkPurpose
from matrix.staff.sign_in.sessions import StaffSession
from tests.helpers.console import PASSWORD, Client, Console, totp_code


def sign_in(client: Client, person: Staff, password: str = PASSWORD, **query: str) -> int:
    answer = client.post(
        "/console/sign-in",
        {"name": person.sign_in_name, "password": password},
        query_string=query,
    )
    return answer.status_code


def test_password_and_code_open_the_console(console: Console) -> None:
    person, client = console.person(password=PASSWORD), console.anonymous()

    assert client.get("/console/").status_code == 302
    answer = client.post(
        "/console/sign-in", {"name": f" {person.sign_in_name.upper()} ", "password": PASSWORD}
    )
    assert answer.location.startswith("/console/sign-in/code")
    assert client.get("/console/").status_code == 302  # half a sign-in opens nothing
    answer = client.post("/console/sign-in/code", {"code": totp_code(person)})
    assert answer.location == "/console/"
    assert client.get("/console/").status_code == 200


def test_a_code_works_once(console: Console) -> None:
    person, first, second = (
        console.person(password=PASSWORD),
        console.anonymous(),
        console.anonymous(),
    )
    code = totp_code(person)
    for client in (first, second):
        sign_in(client, person)
    assert first.post("/console/sign-in/code", {"code": code}).status_code == 303
    refused = second.post("/console/sign-in/code", {"code": code})
    assert refused.status_code == 422
    assert "验证码不正确" in refused.text


def test_wrong_names_and_wrong_passwords_are_told_the_same(console: Console) -> None:
    person = console.person(password=PASSWORD)
    known = console.anonymous().post(
        "/console/sign-in", {"name": person.sign_in_name, "password": "wrong password"}
    )
    unknown = console.anonymous().post(
        "/console/sign-in", {"name": person.sign_in_name + "x", "password": "wrong password"}
    )
    assert known.status_code == unknown.status_code == 422
    for answer in (known, unknown):
        assert "登录名或密码不正确" in answer.text
        assert "wrong password" not in answer.text
    with read_only():
        failures = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "sign_in.fail")
        ).all()
    assert [row.object_label for row in failures] == [person.name, "未知登录名"]


def test_a_known_device_is_not_locked_by_others(console: Console) -> None:
    person = console.person("editor", "police", password=PASSWORD, second_factor=False)
    own = console.anonymous()
    assert sign_in(own, person) == 303
    own.post("/console/sign-out")
    # from the same address, as in an office
    stranger = console.anonymous()
    assert {sign_in(stranger, person, "wrong password") for _ in range(8)} == {422}
    assert sign_in(stranger, person) == 422
    assert sign_in(own, person) == 303


def test_a_forged_device_is_an_unknown_one(console: Console) -> None:
    person, client = console.person(password=PASSWORD), console.anonymous()
    for number in range(6):
        client.flask.set_cookie("hub-device", f'["device{number}", ["{"0" * 16}"]]')
        sign_in(client, person, "wrong password")
    assert (
        "尝试次数过多"
        in client.post("/console/sign-in", {"name": person.sign_in_name, "password": PASSWORD}).text
    )


def test_whoever_is_signed_in_proves_themselves_whatever_strangers_do(console: Console) -> None:
    person = console.person("editor", "police", password=PASSWORD, second_factor=False)
    client, stranger = console.client(person=person, fresh=False), console.anonymous()
    assert {sign_in(stranger, person, "wrong password") for _ in range(8)} == {422}
    form = {"old": PASSWORD, "password": "大漠孤烟直 2026 长河", "again": "大漠孤烟直 2026 长河"}
    assert client.post("/console/me/password", form).status_code == 303


def test_an_address_waits_after_five_failures_at_a_name(console: Console) -> None:
    person, client = console.person(password=PASSWORD), console.anonymous()
    assert {sign_in(client, person, "wrong password") for _ in range(5)} == {422}
    locked = client.post("/console/sign-in", {"name": person.sign_in_name, "password": PASSWORD})
    assert "尝试次数过多" in locked.text
    with transaction():
        throttle.clear(person.sign_in_name)
    assert sign_in(client, person) == 303


def test_signing_in_goes_only_to_pages_of_the_console(console: Console) -> None:
    person = console.person("editor", "police", password=PASSWORD, second_factor=False)
    for wished in (
        "https://evil.example/",
        "//evil.example/console/",
        "/\\evil.example",
        "/wechat",
    ):
        answer = console.anonymous().post(
            "/console/sign-in",
            {"name": person.sign_in_name, "password": PASSWORD},
            query_string={"next": wished},
        )
        assert answer.location == "/console/"
    answer = console.anonymous().post(
        "/console/sign-in",
        {"name": person.sign_in_name, "password": PASSWORD},
        query_string={"next": "/console/me/?a=1"},
    )
    assert answer.location == "/console/me/?a=1"


@pytest.mark.parametrize("past", [{"minutes": 31}, {"hours": 12, "minutes": 1}])
def test_idle_and_old_sessions_are_over(console: Console, past: dict[str, int]) -> None:
    client = console.client()
    assert client.get("/console/").status_code == 200
    column = StaffSession.seen_at if "hours" not in past else StaffSession.created_at
    with transaction():
        session.execute(update(StaffSession).values({column: clock.now() - timedelta(**past)}))
    assert client.get("/console/").status_code == 302


def test_a_poll_does_not_keep_a_forgotten_page_signed_in(console: Console) -> None:
    client = console.client()
    before = clock.now() - timedelta(minutes=20)
    with transaction():
        session.execute(update(StaffSession).values(seen_at=before))
    client.get("/console/", headers={"X-Quiet": "1"})
    with read_only():
        assert session.scalar(select(StaffSession.seen_at)) == before
    client.get("/console/")
    with read_only():
        assert session.scalar(select(StaffSession.seen_at)) > before


def test_signing_out_ends_the_session_on_the_server(console: Console) -> None:
    client = console.client()
    with client.flask.session_transaction() as kept:
        stolen = kept["sid"]
    assert client.post("/console/sign-out").status_code == 303
    other = console.anonymous()
    with other.flask.session_transaction() as kept:
        kept["sid"] = stolen
    assert other.get("/console/").status_code == 302


def test_a_disabled_person_is_out_at_the_next_request(console: Console) -> None:
    client = console.client("editor", "police")
    assert client.staff is not None
    with transaction():
        members.disable(client.staff.id, now=clock.now())
    assert client.get("/console/").status_code == 302


def test_the_session_id_changes_at_sign_in_and_at_the_second_factor(console: Console) -> None:
    person, client = console.person(password=PASSWORD), console.anonymous()
    client.get("/console/sign-in")
    seen = []
    for path, data in (
        ("/console/sign-in", {"name": person.sign_in_name, "password": PASSWORD}),
        ("/console/sign-in/code", {"code": totp_code(person)}),
    ):
        client.post(path, data)
        with client.flask.session_transaction() as kept:
            seen.append(kept["sid"])
    assert len(set(seen)) == 2
    with read_only():
        assert sessions.find(seen[0], now=clock.now()) is None


def test_an_old_password_must_be_renewed_before_anything_else(console: Console) -> None:
    client = console.client(
        "editor", "police", person=console.person("editor", "police", password=PASSWORD)
    )
    assert client.staff is not None
    with transaction():
        members.get(client.staff.id).password_at = clock.now() - timedelta(days=91)
    assert client.get("/console/").location == "/console/me/password"
    renewed = {"old": PASSWORD, "password": "一蓑烟雨任平生 1082", "again": "一蓑烟雨任平生 1082"}
    same = renewed | {"password": PASSWORD, "again": PASSWORD}
    assert "最近 5 次" in client.post("/console/me/password", same).text
    other = renewed | {"again": "一蓑烟雨"}
    assert "两次输入不一致" in client.post("/console/me/password", other).text
    assert client.post("/console/me/password", renewed).status_code == 303
    assert client.get("/console/").status_code == 200


def test_who_decides_must_set_up_a_second_factor(console: Console) -> None:
    person = console.person("reviewer_office", "police", password=PASSWORD, second_factor=False)
    client = console.anonymous()
    assert sign_in(client, person) == 303
    assert client.get("/console/").location == "/console/me/second-factor"
    client.get("/console/me/second-factor")
    # the password again: an open page alone must not become somebody else's second factor
    begin = "/console/me/second-factor/begin"
    assert client.post(begin).status_code == 403
    assert client.post(begin, {"confirm_proof": "wrong password"}).status_code == 403
    assert members_secret(person) is None
    assert client.post(begin, {"confirm_proof": PASSWORD}).status_code == 303
    assert client.post("/console/me/second-factor", {"code": "000000"}).status_code == 422
    shown = client.post("/console/me/second-factor", {"code": totp_code(person)})
    assert shown.text.count("<li><code>") == 10
    assert client.get("/console/").status_code == 200


def members_secret(person: Staff) -> str | None:
    with read_only():
        return members.get(person.id).totp_secret


def test_a_second_factor_ends_other_sessions_and_what_they_saw(console: Console) -> None:
    person = console.person("editor", "police", password=PASSWORD, second_factor=False)
    own, other = console.client(person=person), console.client(person=person, fresh=False)
    begin = "/console/me/second-factor/begin"
    own.post(begin)
    seen = members_secret(person)
    assert seen is not None
    # an open page that cannot prove itself sees nothing and confirms nothing
    assert seen not in other.get("/console/me/second-factor").text
    assert other.post("/console/me/second-factor", {"code": totp_code(person)}).status_code == 403
    # what was begun before is not what is confirmed in the end
    own.post(begin)
    assert members_secret(person) != seen
    assert own.post("/console/me/second-factor", {"code": totp_code(person)}).status_code == 200
    assert own.get("/console/").status_code == 200
    assert other.get("/console/").status_code == 302


def test_a_recovery_code_opens_once(console: Console) -> None:
    person = console.person(password=PASSWORD)
    client = console.client(person=person)
    shown = client.post("/console/me/codes").text
    code = shown.split("<li><code>")[1].split("<")[0]
    answers = []
    for _ in range(2):
        other = console.anonymous()
        sign_in(other, person)
        answers.append(other.post("/console/sign-in/code", {"code": code.upper()}).status_code)
    assert answers == [303, 422]


def test_a_dangerous_action_asks_again_and_loses_nothing(console: Console) -> None:
    person = console.person(password=PASSWORD)
    client = console.client(person=person, fresh=False)
    asked = client.post("/console/me/codes", {"kept": "写好的字"})
    assert asked.status_code == 403
    assert "写好的字" in asked.text
    wrong = client.post("/console/me/codes", {"confirm_proof": "000000"})
    assert wrong.status_code == 403
    right = client.post("/console/me/codes", {"confirm_proof": totp_code(person)})
    assert right.text.count("<li><code>") == 10


def test_the_first_administrator_comes_by_a_link_that_works_once(console: Console) -> None:
    with transaction():
        secret = one_time_links.create(LinkPurpose.FIRST, None, now=clock.now())
    client = console.anonymous()
    form = {
        "sign_in_name": "admin.one",
        "name": "管理员",
        "password": PASSWORD,
        "again": PASSWORD,
    }
    weak = client.post(f"/console/links/{secret}", form | {"password": "12345678901234"})
    assert weak.status_code == 422
    assert "admin.one" in weak.text
    assert client.post(f"/console/links/{secret}", form).status_code == 303
    again = client.post(f"/console/links/{secret}", form | {"sign_in_name": "admin.two"})
    assert again.status_code == 410
    with read_only():
        assert not authentication.needs_first_administrator(now=clock.now())


def test_a_reset_link_ends_all_sessions(console: Console) -> None:
    person = console.person("editor", "police", password=PASSWORD, second_factor=False)
    signed_in = console.client(person=person)
    with transaction():
        secret = one_time_links.create(LinkPurpose.RESET, person.id, now=clock.now())
    fresh = {"password": "一蓑烟雨任平生 1082", "again": "一蓑烟雨任平生 1082"}
    assert console.anonymous().post(f"/console/links/{secret}", fresh).status_code == 303
    assert signed_in.get("/console/").status_code == 302
    assert sign_in(console.anonymous(), person) == 422
    assert sign_in(console.anonymous(), person, fresh["password"]) == 303


def test_an_expired_link_says_so(console: Console) -> None:
    person = console.person("editor", "police")
    with transaction():
        secret = one_time_links.create(
            LinkPurpose.RESET, person.id, now=clock.now() - timedelta(minutes=31)
        )
    answer = console.anonymous().get(f"/console/links/{secret}")
    assert answer.status_code == 410
    assert "已经失效" in answer.text


@pytest.mark.browser
def test_a_person_signs_in_with_a_second_factor_in_a_browser(
    console: Console, site: str, page: Page
) -> None:
    person = console.person(password=PASSWORD)
    page.goto(f"{site}/console/")
    page.get_by_label("登录名").fill(person.sign_in_name)
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("验证码").fill(totp_code(person))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="待办")).to_be_visible()
    page.get_by_role("link", name=person.name).click()
    expect(page.get_by_role("heading", name="我的账户")).to_be_visible()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
