"""The jobs of the hub, done by hand against the simulated WeChat."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import jobs as handlers
from app import live
from config import clock, jobs
from config.database import session, transaction
from config.jobs import Job, State
from keywords import drafts, stored, texts
from matrix import accounts, departments, media, menus
from matrix.inbox import Inbound
from matrix.media import Upload
from tests.app.scene import PICTURE, Scene, alarms, do_all
from tests.fixtures import NOW
from tests.fixtures.hub import Hub
from tests.fixtures.simulated import Simulate

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
def registered() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(inside={}, outside={})


def ask(name: str) -> None:
    with transaction():
        jobs.enqueue(name, key=name)


@pytest.fixture
def scene(hub: Hub, redis_url: str, simulated: Simulate) -> Scene:
    return Scene(hub, simulated)


# ---- connecting ----


def test_what_staff_wrote_in_wechats_console_becomes_drafts(
    hub: Hub, redis_url: str, simulated: Simulate
) -> None:
    scene = Scene(hub, simulated, console=CONSOLE)

    assert set(do_all(accounts.CONNECT)) == {State.DONE}

    appid = hub.keys["police"].appid
    with transaction():
        rule = stored.by_code(f"{appid}.console.1")
        assert rule is not None
        assert (rule.name, rule.state, rule.account_id) == (
            "户口",
            drafts.State.DRAFT,
            scene.ids["police"],
        )
        assert rule.replies == [{"type": "text", "content": "请带户口簿。"}]
        assert stored.by_code(f"{appid}.console.2") is None, "its picture cannot be taken along"
        assert accounts.by_appid(appid).welcome == "欢迎您来"
        menu = menus.newest(scene.ids["police"])
        assert menu is not None
        assert menu.buttons == [{"name": "户口", "kind": "ask", "value": "户口"}]
        assert menu.pushed_at is not None
    (lost,) = alarms("account.partly_adopted")
    assert "大厅照片" in lost


def test_a_draft_answers_nobody_and_the_adopted_fallback_does(
    hub: Hub, redis_url: str, simulated: Simulate
) -> None:
    Scene(hub, simulated, console=CONSOLE)
    do_all(accounts.CONNECT)
    live.refresh()

    assert hub.push("police", hub.text("o1", "落户")).text == "请打电话"


def test_connecting_twice_changes_nothing(hub: Hub, redis_url: str, simulated: Simulate) -> None:
    Scene(hub, simulated, console=CONSOLE)
    do_all(accounts.CONNECT)
    with transaction():
        before = {row.code: row.version for row in stored.listed()}
        account = accounts.by_appid(hub.keys["police"].appid)
        jobs.enqueue(accounts.CONNECT, account_id=account.id)

    assert do_all(accounts.CONNECT) == [State.DONE]

    with transaction():
        assert {row.code: row.version for row in stored.listed()} == before
        assert texts.current() is not None


def test_a_wrong_secret_raises_an_alarm_and_waits_for_staff(
    hub: Hub, redis_url: str, simulated: Simulate
) -> None:
    Scene(hub, simulated, secret="anotherone0123456789")

    assert set(do_all(accounts.CONNECT)) == {State.DONE}

    (words,) = alarms("account.unconnected")
    assert "AppSecret" in words
    assert "secret0" not in words


# ---- menus ----


def test_only_the_newest_menu_is_pushed(scene: Scene) -> None:
    do_all(accounts.CONNECT)
    for value in ("身份证", "户口"):
        with transaction():
            row = MENU[0] | {"value": value}
            menus.write(scene.ids["police"], menus.parse([row]), now=NOW)

    assert do_all(menus.PUSH) == [State.DONE, State.DONE]

    (call,) = scene.world.journal.lines(what="api", path="/cgi-bin/menu/create")
    assert "户口" in call["request"]
    with transaction():
        newest = menus.newest(scene.ids["police"])
        assert newest is not None
        assert newest.pushed_at is not None


def test_a_pushed_menu_is_not_pushed_again(scene: Scene) -> None:
    with transaction():
        menu = menus.write(scene.ids["police"], menus.parse(MENU), now=NOW)
        menu_id = menu.id
    do_all(menus.PUSH)
    with transaction():
        jobs.enqueue(menus.PUSH, menu_id=menu_id)

    assert do_all(menus.PUSH) == [State.DONE]

    assert len(scene.world.journal.lines(what="api", path="/cgi-bin/menu/create")) == 1


# ---- pictures and sounds ----


def test_each_account_gets_its_own_id_for_a_picture_and_then_answers_with_it(scene: Scene) -> None:
    scene.keep_picture()
    replies = [{"type": "image", "media": "大厅图"}, {"type": "text", "content": "在一楼。"}]
    for department in ("police", "hrss"):
        scene.rule(department, replies)
    live.refresh()
    first = scene.hub.push("police", scene.hub.text("o1", "大厅地图"))
    assert first.text == "在一楼。", "the picture is not there yet"

    ask(handlers.MEDIA_REFRESH)
    assert do_all(handlers.MEDIA_REFRESH) == [State.DONE]
    assert set(do_all(media.UPLOAD)) == {State.DONE}
    live.refresh()

    with transaction():
        ids = dict(session.execute(select(Upload.account_id, Upload.media_id)).all())
    assert len(set(ids.values())) == len(scene.ids)
    for code in scene.ids:
        openid = f"of-{code}"
        answered = scene.hub.push(code, scene.hub.text(openid, "大厅地图", to=code))
        assert answered.reply["MsgType"] == "image"
        with transaction():
            said = session.scalar(select(Inbound.answer).where(Inbound.openid == openid))
        assert ids[scene.ids[code]] in (said or "")


def test_a_refresh_is_done_with_its_job_and_asks_only_for_what_is_missing(scene: Scene) -> None:
    scene.keep_picture()
    scene.rule("police", [{"type": "image", "media": "大厅图"}])
    for _ in range(3):
        ask(handlers.MEDIA_REFRESH)
        assert do_all(handlers.MEDIA_REFRESH) == [State.DONE]
        do_all(media.UPLOAD)

    assert scene.uploads() == len(SENDERS)
    with transaction():
        states = session.scalars(select(Job.state).where(Job.name == handlers.MEDIA_REFRESH))
        assert set(states) == {State.DONE}


def test_a_changed_picture_is_uploaded_again(scene: Scene) -> None:
    scene.keep_picture()
    scene.rule("police", [{"type": "image", "media": "大厅图"}])
    ask(handlers.MEDIA_REFRESH)
    do_all(handlers.MEDIA_REFRESH)
    do_all(media.UPLOAD)

    scene.keep_picture(PICTURE + b"with a new sign")
    ask(handlers.MEDIA_REFRESH)
    do_all(handlers.MEDIA_REFRESH)

    assert do_all(media.UPLOAD) == [State.DONE] * len(SENDERS)
    assert scene.uploads() == 2 * len(SENDERS)


def test_media_that_no_rule_sends_is_not_uploaded(scene: Scene) -> None:
    scene.keep_picture()
    ask(handlers.MEDIA_REFRESH)

    assert do_all(handlers.MEDIA_REFRESH) == [State.DONE]

    assert do_all(media.UPLOAD) == []


# ---- the house ----


def test_tidying_keeps_what_is_young(scene: Scene) -> None:
    scene.hub.push("police", scene.hub.text("o1", "身份证"))
    do_all(accounts.CONNECT)
    ask(handlers.TIDY)

    assert do_all(handlers.TIDY) == [State.DONE]

    with transaction():
        assert session.scalars(select(Job).where(Job.name == accounts.CONNECT)).all()


# ---- reminding ----


def test_departments_are_told_once_of_rules_past_their_date(hub: Hub) -> None:
    day = clock.local_day(clock.now())
    shape = {"name": "旧", "keywords": ["旧"], "reply": {"type": "text", "content": "旧"}}
    with transaction():
        police, noise = departments.by_code("police").id, departments.by_code("hrss").id
        account = accounts.by_appid(hub.keys["police"].appid).id
        for number, (days, owner) in enumerate(
            [
                (-1, {"department_id": police}),
                (-2, {"account_id": account}),
                (1, {"department_id": noise}),
            ]
        ):
            (draft,) = drafts.parse([shape | {"id": f"old.{number}", "department": "-"}])
            due = replace(draft, department="", review_by=day + timedelta(days=days))
            stored.put(due, **owner, now=clock.now())

    for _ in range(2):
        ask(handlers.RULES_DUE)
        assert do_all(handlers.RULES_DUE) == [State.DONE]

    (told,) = alarms("rules.due")
    assert told.startswith("有 2 条")
