"""The jobs behind a talk, by hand, against the simulated WeChat."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app import scheduler, snapshots
from app.jobs import (
    blocklist_sync,
    conversation_updates,
    maintenance,
    media_transfers,
    message_delivery,
)
from app.jobs import registry as handlers
from config import clock, jobs
from config.database import session, transaction
from config.errors import Temporary
from config.jobs import Job
from config.permissions import Permission, PermissionScope, Principal
from matrix import blocklist, conversations, followers, inbox, media, outbound
from matrix.accounts import Account
from matrix.blocklist import WechatBlacklistState
from matrix.conversations import AgentReply, ConversationJob, ReplyForm
from matrix.followers import Follower
from matrix.inbox import InboxMessage, attachments
from matrix.staff import members
from matrix.wechat import passive_replies, tokens
from matrix.wechat.gateway import MediaKind
from simulator import citizen_actions
from simulator.accounts.followers import openid_of
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.wechat import RunningSimulator, StartSimulator

MIRRORED = ("appid", "original_id", "name", "secret", "token", "aes_key")
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20
KEY = "k" * 22


class SimulatedHub:
    """The police's account, a citizen who just wrote to it, and somebody who answers."""

    def __init__(self, hub: Hub, simulate: StartSimulator) -> None:
        tokens.reset()  # those of the last test's WeChat
        self.hub = hub
        self.appid = hub.keys["police"].appid
        with transaction():
            row = session.scalars(select(Account).where(Account.appid == self.appid)).one()
            self.account_id = row.id
            mirrored: dict[str, Any] = {name: getattr(row, name) for name in MIRRORED}
            person = members.create(sign_in_name="agent", name="客服", department_id=None, now=NOW)
            area = PermissionScope(accounts=frozenset({row.id}))
            self.agent = Principal(person.id, person.name, dict.fromkeys(Permission, area))
        self.wechat: RunningSimulator = simulate([mirrored])
        self.platform = self.wechat.platform
        self.citizen = self.platform.followers.list_citizens()[0].id
        self.openid = openid_of(self.citizen, self.appid)
        citizen_actions.follow(self.platform, self.citizen, self.appid)
        citizen_actions.send_text(self.platform, self.citizen, self.appid, "蜜蜂在窗外筑巢")
        self.push("蜜蜂在窗外筑巢")

    def push(self, words: str) -> None:
        assert self.hub.push("police", self.hub.text(self.openid, words)).status == 200

    @property
    def follower_id(self) -> int:
        with transaction():
            found = followers.find(self.account_id, self.openid)
            assert found is not None
            return found.id

    def gather(self) -> None:
        conversation_updates.update_conversations(now=clock.now())

    def is_waiting(self) -> bool:
        key = self.follower_id
        with transaction():
            return session.get_one(conversations.Conversation, key).waiting_since is not None

    def last_id(self) -> int:
        with transaction():
            return session.scalar(select(func.max(InboxMessage.id))) or 0

    def chat(self) -> list[dict[str, Any]]:
        chat = self.platform.chats.list_entries(self.citizen, self.appid)
        return [entry.body for entry in chat if entry.via == "custom"]


@pytest.fixture
def simulated_hub(
    hub: Hub, redis_url: str, start_simulator: StartSimulator
) -> Iterator[SimulatedHub]:
    yield SimulatedHub(hub, start_simulator)
    tokens.reset()


def test_the_scheduler_asks_as_soon_as_somebody_writes(simulated_hub: SimulatedHub) -> None:
    scheduler.request_conversation_refresh()
    scheduler.request_conversation_refresh()

    with transaction():
        asked = session.scalars(select(Job.id).where(Job.name == ConversationJob.REFRESH)).all()
    assert len(asked) == 1
    handlers.register()
    jobs.run(asked[0], now=clock.now())
    jobs.register(transactional={}, non_transactional={})
    assert simulated_hub.is_waiting()


