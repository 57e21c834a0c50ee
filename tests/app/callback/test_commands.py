"""Menu, departments, a person, and departments by name: at every account, without a rule."""

import re

import pytest
from sqlalchemy import select

from app import snapshots
from app.jobs import conversation_updates
from config import clock
from config.database import session, transaction
from keywords.rules import default_replies
from keywords.rules.standard_texts import StandardText
from matrix import departments
from matrix.conversations import Conversation
from matrix.inbox import Outcome
from tests.app.callback._dialogue import (
    ALWAYS_OPEN,
    add_rule,
    describe,
    found,
    rows,
    say,
)
from tests.helpers.hub import Hub

CLOSED_NOW = {"weekday_am": "00:00-00:00", "weekend": "closed"}


def links(text: str) -> list[tuple[str, str]]:
    """(option id, words) of each tappable link."""
    return re.findall(r'msgmenuid=([^"]+)">([^<]+)</a>', text)


@pytest.mark.parametrize("account", ["police", "hrss", "release"])
def test_help_lists_what_can_be_done_and_each_line_can_be_tapped(hub: Hub, account: str) -> None:
    for words in ("菜单", "帮助", " 菜单。", "你好，菜单"):
        shown = say(hub, words, to=account)
        assert "您可以直接写下要办的事" in shown
    own = {"police": "身份证办理", "hrss": "社保卡", "release": "身份证办理"}[account]
    (rule_link,) = [option for option, name in links(shown) if name == own]

    tapped = say(hub, own, to=account, bizmsgmenuid=rule_link)

    assert tapped in ("请到派出所办理。", "社保卡可到银行网点补办。")
    assert {row.outcome for row in rows()} == {Outcome.INFORMATION, Outcome.RULE}


def test_the_departments_are_links_to_their_cards_page_by_page(hub: Hub) -> None:
    for number in range(30):
        found(f"unit{number}", f"第{number}号管理服务局", phone=f"0913-00{number:02d}")
    first = say(hub, "部门")
    seen, page = dict(links(first)), first
    while "更多单位" in page:
        more = next(option for option, name in links(page) if name == "更多单位")
        page = say(hub, "更多单位", bizmsgmenuid=more)
        seen |= dict(links(page))

    assert len(first.encode()) <= 2000
    assert {"公安局", "人社局", "第0号管理服务局", "第29号管理服务局"} <= set(seen.values())
    card = next(option for option, name in seen.items() if name == "第29号管理服务局")
    assert "0913-0029" in say(hub, "第29号管理服务局", bizmsgmenuid=card)


def test_a_name_answers_with_the_card(hub: Hub) -> None:
    describe(
        "hrss",
        phone="0913-0000102",
        address="政务大厅三楼",
        duties=["社保卡", "就业"],
        short_names=["人社", "人力局"],
        seed_names=["劳动"],
        hours={"weekday_am": "08:30-12:00", "weekend": "closed"},
    )

    cards = [
        say(hub, words) for words in ("人社局", "人社", "人力局", "华阴hrss", "劳动局", "劳动")
    ]

    assert set(cards) == {
        "人社局\n职责：社保卡、就业\n电话：0913-0000102\n地址：政务大厅三楼\n"
        "办公时间：工作日 08:30–12:00，周末和节假日休息\n"
        "公众号：华阴hrss（在微信里搜索这个名称即可关注）"
    }
    assert {row.outcome for row in rows()} == {Outcome.INFORMATION}


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("人社局电话", "人社局\n电话：0913-0000102"),
        ("请问人社局的电话是多少", "人社局\n电话：0913-0000102"),
        ("人社局在哪里", "人社局\n地点：政务大厅三楼"),
        ("人社局几点上班呀", "人社局\n时间：工作日 08:30–12:00"),
        ("人社局地址和电话", "人社局\n电话：0913-0000102\n地点：政务大厅三楼"),
        ("你们电话多少", "公安局\n电话：0913-0000101"),
        ("几点下班", "公安局\n时间：工作日 09:00–17:00"),
    ],
)
def test_a_question_for_a_fact_gets_that_line(hub: Hub, words: str, answer: str) -> None:
    hours = {"weekday_am": "08:30-12:00"}
    describe("hrss", phone="0913-0000102", address="政务大厅三楼", hours=hours)
    describe("police", phone="0913-0000101", hours={"weekday_am": "09:00-17:00"})

    assert say(hub, words) == answer


