"""Telling people of alerts: by the first channel that works, again until somebody takes it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, update

from app import scheduler
from app.jobs import notifications
from app.jobs.notifications import ALERT_PATH
from config import alerts, clock, jobs, settings
from config.alerts import Alert
from config.database import session, transaction
from config.jobs import JobState
from matrix.notifications import channels, deliveries
from matrix.notifications.channels import ChannelKind, ChannelTest, NotificationChannel
from matrix.notifications.deliveries import DeliveryState, NotificationDelivery
from matrix.notifications.preferences import NotificationPreference
from matrix.staff import grants, members
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from tests.app.jobs._duty import (
    DINGTALK,
    WECOM,
    Duty,
    attempts,
    run_all,
    waiting_jobs,
)
from tests.app.jobs._duty import deliveries as all_deliveries
from tests.helpers.console import Console
from tests.helpers.hub import Hub
from tests.helpers.wechat import StartSimulator

pytestmark = pytest.mark.usefixtures("registered_jobs")

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def duty(
    hub: Hub, redis_url: str, start_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> Duty:
    """The hub, whose group robots are the simulator's."""
    made = Duty(hub, start_simulator([]))
    monkeypatch.setenv("ROBOT_ORIGINS", made.wechat.url)
    settings.reset()
    return made


@pytest.fixture
def agent(duty: Duty) -> Staff:
    """An agent of the police with a group at 企业微信 and, after it, one at DingTalk."""
    made = duty.hire("agent")
    duty.channel(made, "first")
    duty.channel(made, "second", ChannelKind.DINGTALK)
    return made


def states() -> list[DeliveryState]:
    return [row.state for row in all_deliveries()]


def plan_only(duty: Duty) -> int:
    """A citizen's danger whose deliveries are planned and not sent yet. The id of the alert."""
    alert_id = duty.danger()
    notifications.request_due(now=clock.now())
    for job_id in waiting_jobs("notifications.plan"):
        jobs.run(job_id, now=clock.now())
    return alert_id


def get_alert(alert_id: int) -> Alert:
    with transaction():
        return session.get_one(Alert, alert_id)


# ---- to whom, and by what ----


def test_a_citizens_danger_leaves_the_house_with_its_words_and_the_way_to_it(
    duty: Duty, agent: Staff
) -> None:
    alert_id = duty.danger(words="有人落水了快救人，我的电话13812345678")
    run_all()

    (told,) = duty.texts()
    assert told.startswith("【紧急提醒】华阴police收到疑似紧急求助")
    assert "有人落水了快救人，我的电话138****5678" in told
    assert f"https://hub.example/console/alarms/{alert_id}" in told
    assert states() == [DeliveryState.SENT]
    assert attempts() == [("first", "sent")]


def test_the_way_to_it_is_the_page_of_the_console(console: Console) -> None:
    with console.app.test_request_context():
        assert console.app.url_for("alerts.show", alert_id=7) == ALERT_PATH.format(alert_id=7)


@pytest.mark.parametrize("kind", ["http_502", "busy", "frequency"])
def test_when_the_first_channel_is_down_the_next_one_is_used_at_once(
    duty: Duty, agent: Staff, kind: str
) -> None:
    duty.fault(kind)
    duty.danger()
    run_all()

    assert attempts() == [("first", "failed"), ("second", "sent")]
    assert duty.told("second") != []
    assert states() == [DeliveryState.SENT]


def test_who_may_not_read_it_or_is_gone_is_told_nothing(duty: Duty) -> None:
    people = {
        "stranger": duty.hire("stranger", "hrss"),
        "clerk": duty.hire("clerk", role=Role.CLERK),
        "gone": duty.hire("gone"),
        "later": duty.hire("later"),
        "chief": duty.hire("chief", "release"),
    }
    for name, person in people.items():
        duty.channel(person, name)
    with transaction():
        members.disable(people["gone"].id, now=clock.now())
        for grant in grants.list_current([people["later"].id]):
            grant.starts_on = clock.local_day(clock.now()) + timedelta(days=1)
    duty.danger()
    run_all()

    assert [one.robot for one in duty.wechat.platform.robots.list_messages()] == ["chief"]


def test_without_anybody_to_tell_it_stays_on_the_page(duty: Duty) -> None:
    alert_id = duty.danger()
    run_all()
    assert all_deliveries() == []
    assert get_alert(alert_id).notify_at is None


# ---- again, until somebody takes it ----


