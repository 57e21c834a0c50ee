"""The menu pages: the editor, versions, copies, and what WeChat shows to whom."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import event, select

from app import snapshots
from config import clock
from config.database import engine, session, transaction
from matrix import menus
from matrix.menus import conditional, remote_state
from tests.app.console._simulated_wechat import SimulatedWeChat, run_waiting
from tests.helpers.console import Client, Console

MENU: dict[str, Any] = {
    "name-0": "证件",
    "kind-0": "ask",
    "value-0": "身份证",
    "name-1": "更多",
    "name-1-0": "官网",
    "kind-1-0": "link",
    "value-1-0": "https://example.org/",
    "note": "初版",
    "seen": "0",
}


def save(client: Client, account: int, act: str = "save", **changes: Any) -> Any:
    return client.post(f"/console/menus/{account}", {**MENU, **changes, "act": act})


def newest(account_id: int) -> menus.Menu | None:
    with transaction():
        return menus.find_newest(account_id)


# ---- the editor ----


def test_a_menu_is_written_kept_as_a_draft_and_pushed(wechat: SimulatedWeChat) -> None:
    console = wechat.desk
    account_id, client = console.account_id("police"), console.client("editor", "police")
    page = client.get(f"/console/menus/{account_id}")
    assert page.status_code == 200

    assert save(client, account_id).status_code == 303
    assert save(client, account_id, "push").location.startswith("/console/menus/versions/")
    run_waiting(menus.MenuJob.PUSH)

    assert wechat.buttons("police") == ["证件", "更多"]
    menu = newest(account_id)
    assert menu is not None
    assert (menu.version, menu.note, menu.state) == (1, "初版", menus.MenuState.PUSHED)
    assert menu.author == (client.staff.name if client.staff else "")
    assert "微信已收下" in client.get(f"/console/menus/versions/{menu.id}").text
    assert "初版" in client.get(f"/console/menus/{account_id}/versions").text


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(console: Console) -> None:
    account_id, client = console.account_id("police"), console.client("editor", "police")

    answer = save(
        client, account_id, **{"name-0": "名字实在太长了", "value-1-0": "https://a:b@example.org"}
    )

    assert answer.status_code == 422
    for part in ("name-0", "value-1-0"):
        assert f'id="wrong-{part}"' in answer.text
    assert 'value="https://a:b@example.org"' in answer.text
    assert newest(account_id) is None


@pytest.mark.parametrize(
    ("act", "names"),
    [
        ("add", ["证件", "更多", "官网", ""]),
        ("add:0", ["证件", "", "更多", "官网"]),
        ("add:1", ["证件", "更多", "官网", ""]),
        ("remove:0", ["更多", "官网"]),
        ("remove:1-0", ["证件", "更多"]),
        ("down:0", ["更多", "官网", "证件"]),
        ("up:1", ["更多", "官网", "证件"]),
        ("up:0", ["证件", "更多", "官网"]),
        ("down:9", ["证件", "更多", "官网"]),
        ("remove:7-0", ["证件", "更多", "官网"]),
        ("add:7", ["证件", "更多", "官网"]),
        ("remove:x", ["证件", "更多", "官网"]),
    ],
)
def test_small_buttons_change_the_form_and_save_nothing(
    console: Console, act: str, names: list[str]
) -> None:
    account_id, client = console.account_id("police"), console.client("editor", "police")

    answer = save(client, account_id, act)

    assert answer.status_code == 200
    assert re.findall(r'name="name-[\d-]+" value="([^"]*)"', answer.text) == names
    assert newest(account_id) is None


def test_who_saves_over_another_sees_both_versions(console: Console) -> None:
    account_id = console.account_id("police")
    first, second = (console.client("editor", "police") for _ in range(2))
    save(first, account_id)

    answer = save(second, account_id, **{"value-0": "居住证", "name-2": "帮助", "kind-2": "ask"})
    assert answer.status_code == 422, "the third button has no key"
    answer = save(second, account_id, **{"value-0": "居住证"})

    assert answer.status_code == 422
    assert f"{first.staff.name}在" in answer.text
    assert "居住证" in answer.text
    assert "身份证" in answer.text
    assert 'name="seen" value="1"' in answer.text
    assert save(second, account_id, seen="1", **{"value-0": "居住证"}).status_code == 303
    menu = newest(account_id)
    assert menu is not None
    assert menu.version == 2


def test_fields_nobody_asked_for_are_ignored(console: Console) -> None:
    account_id, client = console.account_id("police"), console.client("editor", "police")
    foreign = console.account_id("hrss")

    save(client, account_id, account_id=foreign, state="pushed", author="别人", version="99")

    assert newest(foreign) is None
    menu = newest(account_id)
    assert menu is not None
    assert (menu.version, menu.state) == (1, menus.MenuState.DRAFT)


def test_words_of_rules_are_offered_with_the_rule_that_answers(console: Console) -> None:
    snapshots.refresh()
    account_id, client = console.account_id("police"), console.client("editor", "police")

    def offered(value: str, kind: str = "ask") -> str:
        query = {"at": "0", "value-0": value, "kind-0": kind}
        answer = client.get(f"/console/menus/{account_id}/words", query_string=query)
        assert answer.status_code == 200
        return answer.text

    assert '<option value="身份证">身份证办理</option>' in offered("身份")
    assert "由规则“身份证办理”答复" in offered("身份证")
    assert "还没有规则会答复它" in offered("宇宙飞船")
    assert "option" not in offered("https://example.org", "link")
    assert "hrss" not in offered("社保卡")


# ---- versions and copies ----


def test_an_older_version_comes_back(wechat: SimulatedWeChat) -> None:
    console = wechat.desk
    account_id, client = console.account_id("police"), console.client("editor", "police")
    save(client, account_id, "push")
    old = newest(account_id)
    assert old is not None
    save(client, account_id, "push", seen="1", **{"name-0": "新的"})
    assert "恢复" in client.get(f"/console/menus/{account_id}/versions").text
    assert client.get(f"/console/menus/{account_id}?from={old.id}").status_code == 200

    answer = client.post(f"/console/menus/versions/{old.id}/restore")

    run_waiting(menus.MenuJob.PUSH)
    assert answer.status_code == 303
    assert wechat.buttons("police") == ["证件", "更多"]


def test_a_menu_is_copied_to_accounts_of_the_area_only(wechat: SimulatedWeChat) -> None:
    console = wechat.desk
    admin = console.client("matrix_admin")
    source, police, hrss = (console.account_id(code) for code in ("release", "police", "hrss"))
    save(admin, source, "push")
    menu = newest(source)
    assert menu is not None
    path = f"/console/menus/versions/{menu.id}"
    assert "请至少选择一个" in admin.post(f"{path}/copy").text

    answer = admin.post(f"{path}/copy", {"account": [str(police), "4711"]})
    assert answer.location == f"{path}/copies"
    assert "推送中" in admin.get(f"{path}/copies").text
    run_waiting(menus.MenuJob.PUSH)

    assert wechat.buttons("police") == ["证件", "更多"]
    assert newest(hrss) is None
    table = admin.get(f"{path}/copies", headers={"HX-Request": "true"}).text
    assert "<html" not in table
    assert "已推送" in table
    again = admin.post(f"{path}/copy", {"account": [str(police)]}, follow_redirects=True)
    assert "已经相同" in again.text


# ---- what WeChat shows ----


def test_what_wechat_shows_is_compared_with_the_newest_version(wechat: SimulatedWeChat) -> None:
    console = wechat.desk
    account_id, client = console.account_id("police"), console.client("editor", "police")
    save(client, account_id, "push")
    run_waiting(menus.MenuJob.PUSH)
    assert client.post(f"/console/menus/{account_id}/look").status_code == 303
    assert "正在向微信读取" in client.get(f"/console/menus/{account_id}/now").text
    run_waiting(menus.MenuJob.REFRESH)
    assert "完全一致" in client.get(f"/console/menus/{account_id}/now").text

    appid = wechat.appid("police")
    wechat.platform.menus.create(appid, {"button": [{"type": "click", "name": "别人", "key": "k"}]})
    client.post(f"/console/menus/{account_id}/look")
    run_waiting(menus.MenuJob.REFRESH)

    page = client.get(f"/console/menus/{account_id}/now").text
    assert "2 处不同" not in page
    assert "3 处不同" in page
    assert "别人" in page


def test_a_conditional_menu_is_added_tried_and_removed(wechat: SimulatedWeChat) -> None:
    console = wechat.desk
    account_id, client = console.account_id("police"), console.client("editor", "police")
    appid = wechat.appid("police")
    path = f"/console/menus/{account_id}/conditional"
    new = {**MENU, "act": "push", "name": "安卓", "tag": "", "platform": "2"}
    assert "请先推送" in client.post(f"{path}/new", new).text
    save(client, account_id, "push")
    run_waiting(menus.MenuJob.PUSH)
    wechat.platform.tags.create(appid, "老年人")
    client.post(f"/console/menus/{account_id}/look", {"then": "conditional"})
    run_waiting(menus.MenuJob.REFRESH)
    assert "老年人" in client.get(f"{path}/new").text
    assert "请至少选择一个条件" in client.post(f"{path}/new", {**new, "platform": ""}).text
    assert client.post(f"{path}/new", {**new, "tag": "999"}).status_code == 422
    assert 'id="editor"' in client.post(f"{path}/new", {**new, "act": "add"}).text

    assert client.post(f"{path}/new", {**new, "name-0": "安卓版"}).status_code == 303
    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)

    assert "已生效" in client.get(path).text
    openid = wechat.follower("police")
    assert client.post(f"/console/menus/{account_id}/try", {"person": "汉字"}).status_code == 422
    trial = client.post(f"/console/menus/{account_id}/try", {"person": openid}).location
    assert "正在问微信" in client.get(trial).text
    run_waiting(menus.MenuJob.PREVIEW)
    assert "安卓版" in client.get(trial).text

    with transaction():
        menu_id = session.scalars(select(conditional.ConditionalMenu.id)).one()
    client.post(f"/console/menus/conditional/{menu_id}/remove")
    run_waiting(menus.MenuJob.DELETE_CONDITIONAL)
    assert "没有个性化菜单" in client.get(path).text


# ---- who ----


def test_another_departments_menus_are_not_there(console: Console) -> None:
    admin, editor = console.client("matrix_admin"), console.client("editor", "police")
    hrss, mine = console.account_id("hrss"), console.account_id("police")
    save(admin, hrss)
    menu = newest(hrss)
    assert menu is not None
    with transaction():
        sight_id = remote_state._mark_requested(hrss, "someone", clock.now()).id

    for path in (
        f"{hrss}",
        f"{hrss}/words",
        f"{hrss}/versions",
        f"{hrss}/now",
        f"{hrss}/conditional",
        f"{hrss}/conditional/new",
        f"{hrss}/try/{sight_id}",
        f"{mine}?from={menu.id}",
        f"versions/{menu.id}",
        f"versions/{menu.id}/state",
        f"versions/{menu.id}/copy",
        f"versions/{menu.id}/copies",
        "4711",
    ):
        assert editor.get(f"/console/menus/{path}").status_code == 404, path
    for path in (
        f"{hrss}/look",
        f"{hrss}/try",
        f"versions/{menu.id}/push",
        f"versions/{menu.id}/restore",
        f"versions/{menu.id}/copy",
        "conditional/4711/remove",
    ):
        assert editor.post(f"/console/menus/{path}", {"person": "o"}).status_code == 404, path
    assert save(editor, hrss).status_code == 404
    assert "华阴hrss" not in editor.get("/console/menus/").text


def test_who_only_reads_is_offered_nothing_and_refused(console: Console) -> None:
    account_id = console.account_id("police")
    save(console.client("editor", "police"), account_id)
    menu = newest(account_id)
    assert menu is not None
    auditor = console.client("auditor", "police")

    assert "编辑" not in auditor.get("/console/menus/").text.split("<main")[1]
    assert auditor.get(f"/console/menus/versions/{menu.id}").status_code == 200
    assert auditor.get(f"/console/menus/{account_id}").status_code == 403
    assert auditor.post(f"/console/menus/versions/{menu.id}/push").status_code == 403
    assert console.client(None).get("/console/menus/").status_code == 403


def test_the_list_asks_as_often_for_many_accounts_as_for_few(console: Console) -> None:
    admin, asked = console.client("matrix_admin"), []

    def count(*args: Any) -> None:
        asked.append(args[2])

    def queries() -> int:
        asked.clear()
        assert admin.get("/console/menus/").status_code == 200
        return len(asked)

    event.listen(engine(), "before_cursor_execute", count)
    few = queries()
    for code in ("police", "hrss", "release"):
        save(admin, console.account_id(code))
    assert queries() == few
    event.remove(engine(), "before_cursor_execute", count)


# ---- in a browser ----


def test_a_menu_is_edited_by_keyboard_previewed_pushed_and_seen_on_a_phone(
    wechat: SimulatedWeChat, site: str, page: Page
) -> None:
    console = wechat.desk
    snapshots.refresh()
    account_id = console.account_id("police")
    console.sign_in(page, site, "editor", "police")
    page.goto(f"{site}/console/menus/{account_id}")
    bar = page.locator("[data-preview]")

    page.get_by_label("第 1 个菜单的名称").fill("证件")
    expect(bar).to_have_text(re.compile("证件"))
    page.get_by_label("关键词（点击等于说这句话）").fill("身份证")
    expect(page.get_by_text("由规则“身份证办理”答复")).to_be_visible()
    page.get_by_role("button", name="添加菜单").press("Enter")
    second = page.get_by_label("第 2 个菜单的名称")
    expect(second).to_be_focused()
    second.fill("更多")
    page.get_by_role("button", name="改成有子菜单的按钮").nth(1).press("Enter")
    expect(page.get_by_label("子菜单 1")).to_be_focused()
    page.keyboard.type("官网")
    page.get_by_label("点击后").nth(1).select_option("打开网页")
    page.get_by_label("网址").fill("https://example.org/")
    page.get_by_role("button", name="第 2 个菜单左移").press("Enter")
    expect(page.get_by_label("第 1 个菜单的名称")).to_have_value("更多")
    expect(bar.locator(".menu-phone-name").first).to_have_text("更多")
    expect(bar.locator("li")).to_have_text(["官网"])
    page.get_by_label("这次改了什么").fill("初版")
    page.get_by_role("button", name="保存并推送").click()

    expect(page.get_by_text("推送中")).to_be_visible()
    run_waiting(menus.MenuJob.PUSH)
    expect(page.get_by_text("微信已收下")).to_be_visible()
    keys = console.hub.keys["police"]
    citizen = wechat.platform.followers.list_citizens()[0]
    now = wechat.platform.clock.now()
    wechat.platform.followers.follow(citizen.id, keys.appid, now=now, scene="")
    page.goto(wechat.simulator.url)
    page.get_by_text("华阴police").first.click()
    expect(page.get_by_role("button", name="更多")).to_be_visible()
    expect(page.get_by_role("button", name="证件")).to_be_visible()