def test_an_answer_reaches_the_citizen_and_settles_the_conversation(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.gather()
    follower_id, seen = simulated_hub.follower_id, simulated_hub.last_id()
    with transaction():
        given = conversations.reply_text(
            simulated_hub.agent, follower_id, "在的", form=ReplyForm(KEY, seen), now=clock.now()
        )
        sending_id = given.outbound_id
    assert sending_id is not None
    message_delivery.deliver_message(outbound_id=sending_id, now=clock.now())

    assert [body["text"] for body in simulated_hub.chat()] == ["在的"]
    assert not simulated_hub.is_waiting()


def test_an_answer_that_wechat_refuses_makes_the_conversation_wait_again(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.gather()
    follower_id, seen = simulated_hub.follower_id, simulated_hub.last_id()
    with transaction():
        given = conversations.reply_text(
            simulated_hub.agent, follower_id, "在的", form=ReplyForm(KEY, seen), now=clock.now()
        )
        sending_id = given.outbound_id
    assert sending_id is not None
    assert not simulated_hub.is_waiting()
    citizen_actions.unfollow(simulated_hub.platform, simulated_hub.citizen, simulated_hub.appid)
    message_delivery.deliver_message(outbound_id=sending_id, now=clock.now())

    assert simulated_hub.is_waiting()


def test_a_picture_is_uploaded_and_sent_once(simulated_hub: SimulatedHub) -> None:
    answer_id = ask_for_picture(simulated_hub)
    for _ in range(2):
        message_delivery.send_image(agent_reply_id=answer_id, now=clock.now())
    with transaction():
        (sending,) = outbound.list_for_follower(followers_id(simulated_hub))
        sending_id = sending.id
    message_delivery.deliver_message(outbound_id=sending_id, now=clock.now())

    assert len(simulated_hub.chat()) == 1
    assert (
        len(
            simulated_hub.platform.request_log.list_entries(
                what="api", path="/cgi-bin/media/upload"
            )
        )
        == 1
    )


def test_a_picture_that_wechat_does_not_take_is_lost_and_says_why(
    simulated_hub: SimulatedHub,
) -> None:
    answer_id = ask_for_picture(simulated_hub)
    invalidate_secret(simulated_hub)
    message_delivery.send_image(agent_reply_id=answer_id, now=clock.now())

    with transaction():
        assert session.get_one(AgentReply, answer_id).problem
    assert simulated_hub.is_waiting()


def ask_for_picture(simulated_hub: SimulatedHub) -> int:
    simulated_hub.gather()
    follower_id, seen = simulated_hub.follower_id, simulated_hub.last_id()
    with transaction():
        file = media.save("大厅图", MediaKind.IMAGE, PICTURE, digest="d", now=NOW)
        return conversations.reply_image(
            simulated_hub.agent, follower_id, file.id, form=ReplyForm(KEY, seen), now=clock.now()
        ).id


def followers_id(simulated_hub: SimulatedHub) -> int:
    found = session.scalars(select(Follower).where(Follower.openid == simulated_hub.openid)).one()
    return found.id


def invalidate_secret(simulated_hub: SimulatedHub) -> None:
    """WeChat no longer knows the account's secret."""
    known = simulated_hub.platform.accounts.get(simulated_hub.appid)
    simulated_hub.platform.accounts.add(replace(known, secret="s" * 32))
    simulated_hub.platform.tokens.revoke_all(simulated_hub.appid)
    tokens.reset()


# ---- what the citizen enclosed ----


def picture_from_citizen(simulated_hub: SimulatedHub, media_id: str) -> int:
    with transaction():
        last = session.scalars(select(InboxMessage).order_by(InboxMessage.id.desc())).first()
        assert last is not None
        last.kind, last.content = "image", {"media_id": media_id}
        key = last.id
    follower_id = simulated_hub.follower_id
    with transaction():
        attachments.request(simulated_hub.agent, follower_id, key, now=NOW)
    return key


def test_a_picture_of_a_citizen_is_fetched(simulated_hub: SimulatedHub) -> None:
    medium = simulated_hub.platform.media.add_temporary(
        simulated_hub.appid, "image", "a.png", PICTURE
    )
    key = picture_from_citizen(simulated_hub, medium.id)
    for _ in range(2):
        media_transfers.download_attachment(inbox_id=key, now=clock.now())

    with transaction():
        kept = session.get_one(attachments.Attachment, key)
        assert (kept.mime, kept.body) == ("image/png", PICTURE)
    assert (
        len(simulated_hub.platform.request_log.list_entries(what="api", path="/cgi-bin/media/get"))
        == 1
    )


def test_a_picture_that_lapsed_is_lost_and_says_why(simulated_hub: SimulatedHub) -> None:
    key = picture_from_citizen(simulated_hub, "lapsed")
    media_transfers.download_attachment(inbox_id=key, now=clock.now())

    with transaction():
        lost = session.get_one(attachments.Attachment, key)
        assert lost.state is attachments.AttachmentState.FAILED
        assert lost.problem


# ---- blocks ----


def test_a_blocked_follower_gets_silence_but_is_heard_in_danger(
    simulated_hub: SimulatedHub,
) -> None:
    follower_id = simulated_hub.follower_id
    answered = simulated_hub.hub.push(
        "police", simulated_hub.hub.text(simulated_hub.openid, "身份证")
    )
    assert answered.text == "请到派出所办理。"
    with transaction():
        blocklist.block(
            simulated_hub.agent, follower_id, reason="谩骂", also_at_wechat=False, now=NOW
        )
    snapshots.refresh()

    assert (
        simulated_hub.hub.push(
            "police", simulated_hub.hub.text(simulated_hub.openid, "身份证")
        ).body
        == "success"
    )
    assert simulated_hub.hub.push("police", simulated_hub.hub.text("other", "身份证")).text
    assert simulated_hub.hub.push(
        "police", simulated_hub.hub.text(simulated_hub.openid, "有人跳河了，救命")
    ).text

    with transaction():
        blocklist.unblock(simulated_hub.agent, follower_id)
    snapshots.refresh()
    assert simulated_hub.hub.push(
        "police", simulated_hub.hub.text(simulated_hub.openid, "身份证")
    ).text


def test_wechats_own_blacklist_follows(simulated_hub: SimulatedHub) -> None:
    follower_id = simulated_hub.follower_id
    with transaction():
        blocklist.block(
            simulated_hub.agent, follower_id, reason="谩骂", also_at_wechat=True, now=NOW
        )
    for _ in range(2):
        blocklist_sync.update_blacklist(follower_id=follower_id, now=clock.now())
    assert blacklisted(simulated_hub)
    with transaction():
        found = blocklist.find(follower_id)
        assert found is not None
        assert found.at_wechat is WechatBlacklistState.DONE
        blocklist.unblock(simulated_hub.agent, follower_id)
    blocklist_sync.update_blacklist(follower_id=follower_id, now=clock.now())
    assert not blacklisted(simulated_hub)


def test_when_wechat_is_busy_the_blacklist_is_updated_later(simulated_hub: SimulatedHub) -> None:
    follower_id = simulated_hub.follower_id
    path = "/cgi-bin/tags/members/batchblacklist"
    simulated_hub.platform.faults.add({"kind": "busy", "path": path, "count": 1})
    with transaction():
        blocklist.block(
            simulated_hub.agent, follower_id, reason="谩骂", also_at_wechat=True, now=NOW
        )
    with pytest.raises(Temporary):
        blocklist_sync.update_blacklist(follower_id=follower_id, now=clock.now())
    blocklist_sync.update_blacklist(follower_id=follower_id, now=clock.now())

    assert blacklisted(simulated_hub)


def test_a_block_that_wechat_refuses_is_written_down(simulated_hub: SimulatedHub) -> None:
    follower_id = simulated_hub.follower_id
    invalidate_secret(simulated_hub)
    with transaction():
        blocklist.block(
            simulated_hub.agent, follower_id, reason="谩骂", also_at_wechat=True, now=NOW
        )
    blocklist_sync.update_blacklist(follower_id=follower_id, now=clock.now())

    with transaction():
        found = blocklist.find(follower_id)
        assert found is not None
        assert found.at_wechat is WechatBlacklistState.FAILED
        assert found.problem


def blacklisted(simulated_hub: SimulatedHub) -> bool:
    return simulated_hub.platform.followers.get_by_openid(
        simulated_hub.appid, simulated_hub.openid
    ).blacklisted


# ---- tidying ----


def test_what_is_old_goes_in_the_order_that_keys_allow(
    simulated_hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated_hub.gather()
    follower_id, last = simulated_hub.follower_id, simulated_hub.last_id()
    with transaction():
        follower = session.get_one(Follower, follower_id)
        outbound.enqueue(follower, passive_replies.Text("后半段"), now=clock.now(), inbox_id=last)
        conversations.reply_text(
            simulated_hub.agent, follower_id, "在的", form=ReplyForm(KEY, last), now=clock.now()
        )
    key = picture_from_citizen(simulated_hub, "m1")
    assert key == last
    later = clock.now() + (NOW - NOW.replace(year=NOW.year - 4))
    with transaction():
        maintenance.purge_expired(now=later)

    with transaction():
        for table in (
            outbound.OutboundMessage,
            inbox.InboxMessage,
            AgentReply,
            attachments.Attachment,
            conversations.Conversation,
        ):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.get(Follower, follower_id) is not None
