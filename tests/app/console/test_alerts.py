"""The pages of alerts: each sees their own, urgent ones first, and says what was done."""

from sqlalchemy import event, select

from app.console.alerts.blueprint import OBJECT_PAGES
from config import clock
from config.audit import AuditEntry
from config.database import engine, read_only, session, transaction
from matrix.accounts.jobs_and_alerts import AccountAlert
from matrix.staff import members
from matrix.staff.sign_in import sessions
from matrix.staff.sign_in.sessions import StaffSession
from tests.helpers import sample_channels
from tests.helpers.console import Console, application
from tests.helpers.conversations import raise_alert, receive

ALL = "/console/alarms/"


def test_each_sees_their_own_alerts(console: Console) -> None:
    raise_alert(console, "police", "公安的事")
    raise_alert(console, "hrss", "人社的事")

    page = console.client("agent", "police").get(ALL).text
    assert "公安的事" in page
    assert "人社的事" not in page
    assert "人社的事" in console.client("matrix_admin").get(ALL).text
    assert console.client("clerk", "police").get(ALL).status_code == 403


def test_an_emergency_shows_the_citizens_words_and_leads_to_them(console: Console) -> None:
    raise_alert(console, "police", "不急的事")
    key = receive(console, "有人跳河了，救命，我的电话13812345678")
    client = console.client("agent", "police")

    page = client.get(ALL).text
    assert page.index("疑似紧急求助") < page.index("不急的事")
    assert "有人跳河了，救命，我的电话138****5678" in page
    link = f"/console/talks/{key}?at="
    assert link in page
    assert "有人跳河了" in client.get(page[page.index(link) :].split('"')[0]).text


def test_a_conversation_has_one_alert_and_its_last_words(console: Console) -> None:
    receive(console, "有人跳河了，救命", "人沉下去了，救命")
    client = console.client("agent", "police")
    page = client.get(ALL).text
    assert page.count("疑似紧急求助，含") == 2, "its words and the name of its box"
    assert "人沉下去了" in page
    assert "有人跳河了" not in page
    assert "第 2 次" in page
    assert "有人跳河了" not in client.get("/console/").text


def test_filters_and_pages(console: Console) -> None:
    receive(console, "有人跳河了，救命")
    raise_alert(console, "police", "门坏了")
    raise_alert(console, "hrss", "窗坏了")
    client = console.client("matrix_admin")
    police, hrss = console.department_id("police"), console.department_id("hrss")
    assert "窗坏了" not in client.get(f"{ALL}?department={police}").text
    assert "窗坏了" in client.get(f"{ALL}?department={console.department_id('release')}").text
    only = client.get(f"{ALL}?kind=inbox.emergency").text
    assert "跳河" in only
    assert "门坏了" not in only
    assert "没有符合条件" in client.get(f"{ALL}?account={console.account_id('hrss')}").text
    # what is not one's own cannot be asked for
    stranger = console.client("agent", "police")
    assert stranger.get(f"{ALL}?department={hrss}").status_code == 422
    assert "窗坏了" not in stranger.get(f"{ALL}?department={hrss}").text

    for number in range(31):
        raise_alert(console, "police", f"第{number}件事")
    first = client.get(ALL).text
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(following).text
    assert "门坏了" not in first
    assert "门坏了" in second
    assert "hx-get" not in second.split('id="alarms"')[1].split(">")[0], "a later page stands still"


def test_an_alert_is_closed_with_a_note(console: Console) -> None:
    key = raise_alert(console, "police", "门坏了")
    client = console.client("agent", "police")
    path = f"{ALL}{key}/close"
    assert "门坏了" in client.get(path).text
    refused = client.post(path, {"note": "", "resolution": "handled"})
    assert refused.status_code == 422
    assert "请写明处理情况" in refused.text

    done = client.post(path, {"note": "已修好", "resolution": "false_alarm"})
    assert done.status_code == 303
    assert "门坏了" not in client.get(ALL).text
    closed = client.get(f"{ALL}?state=resolved").text
    assert "已修好" in closed
    assert "误报" in closed
    assert client.staff is not None
    assert client.staff.name in closed
    with read_only():
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "alert.resolve")
        ).one()
        assert (entry.actor_id, entry.reason) == (client.staff.id, "已修好")
    second = client.post(path, {"note": "也修了", "resolution": "handled"})
    assert second.status_code == 422
    assert client.staff.name in second.text