def test_it_is_told_again_until_somebody_takes_it(duty: Duty, agent: Staff) -> None:
    alert_id = duty.danger()
    run_all()
    assert waiting_jobs() == []
    run_all(now=clock.now() + 4 * MINUTE)
    assert len(duty.told()) == 1
    run_all(now=clock.now() + 6 * MINUTE)
    assert len(duty.told()) == 2
    assert [row.round for row in all_deliveries()] == [1, 2]

    with transaction():
        alerts.take(duty.principal(agent), alert_id, now=clock.now())
    run_all(now=clock.now() + 3 * HOUR)
    assert len(duty.told()) == 2


def test_what_was_taken_meanwhile_is_not_sent(duty: Duty, agent: Staff) -> None:
    alert_id = plan_only(duty)
    with transaction():
        alerts.take(duty.principal(agent), alert_id, now=clock.now())
    run_all()
    assert states() == [DeliveryState.CANCELLED]
    assert duty.told() == []


def test_a_danger_that_goes_on_after_somebody_took_it_is_told_again(
    duty: Duty, agent: Staff
) -> None:
    alert_id = duty.danger()
    run_all()
    with transaction():
        alerts.take(duty.principal(agent), alert_id, now=clock.now() - HOUR)
    assert duty.danger() == alert_id, "one alert for each conversation"
    run_all()
    assert len(duty.told()) == 2
    assert get_alert(alert_id).taken_by is None


def test_two_citizens_in_danger_are_two_alerts(duty: Duty, agent: Staff) -> None:
    first, second = duty.danger("o1"), duty.danger("o2", "有人跳河了，救命")
    with transaction():
        alerts.resolve(duty.principal(agent), second, note="已处理", now=clock.now())
    run_all()
    assert first != second
    assert [row.alert_id for row in all_deliveries()] == [first]


def test_a_deputy_is_told_by_their_own_channels(duty: Duty, agent: Staff) -> None:
    deputy = duty.hire("deputy")
    duty.channel(deputy, "deputys")
    # by themselves they want to hear of something else
    with transaction():
        own = update(NotificationPreference).where(NotificationPreference.staff_id == deputy.id)
        session.execute(own.values(kind="job.dead"))
    duty.settings(agent, deputy_id=deputy.id, handover_minutes=10)
    duty.danger()
    run_all()
    assert duty.told("deputys") == []
    run_all(now=clock.now() + 11 * MINUTE)
    assert len(duty.told("deputys")) == 1
    assert "agent还没有接手" in duty.texts()[-1]
    (row,) = [row for row in all_deliveries() if row.staff_id == deputy.id]
    assert row.on_behalf_of == agent.id


def test_quiet_hours_hold_back_what_can_wait(duty: Duty, agent: Staff) -> None:
    duty.settings(agent, quiet_from=time(22), quiet_to=time(7))
    midnight = clock.start_of_day(clock.local_day(clock.now()) + timedelta(days=1))
    alert_id = duty.raise_alert(now=midnight, urgent=False)
    run_all(now=midnight)
    assert all_deliveries() == []
    assert get_alert(alert_id).notify_at == midnight + 7 * HOUR
    run_all(now=midnight + 7 * HOUR)
    assert len(all_deliveries()) == 1

    duty.danger()
    run_all(now=midnight)
    assert len(all_deliveries()) == 2


# ---- failures ----


def test_when_all_channels_are_down_it_is_tried_again_later_and_at_last_said(
    duty: Duty, agent: Staff
) -> None:
    for path in (WECOM, DINGTALK):
        duty.fault("http_502", path)
    duty.danger()
    run_all()
    assert attempts() == [("first", "failed"), ("second", "failed")]
    (row,) = all_deliveries()
    assert (row.state, row.problem) == (DeliveryState.PENDING, "机器人返回 HTTP 502")
    # the pause doubles, and each time all channels have their turn
    pauses = []
    for _ in range(3):
        before, (row,) = clock.now(), all_deliveries()
        pauses.append(round((row.next_at - before).total_seconds()))
        _make_due(row.id)
        run_all()
    assert pauses == [15, 30, 60]
    assert attempts()[2:4] == [("first", "failed"), ("second", "failed")]

    with transaction():
        session.execute(update(NotificationDelivery).values(created_at=clock.now() - 2 * HOUR))
    _make_due(row.id)
    run_all()
    assert states() == [DeliveryState.FAILED]
    with transaction():
        said = session.scalars(select(Alert).where(Alert.kind != "inbox.emergency")).one()
    assert (said.kind, said.subject) == ("notification.undelivered", str(agent.id))


