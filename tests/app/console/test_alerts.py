"""The pages of alarms: each sees their own, urgent ones first, and says what was done."""

from sqlalchemy import select

from config.audit import AuditEntry
from config.database import read_only, session
from tests.helpers.console import Console
from tests.helpers.conversations import raise_alert, receive


def test_each_sees_their_own_alerts(console: Console) -> None:
    raise_alert(console, "police", "公安的事")
    raise_alert(console, "hrss", "人社的事")

    page = console.client("agent", "police").get("/console/alarms/").text
    assert "公安的事" in page
    assert "人社的事" not in page
    assert "人社的事" in console.client("matrix_admin").get("/console/alarms/").text
    assert console.client("clerk", "police").get("/console/alarms/").status_code == 403


def test_an_emergency_leads_to_the_words_that_raised_it(console: Console) -> None:
    raise_alert(console, "police", "不急的事")
    key = receive(console, "有人跳河了，救命")
    client = console.client("agent", "police")

    page = client.get("/console/alarms/").text
    assert page.index("疑似紧急求助") < page.index("不急的事")
    link = f"/console/talks/{key}?at="
    assert link in page
    assert "有人跳河了" in client.get(page[page.index(link) :].split('"')[0]).text


def test_an_alert_is_closed_with_a_note(console: Console) -> None:
    key = raise_alert(console, "police", "门坏了")
    client = console.client("agent", "police")
    path = f"/console/alarms/{key}/close"
    assert "门坏了" in client.get(path).text
    refused = client.post(path, {"note": ""})
    assert refused.status_code == 422
    assert "请写明处理情况" in refused.text

    assert client.post(path, {"note": "已修好"}).status_code == 303
    assert "门坏了" not in client.get("/console/alarms/").text
    closed = client.get("/console/alarms/closed").text
    assert "已修好" in closed
    assert client.staff is not None
    assert client.staff.name in closed
    with read_only():
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "alert.resolve")
        ).one()
        assert (entry.actor_id, entry.reason) == (client.staff.id, "已修好")
    second = client.post(path, {"note": "也修了"})
    assert second.status_code == 422
    assert client.staff.name in second.text


def test_others_alerts_are_not_there_and_readers_close_nothing(console: Console) -> None:
    key = raise_alert(console, "police", "门坏了")
    path = f"/console/alarms/{key}/close"

    stranger = console.client("agent", "hrss")
    assert stranger.get(path).status_code == 404
    assert stranger.post(path, {"note": "已修好"}).status_code == 404
    reader = console.client("editor", "police")
    assert "标为已处理" not in reader.get("/console/alarms/").text
    assert reader.post(path, {"note": "已修好"}).status_code == 403


def test_the_list_is_sent_again_only_when_it_looks_another_way(console: Console) -> None:
    raise_alert(console, "police", "门坏了")
    client = console.client("agent", "police")
    page = client.get("/console/alarms/").text
    poll = page.split('id="alarms" hx-get="')[1].split('"')[0]

    assert client.get(poll).status_code == 204
    raise_alert(console, "police", "窗也坏了")
    assert "窗也坏了" in client.get(poll).text