def test_an_alert_is_taken_and_given_back(console: Console) -> None:
    key = raise_alert(console, "police", "门坏了")
    client, other = (console.client("agent", "police") for _ in range(2))
    assert client.staff is not None
    assert client.post(f"{ALL}{key}/take").status_code == 303
    assert f"{client.staff.name}处理中" in other.get(ALL).text
    late = other.post(f"{ALL}{key}/take")
    assert late.status_code == 409
    assert client.staff.name in late.text
    assert "门坏了" in other.get(f"{ALL}?state=taken").text
    assert "放回" not in other.get(f"{ALL}{key}").text
    assert "放回" in client.get(f"{ALL}{key}").text
    assert client.post(f"{ALL}{key}/release").status_code == 303
    assert "还没有人接手" in other.get(f"{ALL}{key}").text


def test_several_are_taken_and_closed_at_once(console: Console) -> None:
    keys = [raise_alert(console, "police", f"第{number}件事") for number in range(3)]
    client, other = (console.client("agent", "police") for _ in range(2))
    other.post(f"{ALL}{keys[0]}/take")
    client.post(f"{ALL}selected/take", {"alert": keys})
    page = client.get(ALL).text
    assert "已接手 2 条提醒" in page
    assert "1 条已由其他人接手" in page

    for note in ("", " 好 "):
        words = {"resolution": "handled", "note": note}
        refused = client.post(f"{ALL}selected/close?kind=job.dead", {"alert": keys, **words})
        # back to the list as it was filtered
        assert refused.headers["Location"] == f"{ALL}?kind=job.dead"
        assert "请写明处理情况" in client.get(ALL).text
    said = {"resolution": "forwarded", "note": "同一件事，已转交"}
    client.post(f"{ALL}selected/close", {"alert": keys, **said})
    assert "没有待处理的提醒" in client.get(ALL).text
    assert client.get(f"{ALL}?state=resolved").text.count("同一件事，已转交") == 3
    client.post(f"{ALL}selected/close", {"alert": keys, **said})
    assert "3 条已由其他人处理" in client.get(ALL).text
    client.post(f"{ALL}selected/close", said)
    assert "请先勾选提醒" in client.get(ALL).text


def test_a_selection_with_one_of_others_changes_nothing(console: Console) -> None:
    own, others = raise_alert(console, "police", "门坏了"), raise_alert(console, "hrss", "窗坏了")
    client = console.client("agent", "police")
    said = {"resolution": "handled", "note": "已处理"}
    for wrong in (others, "x", "9" * 30):
        answer = client.post(f"{ALL}selected/close", {"alert": [own, wrong], **said})
        assert answer.status_code == 404
        assert client.post(f"{ALL}selected/take", {"alert": [own, wrong]}).status_code == 404
    assert "还没有人接手" in client.get(f"{ALL}{own}").text


def test_others_alerts_are_not_there_and_readers_close_nothing(console: Console) -> None:
    key = raise_alert(console, "police", "门坏了")
    path = f"{ALL}{key}/close"

    stranger = console.client("agent", "hrss")
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"{ALL}{key}").status_code == 404
    assert stranger.post(path, {"note": "已修好"}).status_code == 404
    reader = console.client("editor", "police")
    page = reader.get(ALL).text
    assert "标为已处理" not in page
    assert "处理选中的" not in page
    assert reader.get(f"{ALL}{key}").status_code == 200
    assert reader.post(path, {"note": "已修好"}).status_code == 403
    assert reader.post(f"{ALL}{key}/take").status_code == 403


def test_the_list_is_sent_again_only_when_it_looks_another_way(console: Console) -> None:
    raise_alert(console, "police", "门坏了")
    client = console.client("agent", "police")
    page = client.get(ALL).text
    poll = page.split('id="alarms" hx-get="')[1].split('"')[0].replace("&amp;", "&")

    assert client.get(poll).status_code == 204
    raise_alert(console, "police", "窗也坏了")
    assert "窗也坏了" in client.get(poll).text


# ---- what every page asks ----


