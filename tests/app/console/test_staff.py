"""The staff's pages: who is listed, added, given roles, let go; and what is refused to whom."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from config import clock
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from matrix.staff import grants, members
from matrix.staff.members import Staff, StaffState
from matrix.staff.sign_in import sessions, throttle
from matrix.staff.sign_in.sessions import ClientInfo
from tests.helpers.console import PASSWORD, Client, Console

POLICE_PAGES = ("", "/edit", "/roles/new", "/leave")
ACTIONS = ("edit", "link", "unlock", "disable", "enable", "factor", "sessions/end", "roles/new")


@pytest.fixture
def admin(console: Console) -> Client:
    """The administrator of the police."""
    return console.client("department_admin", "police")


@pytest.fixture
def editor(console: Console) -> Staff:
    """An editor of the police."""
    return console.person("editor", "police")


def now_of(person: Staff) -> Staff:
    with read_only():
        return members.get(person.id)


def roles_of(person: Staff) -> list[str]:
    with read_only():
        return [grant.role.value for grant in grants.list_current([person.id])]


def test_people_are_listed_where_they_may_be_seen(
    console: Console, admin: Client, editor: Staff
) -> None:
    other = console.person("editor", "hrss")
    page = admin.get("/console/staff/").text
    assert editor.name in page
    assert "编辑" in page
    assert other.name not in page
    assert admin.get("/console/staff/?word=nobody").text.count("没有符合条件的人员") == 1
    assert editor.name in admin.get("/console/staff/?role=editor&state=active").text
    for wrong in ("role=x", "state=x", "department_id=x", "after=" + "9" * 30, "word=" + "a" * 99):
        assert admin.get(f"/console/staff/?{wrong}").status_code == 422


def test_who_may_not_see_staff_is_refused(console: Console, editor: Staff) -> None:
    client = console.client("clerk", "police")
    for path in ("/console/staff/", f"/console/staff/{editor.id}", "/console/staff/rights"):
        assert client.get(path).status_code == 403
    reader = console.client("auditor", "police")
    assert reader.get(f"/console/staff/{editor.id}").status_code == 200
    assert reader.get("/console/staff/new").status_code == 403
    for deed in ACTIONS:
        assert reader.post(f"/console/staff/{editor.id}/{deed}").status_code == 403


@pytest.mark.parametrize("page", POLICE_PAGES)
def test_another_departments_person_is_not_there(
    console: Console, admin: Client, page: str
) -> None:
    other = console.person("editor", "hrss")
    assert admin.get(f"/console/staff/{other.id}{page}").status_code == 404
    assert admin.get(f"/console/staff/{2**31}{page}").status_code == 404


@pytest.mark.parametrize("deed", [*ACTIONS, "leave"])
def test_no_action_reaches_others_staff_oneself_or_who_may_do_more(
    console: Console, admin: Client, deed: str
) -> None:
    other = console.person("editor", "hrss")
    above = console.person("matrix_admin", None)
    police = console.department_id("police")
    with transaction():
        members.get(above.id).department_id = police
    form = {"name": "新", "role": "clerk", "place": "city", "reason": "x"}
    assert admin.staff is not None
    for person, status in ((other, 404), (above, 403), (admin.staff, 403)):
        assert admin.post(f"/console/staff/{person.id}/{deed}", form).status_code == status
    assert now_of(above).state is StaffState.ACTIVE


def test_a_new_person_sets_the_password_by_the_link_alone(console: Console, admin: Client) -> None:
    form = {
        "name": "王小明",
        "sign_in_name": "Wang.XM",
        "department_id": str(console.department_id("police")),
    }
    shown = admin.post("/console/staff/new", form)
    assert shown.status_code == 200
    link = re.search(r"/console/links/[\w-]+", shown.text)
    assert link is not None
    again = admin.post("/console/staff/new", form)
    assert again.status_code == 422
    assert "已有人使用" in again.text
    assert "王小明" in again.text, "what was typed is kept"
    fresh = {"password": PASSWORD, "again": PASSWORD}
    assert console.anonymous().post(link[0], fresh).status_code == 303
    assert console.anonymous().post(link[0], fresh).status_code == 410


def test_nobody_is_added_outside_of_reach_nor_with_hidden_fields(
    console: Console, admin: Client
) -> None:
    form = {"name": "王", "sign_in_name": "wang", "state": "disabled", "role": "matrix_admin"}
    for place in (console.department_id("hrss"), ""):
        refused = admin.post("/console/staff/new", form | {"department_id": str(place)})
        assert refused.status_code == 422
    admin.post("/console/staff/new", form | {"department_id": str(console.department_id("police"))})
    with read_only():
        made = members.find_by_sign_in_name("wang")
        assert made is not None
        assert made.state is StaffState.ACTIVE
        assert grants.list_current([made.id]) == []


def test_a_stale_edit_says_who_was_faster_and_offers_both(
    console: Console, admin: Client, editor: Staff
) -> None:
    first = {
        "name": "改名一",
        "department_id": str(console.department_id("police")),
        "version": "1",
    }
    assert admin.post(f"/console/staff/{editor.id}/edit", first).status_code == 303
    other = console.client("department_admin", "police")
    refused = other.post(f"/console/staff/{editor.id}/edit", first | {"name": "改名二"})
    assert refused.status_code == 422
    assert admin.staff is not None
    for said in (admin.staff.name, "改名一", "改名二", "再次提交将用您填写的覆盖"):
        assert said in refused.text
    assert 'value="2"' in refused.text
    assert (
        other.post(
            f"/console/staff/{editor.id}/edit", first | {"name": "改名二", "version": "2"}
        ).status_code
        == 303
    )
    assert now_of(editor).name == "改名二"


def test_a_role_is_given_and_taken_back_and_acts_at_once(
    console: Console, admin: Client, editor: Staff
) -> None:
    works = console.client(person=editor)
    assert works.get("/console/").status_code == 200
    wish = {"role": "agent", "place": f"department:{console.department_id('police')}"}
    assert admin.post(f"/console/staff/{editor.id}/roles/new", wish).status_code == 303
    assert works.get("/console/").status_code == 302, "signed out"
    assert roles_of(editor) == ["editor", "agent"]
    again = admin.post(f"/console/staff/{editor.id}/roles/new", wish)
    assert again.status_code == 422
    assert "已有相同的授权" in again.text

    with read_only():
        key = grants.list_current([editor.id])[0].id
    assert admin.post(f"/console/staff/{editor.id}/roles/{key}/revoke").status_code == 303
    assert admin.post(f"/console/staff/{editor.id}/roles/{key}/revoke").status_code == 404
    assert roles_of(editor) == ["agent"]


@pytest.mark.parametrize(
    "wish",
    [
        {"role": "matrix_admin", "place": "city"},
        {"role": "editor", "place": "city"},
        {"role": "editor", "place": "department:999999"},
        {"role": "editor", "place": "account:999999"},
        {"role": "editor", "place": ""},
        {"role": "", "place": ""},
        {"role": "editor", "place": "police", "starts_on": "2026-02-02", "ends_on": "2026-02-01"},
        {"role": "editor", "place": "police", "ends_on": "morgen"},
    ],
)
def test_a_role_beyond_ones_own_is_refused_at_its_field(
    console: Console, admin: Client, editor: Staff, wish: dict[str, str]
) -> None:
    if wish["place"] == "police":
        wish = wish | {"place": f"department:{console.department_id('police')}"}
    answer = admin.post(f"/console/staff/{editor.id}/roles/new", wish)
    assert answer.status_code == 422
    assert "is-invalid" in answer.text
    assert roles_of(editor) == ["editor"]


def test_dangerous_actions_ask_for_the_second_factor(console: Console, editor: Staff) -> None:
    stale = console.client("department_admin", "police", fresh=False)
    for deed in ("link", "disable", "enable", "factor", "roles/new", "leave"):
        assert "再确认一次" in stale.post(f"/console/staff/{editor.id}/{deed}").text
    assert "再确认一次" in stale.post("/console/staff/new").text
    assert now_of(editor).state is StaffState.ACTIVE


def test_access_is_locked_unlocked_ended_and_given_back(
    console: Console, admin: Client, editor: Staff
) -> None:
    with transaction():
        for _ in range(5):
            throttle.admit_sign_in(editor.sign_in_name, ClientInfo("192.0.2.1"), now=clock.now())
    page = f"/console/staff/{editor.id}"
    assert "多次输错密码" in admin.get(page).text
    admin.post(f"{page}/unlock")
    assert "多次输错密码" not in admin.get(page).text

    works = [console.client(person=editor) for _ in range(3)]
    with read_only():
        one = sessions.list_active(editor.id, now=clock.now())[0].id
    admin.post(f"{page}/sessions/{one}/end")
    assert [each.get("/console/").status_code for each in works] == [200, 200, 302]
    admin.post(f"{page}/sessions/end")
    assert [each.get("/console/").status_code for each in works] == [302, 302, 302]
    assert admin.post(f"{page}/sessions/{2**31}/end").status_code == 404

    assert admin.post(f"{page}/factor").status_code == 303
    assert not now_of(editor).has_second_factor
    assert "/console/links/" in admin.post(f"{page}/link").text
    admin.post(f"{page}/disable")
    assert now_of(editor).state is StaffState.DISABLED
    assert "已停用的人员" in admin.get(admin.post(f"{page}/link").location).text
    admin.post(f"{page}/enable")
    assert now_of(editor).state is StaffState.ACTIVE


def test_offboarding_shows_what_it_will_do_and_leaves_a_list(console: Console) -> None:
    root, leaver = console.client(), console.person("department_admin", "police")
    works = console.client(person=leaver)
    told = root.get(f"/console/staff/{leaver.id}/leave").text
    assert "收回 1 个角色" in told
    assert "结束 1 处登录" in told
    assert "华阴police" in told
    assert works.get("/console/").status_code == 200, "showing does nothing"

    empty = root.post(f"/console/staff/{leaver.id}/leave", {"reason": " "})
    assert empty.status_code == 422
    left = root.post(f"/console/staff/{leaver.id}/leave", {"reason": "调往外市"})
    assert "华阴police" in left.text
    assert "华阴hrss" not in left.text
    assert works.get("/console/").status_code == 302
    assert now_of(leaver).state is StaffState.DISABLED
    assert roles_of(leaver) == []
    with read_only():
        row = session.scalars(select(AuditEntry).where(AuditEntry.action == "staff.offboard")).one()
        assert row.reason == "调往外市"
    assert root.post(f"/console/staff/{leaver.id}/leave", {"reason": "又一次"}).status_code == 422


def test_the_matrix_of_rights_can_be_read_and_printed(
    console: Console, admin: Client, editor: Staff
) -> None:
    page = admin.get("/console/staff/rights").text
    assert editor.name in page
    assert "审计（只读）" in page
    assert "查看完整个人信息" in page
    assert "data-print" in page


def test_networks_are_the_citys_and_never_shut_out_who_enters_them(
    console: Console, admin: Client
) -> None:
    root = console.client()
    line = {"role": "editor", "network": "10.1.2.3/16", "note": "政务外网"}
    assert admin.post("/console/staff/policy/networks", line).status_code == 404
    assert root.post("/console/staff/policy/networks", line).status_code == 303
    assert "10.1.0.0/16" in root.get("/console/staff/policy").text
    assert "已在名单中" in root.post("/console/staff/policy/networks", line).text
    wrong = root.post("/console/staff/policy/networks", line | {"network": "everywhere"})
    assert wrong.status_code == 422
    assert "everywhere" in wrong.text
    out = root.post("/console/staff/policy/networks", line | {"role": "matrix_admin"})
    assert "127.0.0.1" in out.text
    assert out.status_code == 422
    editor = console.client("editor", "police")
    assert editor.get("/console/").status_code == 403, "this machine is not in the list"
    assert root.post("/console/staff/policy/networks/1/remove").status_code == 303
    assert editor.get("/console/").status_code == 200


def test_the_policy_says_what_holds(admin: Client) -> None:
    page = admin.get("/console/staff/policy").text
    for said in ("至少 12 位", "每 90 天", "5 次须等待", "30 分钟没有操作", "满 12 小时"):
        assert said in page


@pytest.mark.browser
def test_a_person_is_added_and_given_a_role_in_a_browser(
    console: Console, site: str, page: Page
) -> None:
    console.sign_in(page, site, "department_admin", "police")
    page.goto(f"{site}/console/staff/")
    page.get_by_role("link", name="添加人员").click()
    page.get_by_label("姓名").fill("王小明")
    page.get_by_label("登录名").fill("wang.xm")
    page.get_by_role("button", name="添加并生成链接").click()
    expect(page.get_by_label("一次性链接")).to_have_value(re.compile("/console/links/"))
    page.get_by_role("link", name="授予角色").click()
    page.get_by_label("角色").select_option(label="编辑")
    page.get_by_role("button", name="授予").click()
    expect(page.get_by_text("已授予“编辑”")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="办理离岗").click()
    page.get_by_label("原因").fill("调往外市")
    page.get_by_role("button", name="办理离岗").click()
    expect(page.get_by_role("heading", name="王小明已离岗")).to_be_visible()
