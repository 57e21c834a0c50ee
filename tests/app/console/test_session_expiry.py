"""A session ends under somebody's hands: what they typed stays, and goes on after a new sign-in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from config import clock
from config.database import read_only, session, transaction
from keywords.rules.store import RuleRow
from matrix import outbound
from matrix.staff.members import Staff
from matrix.staff.sign_in import sessions
from matrix.staff.sign_in.sessions import StaffSession
from tests.helpers.console import Console
from tests.helpers.conversations import receive

pytestmark = pytest.mark.browser


def end(person: Staff) -> None:
    with transaction():
        sessions.end_all(person.id, reason="idle", now=clock.now())


def rules_called(name: str) -> int:
    with read_only():
        rows = select(func.count()).where(RuleRow.name == name)
        return session.scalar(rows) or 0


@pytest.fixture
def advance_clock(page: Page) -> Callable[[], None]:
    """Lets so much time pass in the browser that a page asks whether it is still known."""
    page.clock.install()
    return lambda: page.clock.fast_forward("06:00")


def test_a_form_is_kept_until_its_writer_signs_in_again(
    console: Console, site: str, page: Page, advance_clock: Callable[[], None]
) -> None:
    editor, other = console.person("editor", "police"), console.person("editor", "hrss")
    console.sign_in(page, site, person=editor)
    page.goto(f"{site}/console/rules/new")
    page.get_by_label("名称").fill("居住证办理")
    page.get_by_label("关键词", exact=True).first.fill("居住证")
    page.get_by_label("文字内容").fill("请带身份证。")
    page.get_by_label("试一试：假如市民写").fill("居住证")
    expect(page.locator("#preview .bubble").last).to_have_text("请带身份证。")
    end(editor)
    advance_clock()
    page.get_by_role("button", name="只存草稿").click()
    dialog = page.get_by_role("dialog", name="需要重新登录")
    expect(dialog).to_be_visible()
    assert dialog.get_by_role("link", name="重新登录").get_attribute("target") == "_blank"

    # somebody else at the same machine does not hand it in by accident
    console.sign_in(page, site, person=other)
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="只存草稿").click()
    expect(dialog.get_by_text("另一位同事")).to_be_visible()
    assert rules_called("居住证办理") == 0

    console.sign_in(page, site, person=editor)
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="只存草稿").click()
    expect(page.get_by_text("草稿已保存")).to_be_visible()
    assert rules_called("居住证办理") == 1


def test_an_answer_is_not_lost_while_the_page_looks_for_news(
    console: Console, site: str, page: Page
) -> None:
    key = receive(console, "居住证")
    agent = console.person("agent", "police")
    console.sign_in(page, site, person=agent)
    page.goto(f"{site}/console/talks/{key}")
    page.get_by_label("回复内容").fill("请带身份证到派出所。")
    end(agent)
    dialog = page.get_by_role("dialog", name="需要重新登录")
    expect(dialog).to_be_visible(timeout=15_000)  # the page asks for news every few seconds
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="发送", exact=True).click()
    expect(dialog).to_be_visible()

    console.sign_in(page, site, person=agent)
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="发送", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("请带身份证到派出所。")
    with read_only():
        (sent,) = outbound.list_for_follower(key)
        assert sent.content["content"] == "请带身份证到派出所。"


def test_typing_keeps_the_session_alive(
    console: Console, site: str, page: Page, advance_clock: Callable[[], None]
) -> None:
    editor = console.person("editor", "police")
    console.sign_in(page, site, person=editor)
    page.goto(f"{site}/console/me/password")
    with transaction():
        row = session.scalars(select(StaffSession).where(StaffSession.staff_id == editor.id)).one()
        was = row.seen_at = row.seen_at - sessions.TOUCH_INTERVAL * 5
    advance_clock()
    with page.expect_response("**/console/me/here"):
        page.get_by_label("原密码").press_sequentially("写")
    with read_only():
        assert session.scalars(select(StaffSession.seen_at)).one() > was