def test_every_page_is_told_what_waits_and_nothing_while_it_is_the_same(console: Console) -> None:
    receive(console, "有人跳河了，救命")
    raise_alert(console, "hrss", "窗坏了")
    client = console.client("agent", "police")
    first = client.get(f"{ALL}waiting").json
    assert first is not None
    assert (first["count"], first["urgent"]) == (1, 1)
    (told,) = first["alerts"]
    assert told["quote"] == "有人跳河了，救命"
    assert client.get(told["url"]).status_code == 200
    assert client.get(f"{ALL}waiting?etag={first['etag']}").status_code == 204

    receive(console, "人沉下去了，救命")
    second = client.get(f"{ALL}waiting?etag={first['etag']}").json
    assert second is not None
    assert second["count"] == 1
    assert second["alerts"][0]["key"] != told["key"]
    assert console.client("clerk", "police").get(f"{ALL}waiting").status_code == 403
    nobody = console.anonymous().get(f"{ALL}waiting", headers={"HX-Request": "true"})
    assert nobody.status_code == 401


def test_the_navigation_counts_from_the_first_moment_for_who_sees_alerts(
    console: Console,
) -> None:
    client = console.client("agent", "police")
    assert "data-alert-count hidden" in client.get("/console/me/").text
    raise_alert(console, "police", "门坏了")
    page = client.get("/console/me/").text
    assert '<span class="badge nav-count bg-orange" data-alert-count>1</span>' in page
    clerk = console.client("clerk", "police").get("/console/me/").text
    assert "data-alert-count" not in clerk
    assert "alert-watch" not in clerk


def test_asking_does_not_keep_a_session_alive_and_costs_few_queries(console: Console) -> None:
    client = console.client("agent", "police")
    with transaction():
        row = session.scalars(select(StaffSession)).one()
        was = row.seen_at = row.seen_at - sessions.TOUCH_INTERVAL * 5
    quiet = {"X-Quiet": "1", "HX-Request": "true"}
    first = client.get(f"{ALL}waiting", headers=quiet).json
    assert first is not None
    statements: list[str] = []

    @event.listens_for(engine(), "before_cursor_execute")
    def count(connection: object, cursor: object, statement: str, *more: object) -> None:
        statements.append(statement)

    asked = client.get(f"{ALL}waiting?etag={first['etag']}", headers=quiet)
    event.remove(engine(), "before_cursor_execute", count)

    assert (asked.status_code, asked.data) == (204, b"")
    # the others find out who asks
    assert len([line for line in statements if "FROM alerts" in line]) == 1, statements
    assert not [line for line in statements if line.startswith(("INSERT", "UPDATE", "DELETE"))]
    with read_only():
        assert session.scalars(select(StaffSession.seen_at)).one() == was


# ---- who is told ----


def test_administrators_see_who_is_told_of_what_and_what_reaches_nobody(console: Console) -> None:
    admin = console.client("department_admin", "police")
    page = admin.get(f"{ALL}recipients").text
    assert "华阴police" in page.split("alert-danger")[1].split("</div>")[0]
    agent = console.person("agent", "police")
    stranger = console.person("agent", "hrss")
    for person in (agent, stranger):
        sample_channels.add(person)

    page = admin.get(f"{ALL}recipients").text
    assert "alert-danger" not in page
    assert agent.name in page
    assert stranger.name not in page
    assert "企业微信群机器人" in page
    assert "sample-key-1" not in page
    with transaction():
        members.disable(agent.id, now=clock.now())
    assert "alert-danger" in admin.get(f"{ALL}recipients").text
    assert console.client("agent", "police").get(f"{ALL}recipients").status_code == 403


def test_an_alert_of_an_account_leads_to_it(console: Console) -> None:
    account_id = console.account_id("police")
    raise_alert(
        console,
        "police",
        "连接失败",
        kind=AccountAlert.CONNECTION_FAILED,
        account_id=account_id,
        object_id=account_id,
    )
    page = console.client("agent", "police").get(ALL).text
    assert f"/console/accounts/{account_id}" in page


def test_every_link_of_an_alert_names_a_page() -> None:
    variables = {rule.endpoint: rule.arguments for rule in application().url_map.iter_rules()}
    for endpoint, variable, _ in OBJECT_PAGES.values():
        assert variables[endpoint] == {variable}, endpoint
