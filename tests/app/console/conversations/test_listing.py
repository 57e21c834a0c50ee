"""The list of conversations: whose it shows, its filters, and a search in the messages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from config import clock
from config.database import engine, session, transaction
from matrix import outbound
from matrix.followers import Follower
from matrix.wechat import passive_replies
from tests.helpers.console import Console
from tests.helpers.conversations import receive

PICTURE = b"\xff\xd8\xff" + b"a picture"


def count(work: Callable[[], object]) -> int:
    """How many statements some work sends to the database."""
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    made = engine()
    event.listen(made, "before_cursor_execute", note)
    work()
    event.remove(made, "before_cursor_execute", note)
    return len(asked)


def test_agents_see_the_conversations_of_their_own_accounts(console: Console) -> None:
    receive(console, "蜜蜂在窗外筑巢", openid="o1")
    receive(console, "社保怎么回事啊", openid="o2", to="hrss")

    police = console.client("agent", "police").get("/console/talks/").text
    assert "蜜蜂在窗外筑巢" in police
    assert "社保怎么回事啊" not in police
    city = console.client("matrix_admin").get("/console/talks/").text
    assert "蜜蜂在窗外筑巢" in city
    assert "社保怎么回事啊" in city
    assert console.client("clerk", "police").get("/console/talks/").status_code == 403
    one = console.client("agent", account="hrss").get("/console/talks/").text
    assert "蜜蜂在窗外筑巢" not in one


def test_no_page_holds_an_openid(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢", openid="oOpenIdOfSomebody")
    client = console.client("agent", "police")

    for path in (
        "/console/talks/",
        f"/console/talks/{key}",
        "/console/",
        "/console/talks/?words=在",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "oOpenIdOfSomebody" not in answer.text


def test_tabs_and_filters_narrow_the_list(console: Console) -> None:
    receive(console, "蜜蜂在窗外筑巢", openid="o1")
    receive(console, "身份证", openid="o2")
    client = console.client("agent", "police")
    account = console.account_id("police")
    today = clock.local_day(clock.now())

    def shows(query: str) -> tuple[bool, bool]:
        page = client.get(f"/console/talks/?{query}").text
        return "蜜蜂在窗外筑巢" in page, ">身份证</span>" in page

    assert shows("") == (True, False)
    assert shows("tab=all") == (True, True)
    assert shows("tab=nonsense") == (True, False)
    assert shows("tab=all&outcome=rule") == (False, True)
    assert shows(f"tab=all&account={account}&first_day={today}&last_day={today}") == (True, True)
    assert shows(f"tab=all&last_day={today - timedelta(days=1)}") == (False, False)


@pytest.mark.parametrize(
    "query",
    [
        "account=1%20OR%201=1",
        "account=999999",
        "outcome=nonsense",
        "first_day=2026-02-30",
        "last_day=0000-00-00",
        "words=" + "字" * 51,
        "words=13812345678",
    ],
)
def test_a_wrong_filter_is_refused_in_its_own_words(console: Console, query: str) -> None:
    answer = console.client("agent", "police").get(f"/console/talks/?tab=all&{query}")
    assert answer.status_code == 422
    assert "is-invalid" in answer.text


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "before=99999999999999999999", "tab=%00"]
)
def test_no_parameter_breaks_the_list(console: Console, query: str) -> None:
    assert console.client("agent", "police").get(f"/console/talks/?{query}").status_code < 500


def test_the_list_is_sent_again_only_when_it_looks_another_way(console: Console) -> None:
    receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    page = client.get("/console/talks/").text
    poll = page.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")

    assert client.get(poll).status_code == 204
    receive(console, "又来一位", openid="o2")
    newer = client.get(poll)
    assert newer.status_code == 200
    assert "又来一位" in newer.text
    assert "<html" not in newer.text


def test_a_search_finds_messages_and_leads_to_them(console: Console) -> None:
    key = receive(console, "楼道灯坏了", "电话13812345678")
    receive(console, "楼道灯也坏了", openid="o2", to="hrss")
    client = console.client("agent", "police")

    page = client.get("/console/talks/?words=楼道灯").text
    assert "楼道灯坏了" in page
    assert "楼道灯也坏了" not in page
    assert f"/console/talks/{key}?at=" in page
    assert "没有找到" in client.get("/console/talks/?words=公积金").text
    assert "没有找到" in client.get("/console/talks/?words=1234").text


def test_a_page_asks_the_same_number_of_questions_for_one_and_for_many(console: Console) -> None:
    client = console.client("agent", "police")
    key = receive(console, "第一句话")
    few = count(lambda: client.get(f"/console/talks/{key}"))
    few_listed = count(lambda: client.get("/console/talks/?tab=all"))
    receive(console, *(f"第{number}句话" for number in range(20)))
    for number in range(20):
        receive(console, "别人的话", openid=f"p{number}")
    with transaction():
        owner = session.get_one(Follower, key)
        for number in range(10):
            outbound.enqueue(owner, passive_replies.Text(f"{number}"), now=clock.now())

    assert count(lambda: client.get(f"/console/talks/{key}")) == few
    assert count(lambda: client.get("/console/talks/?tab=all")) == few_listed
