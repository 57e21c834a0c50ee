"""Outbound messages: within their windows, and once where that can be known."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.jobs import message_delivery
from config import settings
from config.database import session, transaction
from config.jobs import Job
from matrix import accounts, departments, followers, outbound
from matrix.outbound import OutboundJob, OutboundMessage, OutboundState
from matrix.wechat import gateway, passive_replies, tokens
from simulator import citizen_actions
from simulator.accounts.followers import openid_of
from tests.helpers import NOW
from tests.helpers.wechat import RunningSimulator, StartSimulator
from tests.matrix.conftest import account_spec

NAMES = ("appid", "original_id", "name", "secret", "token", "aes_key")


class SimulatedHub:
    """One account, known to us and to WeChat, and one follower who just wrote."""

    def __init__(self, simulate: StartSimulator) -> None:
        tokens.reset()  # those of the last test's WeChat
        with transaction():
            owner = departments.create(slug="police", name="公安局", kind="", now=NOW)
            account = accounts.create(account_spec(owner), now=NOW)
            self.account_id, self.appid = account.id, account.appid
            mirrored: dict[str, Any] = {name: getattr(account, name) for name in NAMES}
        self.wechat: RunningSimulator = simulate([mirrored])
        self.platform = self.wechat.platform
        self.citizen = self.platform.followers.list_citizens()[0].id
        citizen_actions.follow(self.platform, self.citizen, self.appid)
        citizen_actions.send_text(self.platform, self.citizen, self.appid, "你好")
        self.openid = openid_of(self.citizen, self.appid)
        with transaction():
            followers.record_message(self.account_id, self.openid, now=NOW)

    def queue(self, reply: gateway.Message) -> int:
        with transaction():
            follower = followers.find(self.account_id, self.openid)
            assert follower is not None
            return outbound.enqueue(follower, reply, now=NOW).id

    def state(self, sending_id: int) -> OutboundMessage:
        with transaction():
            return session.get_one(OutboundMessage, sending_id)

    def shown(self) -> list[str]:
        chat = self.platform.chats.list_entries(self.citizen, self.appid)
        return [entry.body["text"] for entry in chat if entry.via == "custom"]


@pytest.fixture
def simulated_hub(
    own_database: str, redis_url: str, start_simulator: StartSimulator
) -> SimulatedHub:
    return SimulatedHub(start_simulator)


def test_a_message_reaches_the_follower(simulated_hub: SimulatedHub) -> None:
    sending = simulated_hub.queue(passive_replies.Text("后半段"))

    message_delivery.deliver_message(outbound_id=sending, now=NOW)
    message_delivery.deliver_message(outbound_id=sending, now=NOW)

    assert simulated_hub.state(sending).state is OutboundState.SENT
    assert simulated_hub.shown() == ["后半段"]


def test_content_of_every_kind_survives_being_stored(simulated_hub: SimulatedHub) -> None:
    article = passive_replies.Article(
        "标题", "摘要", "https://hub.example/a", "https://hub.example/a.png"
    )
    kinds: list[gateway.Message] = [
        passive_replies.Text("字"),
        passive_replies.Image("m1"),
        passive_replies.Voice("m2"),
        passive_replies.Video("m3", "标题", "说明", "t1"),
        passive_replies.Music("t2", "https://hub.example/a.mp3", title="歌"),
        passive_replies.News((article,)),
    ]

    assert [outbound.deserialize(outbound.serialize(kind)) for kind in kinds] == kinds


def test_no_call_is_made_when_no_window_is_open(simulated_hub: SimulatedHub) -> None:
    sending = simulated_hub.queue(passive_replies.Text("太晚了"))

    message_delivery.deliver_message(outbound_id=sending, now=NOW + timedelta(hours=49))

    assert simulated_hub.state(sending).state is OutboundState.REFUSED
    assert simulated_hub.shown() == []


def test_a_refusal_closes_the_windows_and_says_why(simulated_hub: SimulatedHub) -> None:
    citizen_actions.unfollow(simulated_hub.platform, simulated_hub.citizen, simulated_hub.appid)
    first, second = (
        simulated_hub.queue(passive_replies.Text("一")),
        simulated_hub.queue(passive_replies.Text("二")),
    )

    message_delivery.deliver_message(outbound_id=first, now=NOW)
    asked = len(
        simulated_hub.platform.request_log.list_entries(
            what="api", path="/cgi-bin/message/custom/send"
        )
    )
    message_delivery.deliver_message(outbound_id=second, now=NOW)

    assert simulated_hub.state(first).state is OutboundState.REFUSED
    assert simulated_hub.state(first).errcode is not None
    assert simulated_hub.state(first).problem
    assert simulated_hub.state(second).state is OutboundState.REFUSED
    assert asked == len(
        simulated_hub.platform.request_log.list_entries(
            what="api", path="/cgi-bin/message/custom/send"
        )
    )


def test_when_wechat_is_busy_the_message_waits_for_the_next_try(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.platform.faults.add(
        {"kind": "busy", "path": "/cgi-bin/message/custom/send", "count": 1}
    )
    sending = simulated_hub.queue(passive_replies.Text("再来"))

    with pytest.raises(gateway.Temporary):
        message_delivery.deliver_message(outbound_id=sending, now=NOW)
    assert simulated_hub.state(sending).state is OutboundState.SENDING
    message_delivery.deliver_message(outbound_id=sending, now=NOW)

    assert simulated_hub.state(sending).state is OutboundState.SENT
    assert simulated_hub.shown() == ["再来"]


def test_a_message_that_was_taken_and_not_confirmed_is_not_sent_twice(
    simulated_hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_READ_TIMEOUT", "0.5")
    settings.reset()
    simulated_hub.platform.faults.add(
        {"kind": "timeout_after_accepting", "path": "/cgi-bin/message/custom/send", "seconds": 2}
    )
    sending = simulated_hub.queue(passive_replies.Text("一次"))

    message_delivery.deliver_message(outbound_id=sending, now=NOW)
    message_delivery.deliver_message(outbound_id=sending, now=NOW)

    assert simulated_hub.state(sending).state is OutboundState.UNCONFIRMED
    assert simulated_hub.shown() == ["一次"]


def test_messages_to_one_follower_go_out_one_after_another(simulated_hub: SimulatedHub) -> None:
    sendings_ = [simulated_hub.queue(passive_replies.Text(part)) for part in ("一", "二", "三")]

    def asked_for() -> list[int]:
        with transaction():
            rows = session.scalars(
                select(Job).where(Job.name == OutboundJob.DELIVER).order_by(Job.id)
            )
            return [row.payload["outbound_id"] for row in rows]

    assert asked_for() == sendings_[:1]
    message_delivery.deliver_message(outbound_id=sendings_[0], now=NOW)
    assert asked_for() == sendings_[:2]
    message_delivery.deliver_message(outbound_id=sendings_[1], now=NOW + timedelta(days=3))
    assert asked_for() == sendings_, "a refusal lets the next one go as well"


def test_what_could_not_be_sent_for_an_hour_is_given_up(simulated_hub: SimulatedHub) -> None:
    simulated_hub.platform.faults.add({"kind": "busy", "path": "/cgi-bin/message/custom/send"})
    sending = simulated_hub.queue(passive_replies.Text("一"))

    with pytest.raises(gateway.Temporary):
        message_delivery.deliver_message(outbound_id=sending, now=NOW + timedelta(minutes=59))
    message_delivery.deliver_message(outbound_id=sending, now=NOW + timedelta(minutes=61))

    assert simulated_hub.state(sending).state is OutboundState.REFUSED


def test_nothing_leaves_an_account_that_was_paused_meanwhile(simulated_hub: SimulatedHub) -> None:
    first, second = (
        simulated_hub.queue(passive_replies.Text("甲")),
        simulated_hub.queue(passive_replies.Text("乙")),
    )
    with transaction():
        accounts.pause(simulated_hub.account_id, reason="被冒用")

    for sending_id in (first, second):
        message_delivery.deliver_message(outbound_id=sending_id, now=NOW)

    assert simulated_hub.shown() == []
    assert [simulated_hub.state(one).state for one in (first, second)] == [
        OutboundState.REFUSED
    ] * 2
    assert simulated_hub.state(first).problem == "账号已暂停"
