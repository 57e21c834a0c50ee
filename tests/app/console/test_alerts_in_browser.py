"""New alerts reach a person on whatever page: counter, title, toast, sound, and the desktop."""

from time import monotonic

import pytest
from playwright.sync_api import Page, expect

from app.jobs import conversation_updates
from config import clock
from config.database import transaction
from matrix.staff.members import Staff
from matrix.staff.sign_in import sessions
from tests.helpers.console import Console
from tests.helpers.conversations import raise_alert

pytestmark = pytest.mark.browser

SOON = 15_000  # milliseconds; a page asks every two seconds
# counts what a person would hear and see on the desktop; a page that nobody looks at has no focus
STUBS = """
window.tones = [];
window.AudioContext = class {
  currentTime = 0;
  destination = {};
  resume() {}
  createOscillator() {
    const made = { frequency: {}, connect: (next) => next, stop() {} };
    made.start = () => tones.push(made.frequency.value);
    return made;
  }
  createGain() {
    return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (next) => next };
  }
};
window.shown = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = "granted"); }
  constructor(title, options) { shown.push([title, options.body]); }
};
document.hasFocus = () => false;
"""


def wait_until(page: Page, expression: str) -> None:
    """Wait for something to become true; Playwright's own way is an eval, which pages forbid."""
    deadline = monotonic() + SOON / 1000
    while not page.evaluate(expression):
        assert monotonic() < deadline, expression
        page.wait_for_timeout(100)


@pytest.fixture
def agent(console: Console, page: Page, site: str) -> Staff:
    """An agent of the police, on a page that has nothing to do with alerts."""
    page.context.add_init_script(STUBS)
    staff = console.sign_in(page, site, "agent", "police")
    page.goto(f"{site}/console/rules/")
    page.locator("h1").click()
    # the page knows what there is, so that what comes is new
    wait_until(page, f"localStorage.getItem('alerts.told.{staff.id}')")
    return staff


def danger(console: Console, words: str, openid: str = "o1") -> None:
    console.hub.push("police", console.hub.text(openid, words))
    conversation_updates.update_conversations(now=clock.now())


def test_a_person_on_another_page_is_told_of_danger(
    console: Console, page: Page, agent: Staff
) -> None:
    raise_alert(console, "hrss", "别的单位的事")
    danger(console, "有人跳河了，救命")
    told = page.locator(".alert-toast")
    expect(told).to_have_count(1, timeout=SOON)
    expect(told).to_contain_text("紧急：华阴police收到疑似紧急求助")
    expect(told).to_contain_text("有人跳河了，救命")
    expect(page.get_by_role("navigation").locator("[data-alert-count]")).to_have_text("1")
    assert page.title().startswith("(1) 关键词规则")
    assert page.evaluate("tones.length") == 6

    told.get_by_role("link").click()
    expect(page.get_by_role("heading", name="市民原话")).to_be_visible()
    assert page.title().startswith("(1) ")
    page.wait_for_timeout(2500)
    assert page.locator(".alert-toast").count() == 0, "told once"
    assert page.evaluate("tones.length") == 0

    danger(console, "人沉下去了，救命")
    expect(page.locator(".alert-toast")).to_contain_text("人沉下去了", timeout=SOON)
    page.get_by_role("button", name="由我接手").click()
    expect(page.locator("[data-alert-count]").first).to_be_hidden(timeout=SOON)
    assert not page.title().startswith("(")


def test_who_switched_the_sound_off_sees_it_all_the_same(
    console: Console, page: Page, agent: Staff, site: str
) -> None:
    page.get_by_role("button", name="提醒声音：开").click()
    expect(page.get_by_role("button", name="提醒声音：关")).to_be_visible()
    page.goto(f"{site}/console/me/")
    expect(page.get_by_role("button", name="提醒声音：关")).to_be_visible()
    page.locator("h1").click()
    raise_alert(console, "police", "门坏了")
    expect(page.locator(".alert-toast")).to_contain_text("门坏了", timeout=SOON)
    assert page.evaluate("tones.length") == 0


def test_several_windows_count_and_one_of_them_rings(
    console: Console, page: Page, agent: Staff, site: str
) -> None:
    other = page.context.new_page()
    other.goto(f"{site}/console/me/")
    for each in (page, other):
        each.locator("h1").click()
    raise_alert(console, "police", "门坏了")
    for each in (page, other):
        expect(each.locator("[data-alert-count]").last).to_have_text("1", timeout=SOON)
    assert sorted(each.evaluate("tones.length") for each in (page, other)) == [0, 1]
    other.close()
    raise_alert(console, "police", "窗坏了")
    expect(page.locator("[data-alert-count]").last).to_have_text("2", timeout=SOON)
    wait_until(page, "tones.length > 0")


def test_the_desktop_tells_only_who_has_agreed(
    console: Console, page: Page, agent: Staff, site: str
) -> None:
    raise_alert(console, "police", "门坏了")
    expect(page.locator(".alert-toast")).to_contain_text("门坏了", timeout=SOON)
    assert page.evaluate("shown") == []
    page.goto(f"{site}/console/me/notifications/")
    page.get_by_role("button", name="开启桌面通知").click()
    expect(page.get_by_role("button", name="关闭桌面通知")).to_be_visible()
    danger(console, "有人跳河了，救命")
    wait_until(page, "shown.length > 0")
    ((title, body),) = page.evaluate("shown")
    assert title.startswith("紧急提醒：华阴police")
    assert body == "有人跳河了，救命"


def test_a_browser_without_shared_workers_asks_by_itself(
    console: Console, page: Page, agent: Staff, site: str
) -> None:
    page.add_init_script("delete window.SharedWorker")
    page.goto(f"{site}/console/me/")
    page.wait_for_load_state()
    raise_alert(console, "police", "门坏了")
    expect(page.locator(".alert-toast")).to_contain_text("门坏了", timeout=SOON)


def test_a_page_that_hears_nothing_any_more_says_so(
    console: Console, page: Page, agent: Staff, site: str
) -> None:
    with transaction():
        sessions.end_all(agent.id, reason="idle", now=clock.now())
    expect(page.get_by_text("登录已过期，本页收不到新提醒")).to_be_visible(timeout=SOON)
    page.set_viewport_size({"width": 390, "height": 700})
    expect(page.get_by_text("登录已过期，本页收不到新提醒")).to_be_in_viewport()
    assert not page.get_by_role("dialog").is_visible(), "what somebody reads is left alone"


def test_the_list_does_not_move_under_who_is_selecting(
    console: Console, page: Page, agent: Staff, site: str
) -> None:
    raise_alert(console, "police", "门坏了")
    page.goto(f"{site}/console/alarms/")
    expect(page.get_by_text("处理选中的")).to_be_hidden()
    page.get_by_label("选中：门坏了").check()
    raise_alert(console, "police", "窗坏了")
    expect(page.locator("[data-alert-count]").last).to_have_text("2", timeout=SOON)
    page.wait_for_timeout(6000)  # longer than the list waits before it asks
    assert page.get_by_label("选中：窗坏了").count() == 0
    expect(page.get_by_label("选中：门坏了")).to_be_checked()

    page.get_by_label("一起写明").fill("已修好")
    page.get_by_role("button", name="处理选中的").click()
    expect(page.get_by_text("已处理 1 条提醒")).to_be_visible()
    expect(page.get_by_label("选中：窗坏了")).to_be_visible()
    page.get_by_role("button", name="全选本页").click()
    expect(page.locator("#selected-count")).to_have_text("1")
