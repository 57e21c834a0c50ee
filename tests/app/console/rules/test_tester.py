"""The tester: what citizens would get, for the accounts that the person may read."""

import re

import pytest
from playwright.sync_api import Page, expect

from config.database import transaction
from keywords.publishing import workflow
from keywords.rules import store
from keywords.rules.spec import RuleSpec
from tests.helpers import NOW
from tests.helpers.console import Client, Console

PATH = "/console/studio/"


def ask(client: Client, text: str, **more: str) -> str:
    answer = client.post(PATH, {"text": text, "kind": "text", "account": "", **more})
    assert answer.status_code == 200
    return answer.text


def names(page: str) -> list[str]:
    return re.findall(r'class="answer-account">([^<]+)<', page)


def test_a_phrase_is_tried_on_all_accounts_of_the_area(console: Console) -> None:
    page = ask(console.client("editor"), "身份证丢了")
    assert names(page) == ["华阴hrss", "华阴police", "华阴release"]
    assert "请到派出所办理。" in page
    assert "含有“身份证”" in page

    assert names(ask(console.client("editor", "police"), "身份证丢了")) == ["华阴police"]
    assert names(ask(console.client("editor", account="hrss"), "社保卡")) == ["华阴hrss"]


def test_one_account_is_asked_alone(console: Console) -> None:
    client = console.client("editor")
    page = ask(client, "社保卡", account=str(console.account_id("hrss")))
    assert names(page) == ["华阴hrss"]

    other = console.client("editor", "police")
    refused = other.post(PATH, {"text": "社保卡", "account": str(console.account_id("hrss"))})
    assert refused.status_code == 422
    assert "社保卡可到银行网点补办" not in refused.text


def test_danger_suggestions_and_silence_are_explained(console: Console) -> None:
    client = console.client("editor", "police")
    assert "先给紧急电话" in ask(client, "有人被绑架了")
    suggested = ask(client, "社保卡丢了")
    assert "列出最像的" in suggested
    # the rule is another department's: named, not linked
    assert "社保卡" in suggested
    assert "/console/rules/" not in suggested.partition('id="results"')[2]
    assert "回复默认答复" in ask(client, "宠物狗怎么办证")


def test_a_menu_click_a_scan_and_another_time_are_tried(console: Console) -> None:
    client = console.client("editor", "hrss")
    assert "您点了菜单。" in ask(client, "MENU_CARD", kind="click")
    assert "社保卡可到银行网点补办。" in ask(client, "hall", kind="scan", at="2026-11-01T08:30")
    wrong = client.post(PATH, {"text": "x", "kind": "text", "account": "", "at": "gestern"})
    assert wrong.status_code == 422


@pytest.mark.parametrize("text", ["<b>x</b>", "字" * 2000, "' OR 1=1 --", "😀" * 500])
def test_nothing_that_is_typed_breaks_the_page(console: Console, text: str) -> None:
    client = console.client("editor")
    answer = client.post(PATH, {"text": text, "kind": "text", "account": ""})
    assert answer.status_code == 200
    assert "<b>x</b>" not in answer.text


def test_too_long_a_phrase_is_refused_at_its_field(console: Console) -> None:
    client = console.client("editor")
    answer = client.post(PATH, {"text": "字" * 2001, "kind": "text", "account": ""})
    assert answer.status_code == 422
    assert "最长 2000 个字" in answer.text


def test_a_draft_is_tried_beside_what_is_live(console: Console) -> None:
    with transaction():
        row = store.find_by_slug("police.id_card")
        assert row is not None
        shape = {
            "id": row.slug,
            "department": "police",
            "name": "证件办理",
            "keywords": ["身份证", "宠物狗"],
            "reply": {"type": "text", "content": "新的答复。"},
        }
        version = workflow.save_draft(
            RuleSpec.parse(shape),
            rule_id=row.id,
            base_lock_version=None,
            department_id=row.department_id,
            account_id=None,
            author_id=None,
            now=NOW,
        ).id
    client = console.client("editor", "police")

    page = ask(client, "宠物狗怎么办证", version=str(version))
    assert "由“证件办理”答复" in page
    assert "发布后会变" in page
    assert client.get(f"{PATH}?version={version}").status_code == 200
    elsewhere = console.client("editor", "hrss").post(
        PATH, {"text": "x", "kind": "text", "account": "", "version": str(version)}
    )
    assert elsewhere.status_code == 404


def test_whoever_may_not_read_rules_is_refused(console: Console) -> None:
    assert console.client("clerk", "police").get(PATH).status_code == 403
    assert console.anonymous().get(PATH).status_code == 302


def test_a_phrase_is_tried_while_it_is_typed(console: Console, site: str, page: Page) -> None:
    console.sign_in(page, site, "editor")
    page.goto(f"{site}{PATH}")

    page.get_by_label("市民会怎么说").press_sequentially("身份证丢了")
    name = page.locator(".answer-account", has_text="华阴police")
    police = page.locator("details.answer").filter(has=name)
    expect(police).to_contain_text("由规则答复")
    expect(page.locator("details.answer")).to_have_count(3)
    police.locator("summary").click()
    expect(police).to_contain_text("含有“身份证”")

    police.get_by_role("link", name="身份证办理").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("身份证办理")
