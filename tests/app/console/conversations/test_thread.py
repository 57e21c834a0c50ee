"""The page of one conversation: both sides, replies, revealing a masked text, blocking."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from app import snapshots
from config import clock
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from matrix import blocklist, media, outbound
from matrix.conversations import Conversation
from matrix.followers import Follower
from matrix.inbox import InboxMessage, attachments
from matrix.wechat.gateway import Download, MediaKind
from tests.helpers.console import Console, totp_code
from tests.helpers.conversations import KEY, hidden_fields, receive

PICTURE = b"\xff\xd8\xff" + b"a picture"


def answered(follower_id: int) -> list[str]:
    with read_only():
        return [row.content.get("content", "") for row in outbound.list_for_follower(follower_id)]


def test_a_conversation_shows_both_sides_and_covers_numbers(console: Console) -> None:
    key = receive(console, "身份证", "我的电话13812345678")
    page = console.client("agent", "police").get(f"/console/talks/{key}").text

    assert "请到派出所办理。" in page
    assert "规则：" in page
    assert re.search(r'<a href="/console/rules/\d+">身份证办理</a>', page)
    assert "138****5678" in page
    assert "13812345678" not in page
    assert "查看原文" not in page.split('id="messages"')[1].split('id="reveal"')[0]


def test_a_conversation_of_others_is_not_there(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    with read_only():
        (inbox_id,) = session.scalars(select(InboxMessage.id)).all()
    stranger = console.client("department_admin", "hrss")

    for path in ("", "/lines", "/older?before=9", "/reveal?ref=m1", f"/messages/{inbox_id}/file"):
        assert stranger.get(f"/console/talks/{key}{path}").status_code == 404
    form = {"content": "您好", "reason": "原因原因", "key": KEY, "picture": "1", "ref": "m1"}
    for path in ("answer", "picture", "dismiss", "reveal", "block", "unblock"):
        assert stranger.post(f"/console/talks/{key}/{path}", form).status_code == 404
    assert stranger.post(f"/console/talks/{key}/messages/{inbox_id}/fetch").status_code == 404
    assert answered(key) == []


def test_who_may_only_read_answers_nothing(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    editor = console.client("editor", "police")

    assert 'id="answer"' not in editor.get(f"/console/talks/{key}").text
    for path in ("answer", "picture", "dismiss", "block", "unblock", "reveal"):
        assert editor.post(f"/console/talks/{key}/{path}").status_code == 403


def test_a_thread_is_sent_again_only_when_it_looks_another_way(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    page = client.get(f"/console/talks/{key}").text
    poll = page.split('id="messages" hx-get="')[1].split('"')[0].replace("&amp;", "&")

    assert client.get(poll).status_code == 204
    receive(console, "还有一件事")
    newer = client.get(poll).text
    assert "蜜蜂在窗外筑巢" in newer
    assert "还有一件事" in newer


def test_older_lines_come_page_by_page(console: Console) -> None:
    key = receive(console, *(f"第{number}句话" for number in range(35)))
    client = console.client("agent", "police")
    page = client.get(f"/console/talks/{key}").text
    assert "第34句话" in page
    assert "第4句话" not in page

    older = page.split('hx-get="/console/talks/')[1].split('"')[0].replace("&amp;", "&")
    more = client.get(f"/console/talks/{older}").text
    assert "第4句话" in more
    assert "第0句话" in more
    assert "更早的消息" not in more


# ---- answering ----


def test_a_reply_is_sent_once_and_the_conversation_is_handled(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    form = {"content": "在的，请讲。", **hidden_fields(client, key)}

    first = client.post(f"/console/talks/{key}/answer", form)
    again = client.post(f"/console/talks/{key}/answer", form)
    assert [first.status_code, again.status_code] == [200, 200]
    assert first.headers["HX-Trigger"] == "conversation-changed"
    assert answered(key) == ["在的，请讲。"]
    with read_only():
        conversation = session.get_one(Conversation, key)
        assert (conversation.waiting_since, conversation.handled_by) == (
            None,
            client.staff and client.staff.name,
        )
    assert "在的，请讲。" in client.get(f"/console/talks/{key}").text
    assert "没有等待回复的留言" in client.get("/console/talks/").text


def test_a_refused_answer_keeps_what_was_typed(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    form = {"content": "话" * 700, **hidden_fields(client, key)}

    refused = client.post(f"/console/talks/{key}/answer", form)
    assert refused.status_code == 422
    assert "话" * 700 in refused.text
    assert form["key"] in refused.text
    assert "太长" in refused.text
    assert "请填写回复内容" in client.post(f"/console/talks/{key}/answer", {"content": ""}).text
    assert client.post(f"/console/talks/{key}/answer", {"content": "没有钥匙"}).status_code == 422
    assert answered(key) == []


def test_when_the_window_is_closed_the_form_says_so(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    form = {"content": "晚了", **hidden_fields(client, key)}
    past = clock.now() - timedelta(hours=49)
    with transaction():
        session.execute(update(Follower).values(message_at=past))

    refused = client.post(f"/console/talks/{key}/answer", form)
    assert refused.status_code == 422
    assert "现在不能回复" in refused.text
    page = client.get(f"/console/talks/{key}").text
    assert "disabled" in page.split('id="answer"')[1].split("</form>")[0]
    assert answered(key) == []


def test_fields_that_the_form_does_not_have_are_ignored(console: Console) -> None:
    key, other = receive(console, "蜜蜂在窗外筑巢"), receive(console, "我也在", openid="o2")
    client = console.client("agent", "police")
    form = {"content": "在的", "follower_id": str(other), "staff_id": "1", "state": "sent"}

    client.post(f"/console/talks/{key}/answer", form | hidden_fields(client, key))
    assert answered(other) == []
    with read_only():
        (sending,) = outbound.list_for_follower(key)
        assert sending.state is outbound.OutboundState.QUEUED


def test_a_picture_of_the_library_can_be_sent(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    assert "发送图片" not in client.get(f"/console/talks/{key}").text
    with transaction():
        file = media.save("大厅图", MediaKind.IMAGE, PICTURE, digest="d", now=clock.now())
        file_id = file.id
    form = {"picture": str(file_id), **hidden_fields(client, key)}

    assert client.post(f"/console/talks/{key}/picture", form | {"picture": "x"}).status_code == 422
    assert client.post(f"/console/talks/{key}/picture", form).status_code == 200
    page = client.get(f"/console/talks/{key}").text
    assert "大厅图" in page
    assert "正在发送" in page


def test_a_conversation_may_be_closed_without_an_answer(console: Console) -> None:
    key = receive(console, "谢谢啦谢谢啦")
    client = console.client("agent", "police")
    seen = hidden_fields(client, key)["seen"]
    receive(console, "等等，还有一件事")

    late = client.post(f"/console/talks/{key}/dismiss", {"seen": seen})
    assert late.location.endswith(str(key))
    assert "刚刚又发来了消息" in client.get(f"/console/talks/{key}").text
    seen = hidden_fields(client, key)["seen"]
    assert client.post(f"/console/talks/{key}/dismiss", {"seen": seen}).location.endswith("/talks/")
    assert "等等" not in client.get("/console/talks/").text
    assert client.post(f"/console/talks/{key}/dismiss", {"seen": "x"}).status_code == 303


# ---- looking beneath ----


def test_unmasking_needs_a_reason_and_is_audited(console: Console) -> None:
    key = receive(console, "我的电话13812345678")
    with read_only():
        (inbox_id,) = session.scalars(select(InboxMessage.id)).all()
    chief = console.client("department_admin", "police")
    ref = f"m{inbox_id}"
    assert "查看原文" in chief.get(f"/console/talks/{key}").text
    assert chief.get(f"/console/talks/{key}/reveal?ref={ref}").status_code == 200

    refused = chief.post(f"/console/talks/{key}/reveal", {"ref": ref, "reason": "看"})
    assert refused.status_code == 422
    assert "13812345678" not in refused.text
    shown = chief.post(f"/console/talks/{key}/reveal", {"ref": ref, "reason": "按要求回电"})
    assert "13812345678" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert "13812345678" not in chief.get(f"/console/talks/{key}").text
    with read_only():
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "conversation.reveal_message")
        ).one()
        assert entry.actor_id == (chief.staff and chief.staff.id)
        assert (entry.object_id, entry.reason) == (str(key), "按要求回电")
        assert "13812345678" not in repr(vars(entry))
    agent = console.client("agent", "police")
    assert agent.post(f"/console/talks/{key}/reveal", {"ref": ref}).status_code == 403


def test_unmasking_asks_for_the_second_factor_again(console: Console) -> None:
    key = receive(console, "我的电话13812345678")
    person = console.person("department_admin", "police")
    chief = console.client(person=person, fresh=False)
    ref = re.search(r"reveal\?ref=(m\d+)", chief.get(f"/console/talks/{key}").text)
    assert ref
    form, path = {"ref": ref[1], "reason": "按要求回电"}, f"/console/talks/{key}/reveal"
    assert chief.get(f"{path}?ref={ref[1]}").status_code == 200

    for wrong in ({}, {"confirm_proof": "000000"}):
        asked = chief.post(path, form | wrong, headers={"HX-Request": "true"})
        assert asked.status_code == 422
        assert "按要求回电" in asked.text
        assert "13812345678" not in asked.text
    assert "13812345678" in chief.post(path, form | {"confirm_proof": totp_code(person)}).text


@pytest.mark.browser
def test_a_message_is_unmasked_in_a_browser(console: Console, site: str, page: Page) -> None:
    key = receive(console, "我的电话13812345678")
    person = console.sign_in(page, site, "department_admin", "police", fresh=False)
    page.goto(f"{site}/console/talks/{key}")
    page.get_by_role("button", name="查看原文").click()
    page.get_by_label("查看原因").fill("按市民要求回电")
    page.get_by_role("button", name="查看", exact=True).click()
    page.get_by_label("验证器里的 6 位数字").fill(totp_code(person))
    expect(page.get_by_role("dialog")).not_to_contain_text("13812345678")
    page.get_by_role("button", name="确认并继续").click()
    expect(page.get_by_role("dialog")).to_contain_text("13812345678")


# ---- what citizens enclosed ----


def test_a_picture_is_shown_after_somebody_asked_for_it(console: Console) -> None:
    key = receive(console, "看这个图")
    with transaction():
        message = session.scalars(select(InboxMessage)).one()
        message.kind, message.text, message.content = "image", "", {"media_id": "m1"}
        inbox_id = message.id
    client = console.client("agent", "police")
    path = f"/console/talks/{key}/messages/{inbox_id}"
    assert "查看图片" in client.get(f"/console/talks/{key}").text
    assert client.get(f"{path}/file").status_code == 404

    assert client.post(f"{path}/fetch").status_code == 204
    assert "正在从微信取回" in client.get(f"/console/talks/{key}").text
    assert client.get(f"{path}/file").status_code == 404
    with transaction():
        attachments.store(inbox_id, Download(PICTURE, "text/html"))
    shown = client.get(f"{path}/file")
    assert (shown.data, shown.mimetype) == (PICTURE, "image/jpeg")
    assert shown.headers["Content-Disposition"].startswith("attachment")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert f"{path}/file" in client.get(f"/console/talks/{key}").text


# ---- blocking ----


def test_a_blocked_follower_gets_silence_until_the_block_is_lifted(console: Console) -> None:
    key = receive(console, "身份证")
    client = console.client("agent", "police")
    refused = client.post(f"/console/talks/{key}/block", {"reason": ""})
    assert refused.status_code == 422
    assert "请写明原因" in refused.text

    assert client.post(f"/console/talks/{key}/block", {"reason": "反复广告"}).status_code == 303
    snapshots.refresh()
    assert console.hub.push("police", console.hub.text("o1", "身份证")).body == "success"
    assert console.hub.push("police", console.hub.text("o2", "身份证")).text
    page = client.get(f"/console/talks/{key}").text
    assert "反复广告" in page
    twice = client.post(f"/console/talks/{key}/block", {"reason": "反复广告"})
    assert twice.status_code == 422
    assert client.post(f"/console/talks/{key}/unblock").status_code == 303
    snapshots.refresh()
    assert console.hub.push("police", console.hub.text("o1", "身份证")).text
    assert client.post(f"/console/talks/{key}/unblock").status_code == 409


def test_wechats_own_list_is_asked_only_on_request(console: Console) -> None:
    key = receive(console, "身份证")
    client = console.client("agent", "police")
    client.post(f"/console/talks/{key}/block", {"reason": "反复广告", "also_at_wechat": "y"})

    assert "正在加入微信黑名单" in client.get(f"/console/talks/{key}").text
    with read_only():
        assert blocklist.find_pending_task(key) is not None