def test_a_rule_of_the_department_about_its_office_goes_before_its_card(hub: Hub) -> None:
    describe("police", phone="0913-0000101")
    add_rule("police", "police.office", "公安局电话", text="户籍室 0913-1，值班 0913-2。")

    assert say(hub, "公安局电话多少") == "户籍室 0913-1，值班 0913-2。"
    assert say(hub, "公安局").startswith("公安局\n电话：0913-0000101")


def test_a_merged_department_is_known_by_its_old_name(hub: Hub) -> None:
    found("price", "物价局", phone="0913-1")
    found("market", "市场监管局", phone="0913-2")
    with transaction():
        departments.merge(
            departments.get_by_slug("price").id, into=departments.get_by_slug("market").id
        )
    snapshots.refresh()

    assert say(hub, "物价局的电话") == "市场监管局\n电话：0913-2"


def test_a_duty_leads_to_a_department_without_account_and_rules(hub: Hub) -> None:
    found("farm", "农业农村局", phone="0913-0000116", duties=["宅基地审批", "农技"])

    answer = say(hub, "老家的宅基地审批要找谁办")

    assert "农业农村局" in answer
    assert "0913-0000116" in answer
    assert rows()[-1].outcome is Outcome.SUGGESTION


def test_a_wish_for_a_person_reaches_this_accounts_people(hub: Hub) -> None:
    describe("police", phone="0913-0000101", hours=ALWAYS_OPEN)
    answered = say(hub, "转人工")
    conversation_updates.update_conversations(now=clock.now())

    assert "已转给公安局的工作人员" in answered
    assert "0913-0000101" in answered
    assert rows()[-1].outcome is Outcome.FOR_STAFF
    with transaction():
        (talk,) = session.scalars(select(Conversation))
        assert talk.waiting_since is not None


@pytest.mark.parametrize(
    "words", ["人工", "我要转人工", "请帮我找人工客服", "转接人工服务吧", "想找工作人员", "真人"]
)
def test_a_person_is_asked_for_in_many_words(hub: Hub, words: str) -> None:
    say(hub, words)

    assert rows()[-1].outcome is Outcome.FOR_STAFF


@pytest.mark.parametrize("words", ["人工授精在哪做", "客服态度太差", "请问工作人员几点上班"])
def test_who_only_speaks_of_people_asks_for_none(hub: Hub, words: str) -> None:
    say(hub, words)

    assert rows()[-1].outcome is not Outcome.FOR_STAFF


def test_when_nobody_is_there_the_hours_are_shown(hub: Hub) -> None:
    describe("police", hours=CLOSED_NOW | {"weekday_pm": "00:00-00:00"})

    answered = say(hub, "人工客服")

    assert "不是公安局的办公时间" in answered
    assert "办公时间：工作日 00:00–00:00、00:00–00:00，周末和节假日休息" in answered
    assert "电话" not in answered, "a phone that is not known is not promised"


def test_a_rule_for_the_whole_word_keeps_its_text(hub: Hub) -> None:
    add_rule("police", "police.menu", "菜单", text="公安菜单如下：", exact=["菜单"])
    add_rule("police", "police.staff", "人工", text="请打 0913-1。", exact=["人工"])
    add_rule("police", "police.agent", "客服", text="客服请打 0913-2。")
    describe("police", hours=CLOSED_NOW)

    shown, handed = say(hub, "菜单"), say(hub, "人工")

    assert shown.startswith("公安菜单如下：\n· <a")
    assert handed.startswith("请打 0913-1。\n现在不是公安局的办公时间")
    assert say(hub, "联系客服").startswith("客服请打 0913-2。\n")
    assert [(row.outcome, row.rule_slug) for row in rows()] == [
        (Outcome.RULE, "police.menu"),
        (Outcome.FOR_STAFF, "police.staff"),
        (Outcome.FOR_STAFF, "police.agent"),
    ]


def test_the_city_may_write_its_own_texts(hub: Hub) -> None:
    with transaction():
        default_replies.set_texts({StandardText.DEPARTMENTS: "全市单位："}, now=clock.now())
    snapshots.refresh()

    assert say(hub, "部门").startswith("全市单位：\n")


def test_a_menu_button_may_have_a_command_as_its_key(hub: Hub) -> None:
    clicked = hub.push("police", hub.event("o1", "CLICK", EventKey="部门"))

    assert "公安局" in (clicked.text or "")
