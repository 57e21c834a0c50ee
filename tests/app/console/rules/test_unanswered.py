"""Unmatched questions: seen by their account's people, and gone with one click."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from config import clock
from config.database import read_only, session, transaction
from keywords.rules import store
from keywords.statistics import clustering
from keywords.statistics.clustering import UnansweredMessage
from keywords.statistics.unanswered import Cluster, ClusterState, UnansweredReason
from tests.helpers.console import Console

PATH = "/console/studio/unmatched"


@pytest.fixture
def clusters(console: Console) -> dict[str, int]:
    """Questions of two accounts. Gives the ids of their clusters by title."""
    police, hrss = console.account_id("police"), console.account_id("hrss")
    now = clock.now()
    questions = [
        UnansweredMessage(
            police, "宠物狗怎么办证", UnansweredReason.FALLBACK, now - timedelta(hours=2)
        ),
        UnansweredMessage(police, "宠物狗办证，电话13800001234", UnansweredReason.FALLBACK, now),
        UnansweredMessage(
            police, "社保卡在哪办", UnansweredReason.SUGGESTION, now - timedelta(days=1)
        ),
        UnansweredMessage(hrss, "医保断缴了", UnansweredReason.PHONETIC, now),
    ]
    with transaction():
        clustering.save(clustering.assign(questions))
        return {row.title: row.id for row in session.query(Cluster)}


def cluster_titles(page: str) -> list[str]:
    return re.findall(r'class="heap-title">([^<]+)<', page)


def state(key: int) -> ClusterState:
    with read_only():
        return session.get_one(Cluster, key).state


def test_a_list_holds_the_member_s_accounts(console: Console, clusters: dict[str, int]) -> None:
    page = console.client("editor", "police").get(PATH).text
    assert cluster_titles(page) == ["宠物狗怎么办证", "社保卡在哪办"]
    assert "138****1234" in page
    assert "13800001234" not in page
    assert "待处理共 2 组" in page

    everything = console.client("editor").get(f"{PATH}?order=newest").text
    assert len(cluster_titles(everything)) == 3
    assert "靠读音猜的" in everything
    assert console.client("clerk", "police").get(PATH).status_code == 403


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
    console: Console, clusters: dict[str, int], query: str, found: list[str]
) -> None:
    answer = console.client("editor", "police").get(f"{PATH}?{query}")
    assert answer.status_code == 200
    assert cluster_titles(answer.text) == found


def test_ignoring_can_be_taken_back(console: Console, clusters: dict[str, int]) -> None:
    key, client = clusters["社保卡在哪办"], console.client("editor", "police")

    part = client.post(f"{PATH}/{key}/ignore", headers={"HX-Request": "true"})
    assert "撤销" in part.text
    assert state(key) is ClusterState.IGNORED
    second = console.client("editor", "police").post(f"{PATH}/{key}/ignore")
    assert second.status_code == 409
    assert "已经处理过这一条" in second.text
    assert client.post(f"{PATH}/{key}/reopen").status_code == 303
    assert state(key) is ClusterState.OPEN


def test_a_rule_is_begun_with_what_citizens_asked(
    console: Console, clusters: dict[str, int]
) -> None:
    key = clusters["宠物狗怎么办证"]
    answer = console.client("editor", "police").post(f"{PATH}/{key}/rule")

    parts = urlsplit(answer.location)
    assert parts.path == "/console/rules/new"
    assert parse_qs(parts.query) == {
        "keyword": ["宠物狗"],
        "sample": ["宠物狗怎么办证"],
        "department": [str(console.department_id("police"))],
    }
    assert state(key) is ClusterState.DONE
    single = console.client("editor", account="hrss")
    brought = single.post(f"{PATH}/{clusters['医保断缴了']}/rule").location
    assert parse_qs(urlsplit(brought).query)["account"] == [str(console.account_id("hrss"))]


def test_a_question_is_taken_into_a_rule_that_is_there(
    console: Console, clusters: dict[str, int]
) -> None:
    key, client = clusters["宠物狗怎么办证"], console.client("editor", "police")
    with read_only():
        mine, foreign = store.find_by_slug("police.id_card"), store.find_by_slug("hrss.card")
        assert mine is not None
        assert foreign is not None
        own, other = mine.id, foreign.id

    found = client.get(f"{PATH}/{key}/choices?q=身份证").text
    assert "身份证办理" in found
    assert "社保卡" not in client.get(f"{PATH}/{key}/choices?q=社保卡").text.replace(
        'value="社保卡"', ""
    )
    assert client.post(f"{PATH}/{key}/rules/{other}").status_code == 404
    assert state(key) is ClusterState.OPEN
    answer = client.post(f"{PATH}/{key}/rules/{own}")
    assert answer.location.startswith(f"/console/rules/{own}/edit?add_keyword=")
    assert state(key) is ClusterState.DONE
    listed = client.get(f"{PATH}?state=done").text
    assert cluster_titles(listed) == ["宠物狗怎么办证"]


@pytest.mark.parametrize("deed", ["ignore", "reopen", "rule", "rules/1"])
def test_another_department_s_question_is_not_there(
    console: Console, clusters: dict[str, int], deed: str
) -> None:
    client = console.client("editor", "hrss")
    assert client.post(f"{PATH}/{clusters['宠物狗怎么办证']}/{deed}").status_code == 404
    reader = console.client("reviewer_office", "police")
    assert reader.post(f"{PATH}/{clusters['宠物狗怎么办证']}/{deed}").status_code == 403


def test_pages_follow_each_other(
    console: Console, monkeypatch: pytest.MonkeyPatch, clusters: object
) -> None:
    monkeypatch.setattr("app.console.rules.unanswered._PAGE", 1)
    client, seen, path = console.client("editor"), [], PATH
    while path:
        page = client.get(path).text
        seen += cluster_titles(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == len(set(seen)) == 3


def test_a_rule_is_made_from_a_question_in_a_browser(
    console: Console, site: str, page: Page, clusters: dict[str, int]
) -> None:
    console.sign_in(page, site, "editor", "police")
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
