"""Sendings: customer-service messages, within their windows, once where that can be known."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config import settings
from config.database import session, transaction
from config.jobs import Job
from matrix import accounts, departments, followers, sendings
from matrix.sendings import Sending, State
from matrix.wechat import gateway, replies, tokens
from simulator import acts
from simulator.followers import openid_of
from tests.fixtures import NOW
from tests.fixtures.simulated import Simulate, Simulated
from tests.matrix.conftest import wish

NAMES = ("appid", "original_id", "name", "secret", "token", "aes_key")


class Scene:
    """One account, known to us and to WeChat, and one follower who just wrote."""

    def __init__(self, simulate: Simulate) -> None:
        tokens.forget()  # those of the last test's WeChat
        with transaction():
            owner = departments.add(code="police", name="公安局", kind="", now=NOW)
            account = accounts.add(wish(owner), now=NOW)
            self.account_id, self.appid = account.id, account.appid
            mirrored: dict[str, Any] = {name: getattr(account, name) for name in NAMES}
        self.wechat: Simulated = simulate([mirrored])
        self.world = self.wechat.world
        self.citizen = self.world.followers.citizens()[0].id
        acts.follow(self.world, self.citizen, self.appid)
        acts.say(self.world, self.citizen, self.appid, "你好")
        self.openid = openid_of(self.citizen, self.appid)
        with transaction():
            followers.wrote(self.account_id, self.openid, now=NOW)

    def queue(self, reply: gateway.Message) -> int:
        with transaction():
            follower = followers.find(self.account_id, self.openid)
            assert follower is not None
            return sendings.queue(follower, reply, now=NOW).id

    def state(self, sending_id: int) -> Sending:
        with transaction():
            return session.get_one(Sending, sending_id)

    def shown(self) -> list[str]:
        chat = self.world.chats.of(self.citizen, self.appid)
        return [entry.body["text"] for entry in chat if entry.via == "custom"]


@pytest.fixture
def scene(own_database: str, redis_url: str, simulated: Simulate) -> Scene:
    return Scene(simulated)


def test_a_message_reaches_the_follower(scene: Scene) -> None:
    sending = scene.queue(replies.Text("后半段"))

    sendings.deliver(sending, now=NOW)
    sendings.deliver(sending, now=NOW)

    assert scene.state(sending).state is State.SENT
    assert scene.shown() == ["后半段"]


def test_content_of_every_kind_survives_being_stored(scene: Scene) -> None:
    article = replies.Article("标题", "摘要", "https://hub.example/a", "https://hub.example/a.png")
    kinds: list[gateway.Message] = [
        replies.Text("字"),
        replies.Image("m1"),
        replies.Voice("m2"),
        replies.Video("m3", "标题", "说明", "t1"),
        replies.Music("t2", "https://hub.example/a.mp3", title="歌"),
        replies.News((article,)),
    ]

    assert [sendings.unpack(sendings.pack(kind)) for kind in kinds] == kinds


def test_no_call_is_made_when_no_window_is_open(scene: Scene) -> None:
    sending = scene.queue(replies.Text("太晚了"))

    sendings.deliver(sending, now=NOW + timedelta(hours=49))

    assert scene.state(sending).state is State.REFUSED
    assert scene.shown() == []


def test_a_refusal_closes_the_windows_and_says_why(scene: Scene) -> None:
    acts.unfollow(scene.world, scene.citizen, scene.appid)
    first, second = scene.queue(replies.Text("一")), scene.queue(replies.Text("二"))

    sendings.deliver(first, now=NOW)
    asked = len(scene.world.journal.lines(what="api", path="/cgi-bin/message/custom/send"))
    sendings.deliver(second, now=NOW)

    assert scene.state(first).state is State.REFUSED
    assert scene.state(first).code is not None
    assert scene.state(first).problem
    assert scene.state(second).state is State.REFUSED
    assert asked == len(scene.world.journal.lines(what="api", path="/cgi-bin/message/custom/send"))


def test_when_wechat_is_busy_the_message_waits_for_the_next_try(scene: Scene) -> None:
    scene.world.faults.add({"kind": "busy", "path": "/cgi-bin/message/custom/send", "count": 1})
    sending = scene.queue(replies.Text("再来"))

    with pytest.raises(gateway.Temporary):
        sendings.deliver(sending, now=NOW)
    assert scene.state(sending).state is State.SENDING
    sendings.deliver(sending, now=NOW)

    assert scene.state(sending).state is State.SENT
    assert scene.shown() == ["再来"]


def test_a_message_that_was_taken_and_not_confirmed_is_not_sent_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_READ_TIMEOUT", "0.5")
    settings.forget()
    scene.world.faults.add(
        {"kind": "timeout_after_accepting", "path": "/cgi-bin/message/custom/send", "seconds": 2}
    )
    sending = scene.queue(replies.Text("一次"))

    sendings.deliver(sending, now=NOW)
    sendings.deliver(sending, now=NOW)

    assert scene.state(sending).state is State.UNCONFIRMED
    assert scene.shown() == ["一次"]


def test_messages_to_one_follower_go_out_one_after_another(scene: Scene) -> None:
    sendings_ = [scene.queue(replies.Text(part)) for part in ("一", "二", "三")]

    def asked_for() -> list[int]:
        with transaction():
            rows = session.scalars(select(Job).where(Job.name == sendings.DELIVER).order_by(Job.id))
            return [row.facts["sending_id"] for row in rows]

    assert asked_for() == sendings_[:1]
    sendings.deliver(sendings_[0], now=NOW)
    assert asked_for() == sendings_[:2]
    sendings.deliver(sendings_[1], now=NOW + timedelta(days=3))
    assert asked_for() == sendings_, "a refusal lets the next one go as well"


def test_what_could_not_be_sent_for_an_hour_is_given_up(scene: Scene) -> None:
    scene.world.faults.add({"kind": "busy", "path": "/cgi-bin/message/custom/send"})
    sending = scene.queue(replies.Text("一"))

    with pytest.raises(gateway.Temporary):
        sendings.deliver(sending, now=NOW + timedelta(minutes=59))
    sendings.deliver(sending, now=NOW + timedelta(minutes=61))

    assert scene.state(sending).state is State.REFUSED


def test_nothing_leaves_an_account_that_was_paused_meanwhile(scene: Scene) -> None:
    first, second = scene.queue(replies.Text("甲")), scene.queue(replies.Text("乙"))
    with transaction():
        accounts.pause(scene.account_id, reason="被冒用")

    for sending_id in (first, second):
        sendings.deliver(sending_id, now=NOW)

    assert scene.shown() == []
    assert [scene.state(one).state for one in (first, second)] == [State.REFUSED] * 2
    assert scene.state(first).problem == "账号已暂停"
