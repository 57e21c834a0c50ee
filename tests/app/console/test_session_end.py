"""A session ends under somebody's hands: what they typed stays, and goes on after a new sign-in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from config import clock
from config.database import reading, session, transaction
from keywords.stored import StoredRule
from matrix import sendings
from matrix.staff import sessions
from matrix.staff.people import Staff
from matrix.staff.sessions import Session
from tests.app.console.talking import hear
from tests.fixtures.console import Desk

pytestmark = pytest.mark.browser


def end(person: Staff) -> None:
    with transaction():
        sessions.end_all(person.id, why="idle", now=clock.now())


def rules_called(name: str) -> int:
    with reading():
        rows = select(func.count()).where(StoredRule.name == name)
        return session.scalar(rows) or 0


@pytest.fixture
def later(page: Page) -> Callable[[], None]:
    """Lets so much time pass in the browser that a page asks whether it is still known."""
    page.clock.install()
    return lambda: page.clock.fast_forward("06:00")


def test_a_form_waits_for_its_writer_to_sign_in_again(
    desk: Desk, site: str, page: Page, later: Callable[[], None]
) -> None:
    editor, other = desk.person("editor", "police"), desk.person("editor", "hrss")
    desk.enter(page, site, person=editor)
    page.goto(f"{site}/console/rules/new")
    page.get_by_label("名称").fill("居住证办理")
    page.get_by_label("关键词", exact=True).first.fill("居住证")
    page.get_by_label("文字内容").fill("请带身份证。")
    page.get_by_label("试一试：假如市民写").fill("居住证")
    expect(page.locator("#look .bubble").last).to_have_text("请带身份证。")
    end(editor)
    later()
    page.get_by_role("button", name="只存草稿").click()
    dialog = page.get_by_role("dialog", name="需要重新登录")
    expect(dialog).to_be_visible()
    assert dialog.get_by_role("link", name="重新登录").get_attribute("target") == "_blank"

    # somebody else at the same machine does not hand it in by accident
    desk.enter(page, site, person=other)
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="只存草稿").click()
    expect(dialog.get_by_text("另一位同事")).to_be_visible()
    assert rules_called("居住证办理") == 0

    desk.enter(page, site, person=editor)
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="只存草稿").click()
    expect(page.get_by_text("草稿已保存")).to_be_visible()
    assert rules_called("居住证办理") == 1


def test_an_answer_is_not_lost_while_the_page_looks_for_news(
    desk: Desk, site: str, page: Page
) -> None:
    key = hear(desk, "居住证")
    agent = desk.person("agent", "police")
    desk.enter(page, site, person=agent)
    page.goto(f"{site}/console/talks/{key}")
    page.get_by_label("回复内容").fill("请带身份证到派出所。")
    end(agent)
    dialog = page.get_by_role("dialog", name="需要重新登录")
    expect(dialog).to_be_visible(timeout=15_000)  # the page asks for news every few seconds
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="发送", exact=True).click()
    expect(dialog).to_be_visible()

    desk.enter(page, site, person=agent)
    dialog.get_by_role("button", name="留在本页").click()
    page.get_by_role("button", name="发送", exact=True).click()
    expect(page.locator("#lines")).to_contain_text("请带身份证到派出所。")
    with reading():
        (sent,) = sendings.of_follower(key)
        assert sent.content["content"] == "请带身份证到派出所。"


def test_typing_keeps_the_session_alive(
    desk: Desk, site: str, page: Page, later: Callable[[], None]
) -> None:
    editor = desk.person("editor", "police")
    desk.enter(page, site, person=editor)
    page.goto(f"{site}/console/me/password")
    with transaction():
        row = session.scalars(select(Session).where(Session.staff_id == editor.id)).one()
        was = row.seen_at = row.seen_at - sessions.NOTED * 5
    later()
    with page.expect_response("**/console/me/here"):
        page.get_by_label("原密码").press_sequentially("写")
    with reading():
        assert session.scalars(select(Session.seen_at)).one() > was
