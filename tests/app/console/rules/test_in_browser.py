"""The way of a rule in a real browser: written, tried, sent back, mended, published, answered."""

import re

import pytest
from playwright.sync_api import Page, expect

from app import snapshots
from tests.helpers.console import Console

pytestmark = pytest.mark.browser


def test_a_rule_from_the_first_word_to_the_citizen(console: Console, page: Page, site: str) -> None:
    editor, reviewer = (
        console.person("editor", "police"),
        console.person("reviewer_office", "police"),
    )
    console.sign_in(page, site, person=editor)

    # an editor writes a rule, sees a collision and tries it
    page.goto(f"{site}/console/rules/")
    page.get_by_role("link", name="写一条规则").click()
    page.get_by_label("名称").fill("居住证办理")
    page.get_by_label("关键词", exact=True).first.fill("居住证")
    page.keyboard.press("Enter")
    page.keyboard.type("身份证")
    look = page.locator("#preview")
    expect(look).to_contain_text("身份证办理")
    page.get_by_label("去掉这个关键词").nth(1).click()
    expect(look).not_to_contain_text("身份证办理")
    page.get_by_label("文字内容").fill("请带身份证到派出所。")
    page.get_by_label("试一试：假如市民写").fill("居住证咋办")
    expect(look).to_contain_text("由这条规则答复")
    expect(look.locator(".bubble").last).to_have_text("请带身份证到派出所。")
    page.get_by_label("例句").fill("居住证怎么办")
    page.get_by_role("button", name="保存并提交审核").click()
    expect(page.get_by_text("已提交审核")).to_be_visible()
    snapshots.refresh()

    # a reviewer sends it back
    page.context.clear_cookies()
    console.sign_in(page, site, person=reviewer)
    page.goto(f"{site}/console/rules/")
    page.get_by_text("条规则等待审核").click()
    page.get_by_role("link", name="居住证办理").click()
    page.get_by_role("link", name="查看并审核").click()
    expect(page.get_by_text("其他规则的例句不受影响")).to_be_visible()
    page.get_by_role("button", name="退回修改").click()
    expect(page.get_by_text("请写明退回的原因")).to_be_visible()
    page.get_by_label("意见").fill("请写上电话")
    page.get_by_role("button", name="退回修改").click()
    expect(page.get_by_text("已退回")).to_be_visible()
    rule = page.url

    # the editor mends it
    page.context.clear_cookies()
    console.sign_in(page, site, person=editor)
    page.goto(rule)
    expect(page.get_by_text("请写上电话")).to_be_visible()
    page.get_by_role("link", name="修改", exact=True).click()
    page.get_by_label("文字内容").fill("请带身份证到派出所，电话 0913-0000101。")
    page.get_by_role("button", name="保存并提交审核").click()
    snapshots.refresh()
    assert console.hub.push("police", console.hub.text("o1", "居住证咋办")).text != (
        "请带身份证到派出所，电话 0913-0000101。"
    )

    # the reviewer publishes it, and a citizen gets the new answer
    page.context.clear_cookies()
    console.sign_in(page, site, person=reviewer)
    page.goto(rule)
    page.get_by_role("link", name="查看并审核").click()
    page.get_by_role("button", name="通过并发布").click()
    expect(page.get_by_text("已发布")).to_have_count(2)
    snapshots.refresh()
    answer = console.hub.push("police", console.hub.text("o2", "居住证咋办"))
    assert answer.text == "请带身份证到派出所，电话 0913-0000101。"


def test_one_press_saves_checks_the_samples_and_publishes(
    console: Console, page: Page, site: str, police: int
) -> None:
    policy = {"needs_review": "no", "review_months": "6", "version": "0"}
    boss = console.client("department_admin", "police")
    assert boss.post(f"/console/rules/policy/{police}", policy).status_code == 303
    other = console.client("department_admin", "police")
    assert other.post(f"/console/rules/policy/{police}/agree").status_code == 303
    console.sign_in(page, site, "editor", "police")
    page.goto(f"{site}/console/rules/new")
    page.get_by_label("名称").fill("居住证办理")
    page.locator('[data-rows="keywords"] input').first.fill("居住证")
    page.get_by_label("文字内容").fill("请到派出所。")
    page.get_by_role("button", name="保存并发布").click()
    expect(page.get_by_text("例句试答完就发布")).to_be_visible()
    snapshots.refresh()  # a web process does it every second
    expect(page.get_by_text("已发布，两秒之内生效")).to_be_visible()
    snapshots.refresh()
    answer = console.hub.push("police", console.hub.text("o3", "居住证"))
    assert answer.text == "请到派出所。"


def test_the_editor_works_without_a_mouse(console: Console, page: Page, site: str) -> None:
    console.sign_in(page, site, "editor", "police")
    page.goto(f"{site}/console/rules/new")
    keywords = page.locator('[data-rows="keywords"] input')
    keywords.first.focus()
    for word in ("居住证", "暂住证"):
        page.keyboard.type(word)
        page.keyboard.press("Enter")
    expect(keywords).to_have_count(3)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # takes the empty row away
    expect(keywords).to_have_count(2)
    page.get_by_role("button", name="再加一条回复").press("Enter")
    page.locator(".reply-type").nth(1).select_option("news")
    expect(page.locator(".reply-row").nth(1).get_by_label("标题")).to_be_visible()
    expect(page.locator(".reply-row").nth(1).get_by_label("文字内容")).to_be_hidden()
    expect(page.get_by_label("有多条回复时")).to_be_visible()
    page.locator(".reply-row").nth(1).get_by_label("去掉这条回复").press("Enter")
    expect(page.get_by_label("有多条回复时")).to_be_hidden()


def test_what_is_wrong_stays_on_the_page_with_its_reason(
    console: Console, phone: Page, site: str
) -> None:
    console.sign_in(phone, site, "editor", "police")
    phone.goto(f"{site}/console/rules/new")
    phone.get_by_label("名称").fill("居住证")
    phone.get_by_label("怎样算命中").first.select_option("text.pattern")
    phone.get_by_label("关键词", exact=True).first.fill("居住(")
    expect(phone.locator("#preview")).to_contain_text("正则有误")
    phone.get_by_label("文字内容").fill("请到派出所。")
    with phone.expect_response(lambda answer: answer.status == 422):
        phone.get_by_role("button", name="只存草稿").click()
    expect(phone.locator(".keyword-row .invalid-feedback")).to_contain_text("正则有误")
    expect(phone.get_by_label("文字内容")).to_have_value("请到派出所。")
    width = phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


@pytest.mark.parametrize("path", ["", "new", "effective", "texts", "1", "1/edit", "1/versions"])
def test_no_page_is_wider_than_a_phone(console: Console, phone: Page, site: str, path: str) -> None:
    console.sign_in(phone, site)
    phone.goto(f"{site}/console/rules/{path}")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert not re.search(r"\b(draft|local|live|None|contains)\b", phone.inner_text("main"))
