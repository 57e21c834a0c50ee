"""Unmatched questions: seen by their account's people, and gone with one click."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from config import clock
from config.database import reading, session, transaction
from keywords import sorting, stored
from keywords.sorting import Question
from keywords.unmatched import Cluster, Reason, State
from tests.fixtures.console import Desk

PATH = "/console/studio/unmatched"


@pytest.fixture
def asked(desk: Desk) -> dict[str, int]:
    """Questions of two accounts. Gives the ids of their clusters by title."""
    police, hrss = desk.account_id("police"), desk.account_id("hrss")
    now = clock.now()
    questions = [
        Question(police, "宠物狗怎么办证", Reason.FALLBACK, now - timedelta(hours=2)),
        Question(police, "宠物狗办证，电话13800001234", Reason.FALLBACK, now),
        Question(police, "社保卡在哪办", Reason.SUGGESTION, now - timedelta(days=1)),
        Question(hrss, "医保断缴了", Reason.SOUND, now),
    ]
    with transaction():
        sorting.keep(sorting.sorted_in(questions))
        return {row.title: row.id for row in session.query(Cluster)}


def heaps(page: str) -> list[str]:
    return re.findall(r'class="heap-title">([^<]+)<', page)


def state(key: int) -> State:
    with reading():
        return session.get_one(Cluster, key).state


def test_a_list_holds_the_member_s_accounts(desk: Desk, asked: dict[str, int]) -> None:
    page = desk.client("editor", "police").get(PATH).text
    assert heaps(page) == ["宠物狗怎么办证", "社保卡在哪办"]
    assert "138****1234" in page
    assert "13800001234" not in page
    assert "待处理共 2 组" in page

    everything = desk.client("editor").get(f"{PATH}?order=newest").text
    assert len(heaps(everything)) == 3
    assert "靠读音猜的" in everything
    assert desk.client("clerk", "police").get(PATH).status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=狗", ["宠物狗怎么办证"]),
        ("q=没有", []),
        ("state=ignored", []),
        ("state=nonsense&order=x&account=%7f&after=x", ["宠物狗怎么办证", "社保卡在哪办"]),
        ("account=999999999999999999999", ["宠物狗怎么办证", "社保卡在哪办"]),
        ("after=999999&q=%25%5F%27", []),
        (f"q={'字' * 100}", []),
    ],
)
def test_no_filter_breaks_the_list(
    desk: Desk, asked: dict[str, int], query: str, found: list[str]
) -> None:
    answer = desk.client("editor", "police").get(f"{PATH}?{query}")
    assert answer.status_code == 200
    assert heaps(answer.text) == found


def test_ignoring_can_be_taken_back(desk: Desk, asked: dict[str, int]) -> None:
    key, client = asked["社保卡在哪办"], desk.client("editor", "police")

    part = client.post(f"{PATH}/{key}/ignore", headers={"HX-Request": "true"})
    assert "撤销" in part.text
    assert state(key) is State.IGNORED
    second = desk.client("editor", "police").post(f"{PATH}/{key}/ignore")
    assert second.status_code == 409
    assert "已经处理过这一条" in second.text
    assert client.post(f"{PATH}/{key}/reopen").status_code == 303
    assert state(key) is State.OPEN


def test_a_rule_is_begun_with_what_citizens_asked(desk: Desk, asked: dict[str, int]) -> None:
    key = asked["宠物狗怎么办证"]
    answer = desk.client("editor", "police").post(f"{PATH}/{key}/rule")

    parts = urlsplit(answer.location)
    assert parts.path == "/console/rules/new"
    assert parse_qs(parts.query) == {
        "keyword": ["宠物狗"],
        "sample": ["宠物狗怎么办证"],
        "department": [str(desk.department_id("police"))],
    }
    assert state(key) is State.DONE
    single = desk.client("editor", account="hrss")
    brought = single.post(f"{PATH}/{asked['医保断缴了']}/rule").location
    assert parse_qs(urlsplit(brought).query)["account"] == [str(desk.account_id("hrss"))]


def test_a_question_is_taken_into_a_rule_that_is_there(desk: Desk, asked: dict[str, int]) -> None:
    key, client = asked["宠物狗怎么办证"], desk.client("editor", "police")
    with reading():
        mine, foreign = stored.by_code("police.id_card"), stored.by_code("hrss.card")
        assert mine is not None
        assert foreign is not None
        own, other = mine.id, foreign.id

    found = client.get(f"{PATH}/{key}/choices?q=身份证").text
    assert "身份证办理" in found
    assert "社保卡" not in client.get(f"{PATH}/{key}/choices?q=社保卡").text.replace(
        'value="社保卡"', ""
    )
    assert client.post(f"{PATH}/{key}/rules/{other}").status_code == 404
    assert state(key) is State.OPEN
    answer = client.post(f"{PATH}/{key}/rules/{own}")
    assert answer.location.startswith(f"/console/rules/{own}/edit?add_keyword=")
    assert state(key) is State.DONE
    listed = client.get(f"{PATH}?state=done").text
    assert heaps(listed) == ["宠物狗怎么办证"]


@pytest.mark.parametrize("deed", ["ignore", "reopen", "rule", "rules/1"])
def test_another_department_s_question_is_not_there(
    desk: Desk, asked: dict[str, int], deed: str
) -> None:
    client = desk.client("editor", "hrss")
    assert client.post(f"{PATH}/{asked['宠物狗怎么办证']}/{deed}").status_code == 404
    reader = desk.client("reviewer_office", "police")
    assert reader.post(f"{PATH}/{asked['宠物狗怎么办证']}/{deed}").status_code == 403


def test_pages_follow_each_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, asked: object
) -> None:
    monkeypatch.setattr("app.console.studio.unmatched._PAGE", 1)
    client, seen, path = desk.client("editor"), [], PATH
    while path:
        page = client.get(path).text
        seen += heaps(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == len(set(seen)) == 3


def test_a_rule_is_made_from_a_question_in_a_browser(
    desk: Desk, site: str, page: Page, asked: dict[str, int]
) -> None:
    desk.enter(page, site, "editor", "police")
    page.goto(f"{site}{PATH}")
    heap = page.locator(".heap", has_text="宠物狗怎么办证")
    expect(heap).to_contain_text("2次")

    other = page.locator(".heap", has_text="社保卡在哪办")
    other.get_by_role("button", name="忽略").click()
    expect(other.get_by_role("button", name="撤销")).to_be_visible()
    other.get_by_role("button", name="撤销").click()
    expect(other.get_by_role("button", name="新建规则")).to_be_visible()

    heap.get_by_text("加入已有规则").click()
    heap.get_by_label("查找规则").press_sequentially("身份证", delay=80)
    expect(heap.get_by_role("button", name="身份证办理")).to_be_visible()

    heap.get_by_role("button", name="新建规则").click()
    expect(page).to_have_url(re.compile("/console/rules/new"))
    expect(page.locator("input[value='宠物狗']").first).to_be_visible()
