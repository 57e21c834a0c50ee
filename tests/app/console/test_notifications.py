"""One's own notifications: adding a channel, testing it, choosing what it tells of."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.alert_kinds import KINDS
from config import clock, jobs, settings
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from config.jobs import Job
from matrix.notifications import channels, preferences
from matrix.notifications.channels import NotificationAction, NotificationChannel
from matrix.staff import members
from tests.helpers import sample_channels
from tests.helpers.console import Client, Console
from tests.helpers.wechat import StartSimulator

MINE = "/console/me/notifications/"
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a-secret-key-1"
KIND_FIELDS = {f"repeat_{number}": "0" for number in range(len(KINDS))}


@pytest.fixture
def agent(console: Console) -> Client:
    return console.client("agent", "police")


def add(client: Client, **changed: str) -> Any:
    form = {"kind": "wecom", "name": "值班群", "address": WECOM, "secret": "", "version": "0"}
    return client.post(f"{MINE}channels/new", form | changed)


def own(client: Client) -> list[NotificationChannel]:
    assert client.staff is not None
    with read_only():
        return list(channels.list_for_person(client.staff.id))


def test_a_new_channel_tells_of_danger_at_once_and_is_tested(agent: Client) -> None:
    assert add(agent).status_code == 303
    (made,) = own(agent)
    page = agent.get(MINE).text
    assert "企业微信群机器人“值班群”" in page
    assert "正在发送测试" in page
    assert "a-secret-key" not in page
    assert agent.staff is not None
    with read_only():
        wanted = preferences.by_person([agent.staff.id])[agent.staff.id]
        assert {kind: row.channel_ids for kind, row in wanted.items()} == {
            "inbox.emergency": [made.id]
        }
        assert "notifications.test" in session.scalars(select(Job.name)).all()
        added = AuditEntry.action == NotificationAction.ADD_CHANNEL.value
        (entry,) = session.scalars(select(AuditEntry).where(added))
        assert "a-secret-key" not in str(vars(entry))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"address": "https://evil.example/cgi-bin/webhook/send?key=a-secret-key-1"}, "不是允许"),
        ({"address": ""}, "Webhook"),
        ({"kind": "email", "address": "duty@example.cn"}, "邮件服务器"),
        ({"kind": "dingtalk"}, "access_token"),
        ({"name": ""}, "请填写名称"),
        ({"kind": "pigeon"}, "不是有效的选择"),
    ],
)
def test_a_wrong_channel_is_shown_again(agent: Client, changed: dict[str, str], said: str) -> None:
    refused = add(agent, **changed)
    assert refused.status_code == 422
    assert said in refused.text
    assert own(agent) == []


def test_a_test_message_shows_its_outcome(
    agent: Client, start_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wechat = start_simulator([])
    monkeypatch.setenv("ROBOT_ORIGINS", wechat.url)
    settings.reset()
    add(agent, address=f"{wechat.url}/cgi-bin/webhook/send?key=simulated-wecom-duty")
    (made,) = own(agent)
    _run_jobs()
    shown = agent.get(f"{MINE}channels/{made.id}/test").text
    assert "测试成功" in shown
    assert "hx-get" not in shown, "nobody asks any more"
    assert [one.robot for one in wechat.platform.robots.list_messages()] == ["企业微信值班群"]

    wechat.platform.faults.add({"kind": "http_502"})
    waiting = agent.post(f"{MINE}channels/{made.id}/test/send").text
    assert "正在发送测试" in waiting
    assert "hx-get" in waiting
    _run_jobs()
    assert "机器人返回 HTTP 502" in agent.get(f"{MINE}channels/{made.id}/test").text


def _run_jobs() -> None:
    with transaction():
        ids = session.scalars(select(Job.id).order_by(Job.id)).all()
    for job_id in ids:
        jobs.run(job_id, now=clock.now())


def test_a_channel_is_changed_without_showing_its_address(agent: Client) -> None:
    add(agent)
    (made,) = own(agent)
    path = f"{MINE}channels/{made.id}"
    page = agent.get(path).text
    assert "末尾 ey-1" in page
    assert "a-secret-key" not in page

    kept = agent.post(path, {"name": "新群", "address": "", "secret": "", "version": "1"})
    assert kept.status_code == 303
    assert [(row.name, row.address) for row in own(agent)] == [("新群", WECOM)]
    stale = agent.post(path, {"name": "又改", "address": "", "secret": "", "version": "1"})
    assert stale.status_code == 422
    assert "修改过" in stale.text
    new = agent.post(path, {"name": "新群", "address": WECOM + "x", "version": "2"})
    assert new.status_code == 303
    assert own(agent)[0].address == WECOM + "x"


def test_channels_have_an_order_and_are_deleted(agent: Client) -> None:
    add(agent, name="甲")
    add(agent, name="乙")
    first, second = own(agent)
    agent.post(f"{MINE}channels/{second.id}/first")
    assert [row.name for row in own(agent)] == ["乙", "甲"]
    agent.post(f"{MINE}channels/{first.id}/remove")
    assert [row.name for row in own(agent)] == ["乙"]


def test_channels_of_others_are_not_there(console: Console, agent: Client) -> None:
    other = sample_channels.add(console.person("agent", "police"))
    for path in ("", "/test"):
        assert agent.get(f"{MINE}channels/{other}{path}").status_code == 404
    for path in ("", "/test/send", "/first", "/remove"):
        assert agent.post(f"{MINE}channels/{other}{path}", {"name": "x"}).status_code == 404
    chief = console.client("matrix_admin")
    assert chief.get(f"{MINE}channels/{other}").status_code == 404


def test_preferences_are_saved_and_shown_again(console: Console, agent: Client) -> None:
    add(agent)
    (made,) = own(agent)
    colleague = console.person("agent", "police")
    number = list(KINDS).index("job.dead")
    form = KIND_FIELDS | {
        f"channels_{number}": str(made.id),
        f"repeat_{number}": "30",
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "deputy_id": str(colleague.id),
        "handover_minutes": "10",
        "version": "0",
    }
    saved = agent.post(MINE, form)
    assert saved.status_code == 303, saved.text
    page = agent.get(MINE).text
    assert re.search(rf'name="channels_{number}" value="{made.id}" checked', page)
    assert f'selected value="{colleague.id}"' in page
    assert 'value="22:00"' in page
    again = agent.post(MINE, form)
    assert again.status_code == 422
    assert "修改过" in again.text
    with read_only():
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "notification.update")
        ).one()
        assert entry.after is not None
        assert entry.after["quiet_hours"] == "22:00–07:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_from": "22:00"},
        {"quiet_from": "25:00", "quiet_to": "07:00"},
        {"deputy_id": "999999"},
        {"handover_minutes": "-1"},
        {"handover_minutes": ""},
        {"repeat_0": "x"},
        {"channels_0": "999999"},
    ],
)
def test_wrong_preferences_are_shown_again(agent: Client, wrong: dict[str, str]) -> None:
    form = KIND_FIELDS | {"handover_minutes": "15", "version": "0"} | wrong
    assert agent.post(MINE, form).status_code == 422


def test_who_sees_no_alerts_has_no_notifications(console: Console) -> None:
    clerk = console.client("clerk", "police")
    assert clerk.get(MINE).status_code == 403
    assert MINE not in clerk.get("/console/me/").text


def test_who_leaves_is_told_of_nothing_any_more(console: Console) -> None:
    person = console.person("agent", "police")
    sample_channels.add(person)
    admin = console.client("department_admin", "police")
    assert admin.post(f"/console/staff/{person.id}/leave", {"reason": "调走"}).status_code == 200
    with read_only():
        assert not channels.list_for_person(person.id)
        assert members.get(person.id).state is members.StaffState.DISABLED
