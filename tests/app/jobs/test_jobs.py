"""The jobs of the hub, done by hand against the simulated WeChat."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import snapshots
from app.jobs import registry as handlers
from app.jobs.maintenance import MaintenanceJob
from app.jobs.rule_reminders import RuleReminderJob
from config import clock, jobs
from config.database import session, transaction
from config.jobs import Job, JobName, JobState
from keywords.rules import default_replies, spec, store
from matrix import accounts, departments, media, menus
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.inbox import InboxMessage
from matrix.media import MediaUpload
from tests.app.jobs._simulated_hub import PICTURE, SimulatedHub, alert_messages, run_waiting
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.wechat import StartSimulator

SENDERS = ("police", "release")  # who sends what a rule of the police says
MENU = [{"name": "证件", "kind": "ask", "value": "身份证"}]
CONSOLE: dict[str, Any] = {
    "autoreply": {
        "is_add_friend_reply_open": 1,
        "is_autoreply_open": 1,
        "add_friend_autoreply_info": {"type": "text", "content": "欢迎您来"},
        "message_default_autoreply_info": {"type": "text", "content": "请打电话"},
        "keyword_autoreply_info": {
            "list": [
                {
                    "rule_name": "户口",
                    "create_time": 1423028166,
                    "reply_mode": "random_one",
                    "keyword_list_info": [
                        {"type": "text", "match_mode": "contain", "content": "户口"},
                        {"type": "text", "match_mode": "equal", "content": "落户"},
                    ],
                    "reply_list_info": [{"type": "text", "content": "请带户口簿。"}],
                },
                {
                    "rule_name": "大厅照片",
                    "create_time": 1423028166,
                    "reply_mode": "reply_all",
                    "keyword_list_info": [
                        {"type": "text", "match_mode": "contain", "content": "大厅"}
                    ],
                    "reply_list_info": [{"type": "img", "content": "a-media-id-of-the-console"}],
                },
            ]
        },
    },
    "menu": {"button": [{"name": "户口", "type": "click", "key": "户口"}]},
}


@pytest.fixture(autouse=True)
def registered_jobs() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(transactional={}, non_transactional={})


def enqueue_and_run(name: JobName) -> None:
    with transaction():
        jobs.enqueue(name, key=name)


@pytest.fixture
def simulated_hub(hub: Hub, redis_url: str, start_simulator: StartSimulator) -> SimulatedHub:
    return SimulatedHub(hub, start_simulator)


# ---- connecting ----


def test_what_staff_wrote_in_wechats_console_becomes_drafts(
    hub: Hub, redis_url: str, start_simulator: StartSimulator
) -> None:
    simulated_hub = SimulatedHub(hub, start_simulator, console=CONSOLE)

    assert set(run_waiting(AccountJob.CONNECT)) == {JobState.DONE}

    appid = hub.keys["police"].appid
    with transaction():
        rule = store.find_by_slug(f"{appid}.console.1")
        assert rule is not None
        assert (rule.name, rule.state, rule.account_id) == (
            "户口",
            spec.RuleState.DRAFT,
            simulated_hub.ids["police"],
        )
        assert rule.replies == [{"type": "text", "content": "请带户口簿。"}]
        assert store.find_by_slug(f"{appid}.console.2") is None, "its picture cannot be taken along"
        assert accounts.get_by_appid(appid).welcome == "欢迎您来"
        menu = menus.find_newest(simulated_hub.ids["police"])
        assert menu is not None
        assert menu.buttons == [{"name": "户口", "kind": "ask", "value": "户口"}]
        assert menu.pushed_at is not None
    (lost,) = alert_messages("account.import_incomplete")
    assert "大厅照片" in lost


def test_a_draft_answers_nobody_and_the_imported_fallback_does(
    hub: Hub, redis_url: str, start_simulator: StartSimulator
) -> None:
    SimulatedHub(hub, start_simulator, console=CONSOLE)
    run_waiting(AccountJob.CONNECT)
    snapshots.refresh()

    assert hub.push("police", hub.text("o1", "落户")).text == "请打电话"


def test_connecting_twice_changes_nothing(
    hub: Hub, redis_url: str, start_simulator: StartSimulator
) -> None:
    SimulatedHub(hub, start_simulator, console=CONSOLE)
    run_waiting(AccountJob.CONNECT)
    with transaction():
        before = {row.slug: row.version for row in store.list_all()}
        account = accounts.get_by_appid(hub.keys["police"].appid)
        jobs.enqueue(AccountJob.CONNECT, account_id=account.id)

    assert run_waiting(AccountJob.CONNECT) == [JobState.DONE]

    with transaction():
        assert {row.slug: row.version for row in store.list_all()} == before
        assert default_replies.load() is not None


def test_a_wrong_secret_raises_an_alert_and_waits_for_staff(
    hub: Hub, redis_url: str, start_simulator: StartSimulator
) -> None:
    SimulatedHub(hub, start_simulator, secret="anotherone0123456789")

    assert set(run_waiting(AccountJob.CONNECT)) == {JobState.DONE}

    (words,) = alert_messages("account.connection_failed")
    assert "AppSecret" in words
    assert "secret0" not in words


# ---- menus ----


def test_only_the_newest_menu_is_pushed(simulated_hub: SimulatedHub) -> None:
    run_waiting(AccountJob.CONNECT)
    for value in ("身份证", "户口"):
        with transaction():
            row = MENU[0] | {"value": value}
            menus.save_from_file(simulated_hub.ids["police"], menus.parse([row]), now=NOW)

    assert run_waiting(menus.MenuJob.PUSH) == [JobState.DONE, JobState.DONE]

    (call,) = simulated_hub.platform.request_log.list_entries(
        what="api", path="/cgi-bin/menu/create"
    )
    assert "户口" in call["request"]
    with transaction():
        newest = menus.find_newest(simulated_hub.ids["police"])
        assert newest is not None
        assert newest.pushed_at is not None


def test_a_pushed_menu_is_not_pushed_again(simulated_hub: SimulatedHub) -> None:
    with transaction():
        menu = menus.save_from_file(simulated_hub.ids["police"], menus.parse(MENU), now=NOW)
        menu_id = menu.id
    run_waiting(menus.MenuJob.PUSH)
    with transaction():
        jobs.enqueue(menus.MenuJob.PUSH, menu_id=menu_id)

    assert run_waiting(menus.MenuJob.PUSH) == [JobState.DONE]

    assert (
        len(
            simulated_hub.platform.request_log.list_entries(what="api", path="/cgi-bin/menu/create")
        )
        == 1
    )


# ---- pictures and sounds ----


def test_each_account_gets_its_own_id_for_a_picture_and_then_answers_with_it(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.store_picture()
    replies = [{"type": "image", "media": "大厅图"}, {"type": "text", "content": "在一楼。"}]
    for department in ("police", "hrss"):
        simulated_hub.rule(department, replies)
    snapshots.refresh()
    first = simulated_hub.hub.push("police", simulated_hub.hub.text("o1", "大厅地图"))
    assert first.text == "在一楼。", "the picture is not there yet"

    enqueue_and_run(media.MediaJob.REFRESH)
    assert run_waiting(media.MediaJob.REFRESH) == [JobState.DONE]
    assert set(run_waiting(media.MediaJob.UPLOAD)) == {JobState.DONE}
    snapshots.refresh()

    with transaction():
        ids = dict(session.execute(select(MediaUpload.account_id, MediaUpload.media_id)).all())
    assert len(set(ids.values())) == len(simulated_hub.ids)
    for code in simulated_hub.ids:
        openid = f"of-{code}"
        answered = simulated_hub.hub.push(code, simulated_hub.hub.text(openid, "大厅地图", to=code))
        assert answered.reply["MsgType"] == "image"
        with transaction():
            said = session.scalar(select(InboxMessage.answer).where(InboxMessage.openid == openid))
        assert ids[simulated_hub.ids[code]] in (said or "")


def test_a_refresh_is_done_with_its_job_and_asks_only_for_what_is_missing(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.store_picture()
    simulated_hub.rule("police", [{"type": "image", "media": "大厅图"}])
    for _ in range(3):
        enqueue_and_run(media.MediaJob.REFRESH)
        assert run_waiting(media.MediaJob.REFRESH) == [JobState.DONE]
        run_waiting(media.MediaJob.UPLOAD)

    assert simulated_hub.uploads() == len(SENDERS)
    with transaction():
        states = session.scalars(select(Job.state).where(Job.name == media.MediaJob.REFRESH))
        assert set(states) == {JobState.DONE}


def test_a_changed_picture_is_uploaded_again(simulated_hub: SimulatedHub) -> None:
    simulated_hub.store_picture()
    simulated_hub.rule("police", [{"type": "image", "media": "大厅图"}])
    enqueue_and_run(media.MediaJob.REFRESH)
    run_waiting(media.MediaJob.REFRESH)
    run_waiting(media.MediaJob.UPLOAD)

    simulated_hub.store_picture(PICTURE + b"with a new sign")
    enqueue_and_run(media.MediaJob.REFRESH)
    run_waiting(media.MediaJob.REFRESH)

    assert run_waiting(media.MediaJob.UPLOAD) == [JobState.DONE] * len(SENDERS)
    assert simulated_hub.uploads() == 2 * len(SENDERS)


def test_media_that_no_rule_sends_is_not_uploaded(simulated_hub: SimulatedHub) -> None:
    simulated_hub.store_picture()
    enqueue_and_run(media.MediaJob.REFRESH)

    assert run_waiting(media.MediaJob.REFRESH) == [JobState.DONE]

    assert run_waiting(media.MediaJob.UPLOAD) == []


# ---- the house ----


def test_tidying_keeps_what_is_young(simulated_hub: SimulatedHub) -> None:
    simulated_hub.hub.push("police", simulated_hub.hub.text("o1", "身份证"))
    run_waiting(AccountJob.CONNECT)
    enqueue_and_run(MaintenanceJob.PURGE_EXPIRED)

    assert run_waiting(MaintenanceJob.PURGE_EXPIRED) == [JobState.DONE]

    with transaction():
        assert session.scalars(select(Job).where(Job.name == AccountJob.CONNECT)).all()


# ---- reminding ----


def test_departments_are_told_once_of_rules_past_their_date(hub: Hub) -> None:
    day = clock.local_day(clock.now())
    shape = {"name": "旧", "keywords": ["旧"], "reply": {"type": "text", "content": "旧"}}
    with transaction():
        police, noise = departments.get_by_slug("police").id, departments.get_by_slug("hrss").id
        account = accounts.get_by_appid(hub.keys["police"].appid).id
        for number, (days, owner) in enumerate(
            [
                (-1, {"department_id": police}),
                (-2, {"account_id": account}),
                (1, {"department_id": noise}),
            ]
        ):
            (rule_spec,) = spec.parse_rules([shape | {"id": f"old.{number}", "department": "-"}])
            due = rule_spec.replace(department="", review_by=day + timedelta(days=days))
            store.upsert(due, **owner, now=clock.now())

    for _ in range(2):
        enqueue_and_run(RuleReminderJob.WARN_OVERDUE_REVIEWS)
        assert run_waiting(RuleReminderJob.WARN_OVERDUE_REVIEWS) == [JobState.DONE]

    (told,) = alert_messages("rules.review_overdue")
    assert told.startswith("有 2 条")