def _make_due(delivery_id: int) -> None:
    with transaction():
        session.execute(
            update(NotificationDelivery)
            .where(NotificationDelivery.id == delivery_id)
            .values(next_at=clock.now())
        )


def test_a_killed_worker_delays_a_delivery_by_seconds(duty: Duty, agent: Staff) -> None:
    duty.danger()
    notifications.request_due(now=clock.now())
    for job_id in waiting_jobs("notifications.plan"):
        jobs.run(job_id, now=clock.now())
    (row,) = all_deliveries()
    with transaction():  # all that the killed worker has written
        lost = deliveries.begin_attempt(row.id, attempts=0, now=clock.now())
    assert lost is not None
    assert notifications.request_due(now=clock.now()) == 0
    run_all(now=clock.now() + timedelta(seconds=4.5))

    assert attempts() == [("first", "running"), ("second", "sent")]
    assert states() == [DeliveryState.SENT]
    with transaction():  # it was only slow
        deliveries.record_sent(lost, now=clock.now())
    assert attempts() == [("first", "sent"), ("second", "sent")]


def test_a_lost_plan_is_made_again_and_one_made_twice_tells_once(duty: Duty, agent: Staff) -> None:
    duty.danger()
    now = clock.now()
    assert notifications.request_due(now=now) == 1
    assert notifications.request_due(now=now + timedelta(seconds=1)) == 0
    assert notifications.request_due(now=now + timedelta(seconds=3.1)) == 1
    assert run_all() == [JobState.DONE] * 3
    assert len(duty.told()) == 1


def test_plans_made_at_the_same_moment_tell_once(duty: Duty, agent: Staff) -> None:
    alert_id = duty.danger()
    together = Barrier(4)

    def plan(_: int) -> None:
        together.wait()
        notifications.plan(alert_id=alert_id, now=clock.now())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(plan, range(4)))
    run_all()
    assert len(duty.told()) == 1


def test_a_job_that_comes_twice_or_late_sends_nothing(duty: Duty, agent: Staff) -> None:
    duty.danger()
    run_all()
    (row,) = all_deliveries()
    for count in (0, 1):
        notifications.deliver(delivery_id=row.id, attempts=count, now=clock.now())
    notifications.deliver(delivery_id=10**6, attempts=0, now=clock.now())
    notifications.plan(alert_id=10**6, now=clock.now())
    assert len(duty.told()) == 1


def test_a_person_without_a_channel_left_is_not_tried_for_ever(duty: Duty, agent: Staff) -> None:
    plan_only(duty)
    with transaction():
        channels.delete_of_person(agent.id)
    run_all()
    (row,) = all_deliveries()
    assert (row.state, row.problem) == (DeliveryState.FAILED, "没有可用的通知方式")


def test_who_lost_the_right_meanwhile_is_told_nothing(duty: Duty, agent: Staff) -> None:
    plan_only(duty)
    with transaction():
        for grant in grants.list_current([agent.id]):
            grants.revoke(grant.id, by=None, now=clock.now())
    run_all()
    (row,) = all_deliveries()
    assert (row.state, row.problem) == (DeliveryState.FAILED, "已无权查看这条提醒")
    assert duty.told() == []


# ---- tests of a channel ----


def _tested(duty: Duty, person: Staff, channel_id: int) -> Any:
    with transaction():
        channels.request_test(duty.principal(person), channel_id)
    run_all()
    with transaction():
        row = session.get_one(NotificationChannel, channel_id)
        return row.test, row.test_problem


def test_a_test_message_says_how_it_fared(duty: Duty) -> None:
    person = duty.hire("agent")
    channel_id = duty.channel(person, "group", ChannelKind.DINGTALK)
    assert _tested(duty, person, channel_id) == (ChannelTest.SENT, "")
    assert duty.told() == ["【提醒测试】华阴发布的提醒能够送到这里"]
    robot = duty.wechat.platform.robots.find("dingtalk", "key-of-group")
    assert robot is not None
    robot.secret = "another"
    state, problem = _tested(duty, person, channel_id)
    assert state is ChannelTest.FAILED
    assert "加签" in problem
    notifications.send_test(channel_id=10**6, now=clock.now())


def test_the_scheduler_goes_on_when_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, duty: Duty
) -> None:
    def fail(*, now: datetime) -> int:
        raise RuntimeError("away")

    monkeypatch.setattr(notifications, "request_due", fail)
    scheduler.request_notifications()
