"""The jobs behind a talk, by hand, against the simulated WeChat."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app import jobs as handlers
from app import live, scheduler
from config import clock, jobs
from config.database import session, transaction
from config.errors import Temporary
from config.jobs import Job
from config.tenancy import Area, Member, Right
from matrix import blocks, enclosures, followers, inbox, media, sendings, talks
from matrix.accounts import Account
from matrix.blocks import AtWechat
from matrix.followers import Follower
from matrix.inbox import Inbound
from matrix.staff import people
from matrix.talks import Answer, Said
from matrix.wechat import replies, tokens
from matrix.wechat.gateway import MediaKind
from simulator import acts
from simulator.followers import openid_of
from tests.fixtures import NOW
from tests.fixtures.hub import Hub
from tests.fixtures.simulated import Simulate, Simulated

MIRRORED = ("appid", "original_id", "name", "secret", "token", "aes_key")
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20
KEY = "k" * 22


class Scene:
    """The police's account, a citizen who just wrote to it, and somebody who answers."""

    def __init__(self, hub: Hub, simulate: Simulate) -> None:
        tokens.forget()  # those of the last test's WeChat
        self.hub = hub
        self.appid = hub.keys["police"].appid
        with transaction():
            row = session.scalars(select(Account).where(Account.appid == self.appid)).one()
            self.account_id = row.id
            mirrored: dict[str, Any] = {name: getattr(row, name) for name in MIRRORED}
            person = people.add(sign_in_name="agent", name="客服", department_id=None, now=NOW)
            area = Area(accounts=frozenset({row.id}))
            self.agent = Member(person.id, person.name, dict.fromkeys(Right, area))
        self.wechat: Simulated = simulate([mirrored])
        self.world = self.wechat.world
        self.citizen = self.world.followers.citizens()[0].id
        self.openid = openid_of(self.citizen, self.appid)
        acts.follow(self.world, self.citizen, self.appid)
        acts.say(self.world, self.citizen, self.appid, "在吗")
        self.push("在吗")

    def push(self, words: str) -> None:
        assert self.hub.push("police", self.hub.text(self.openid, words)).status == 200

    @property
    def follower_id(self) -> int:
        with transaction():
            found = followers.find(self.account_id, self.openid)
            assert found is not None
            return found.id

    def gather(self) -> None:
        handlers.gather_talks(now=clock.now())

    def is_waiting(self) -> bool:
        key = self.follower_id
        with transaction():
            return session.get_one(talks.Talk, key).waiting_since is not None

    def last_id(self) -> int:
        with transaction():
            return session.scalar(select(func.max(Inbound.id))) or 0

    def chat(self) -> list[dict[str, Any]]:
        chat = self.world.chats.of(self.citizen, self.appid)
        return [entry.body for entry in chat if entry.via == "custom"]


@pytest.fixture
def scene(hub: Hub, redis_url: str, simulated: Simulate) -> Iterator[Scene]:
    yield Scene(hub, simulated)
    tokens.forget()


def test_the_scheduler_asks_as_soon_as_somebody_writes(scene: Scene) -> None:
    scheduler.look_for_talks()
    scheduler.look_for_talks()

    with transaction():
        asked = session.scalars(select(Job.id).where(Job.name == talks.GATHER)).all()
    assert len(asked) == 1
    handlers.register()
    jobs.run(asked[0], now=clock.now())
    jobs.register(inside={}, outside={})
    assert scene.is_waiting()


def test_an_answer_reaches_the_citizen_and_settles_the_talk(scene: Scene) -> None:
    scene.gather()
    follower_id, seen = scene.follower_id, scene.last_id()
    with transaction():
        given = talks.answer_text(
            scene.agent, follower_id, "在的", said=Said(KEY, seen), now=clock.now()
        )
        sending_id = given.sending_id
    assert sending_id is not None
    handlers.deliver(sending_id=sending_id, now=clock.now())

    assert [body["text"] for body in scene.chat()] == ["在的"]
    assert not scene.is_waiting()


def test_an_answer_that_wechat_refuses_makes_the_talk_wait_again(scene: Scene) -> None:
    scene.gather()
    follower_id, seen = scene.follower_id, scene.last_id()
    with transaction():
        given = talks.answer_text(
            scene.agent, follower_id, "在的", said=Said(KEY, seen), now=clock.now()
        )
        sending_id = given.sending_id
    assert sending_id is not None
    assert not scene.is_waiting()
    acts.unfollow(scene.world, scene.citizen, scene.appid)
    handlers.deliver(sending_id=sending_id, now=clock.now())

    assert scene.is_waiting()


def test_a_picture_is_uploaded_and_sent_once(scene: Scene) -> None:
    answer_id = ask_for_picture(scene)
    for _ in range(2):
        handlers.send_picture(answer_id=answer_id, now=clock.now())
    with transaction():
        (sending,) = sendings.of_follower(followers_id(scene))
        sending_id = sending.id
    handlers.deliver(sending_id=sending_id, now=clock.now())

    assert len(scene.chat()) == 1
    assert len(scene.world.journal.lines(what="api", path="/cgi-bin/media/upload")) == 1


def test_a_picture_that_wechat_does_not_take_is_lost_and_says_why(scene: Scene) -> None:
    answer_id = ask_for_picture(scene)
    lock_out(scene)
    handlers.send_picture(answer_id=answer_id, now=clock.now())

    with transaction():
        assert session.get_one(Answer, answer_id).problem
    assert scene.is_waiting()


def ask_for_picture(scene: Scene) -> int:
    scene.gather()
    follower_id, seen = scene.follower_id, scene.last_id()
    with transaction():
        file = media.keep("大厅图", MediaKind.IMAGE, PICTURE, digest="d", now=NOW)
        return talks.answer_picture(
            scene.agent, follower_id, file.id, said=Said(KEY, seen), now=clock.now()
        ).id


def followers_id(scene: Scene) -> int:
    found = session.scalars(select(Follower).where(Follower.openid == scene.openid)).one()
    return found.id


def lock_out(scene: Scene) -> None:
    """WeChat no longer knows the account's secret."""
    known = scene.world.accounts.get(scene.appid)
    scene.world.accounts.add(replace(known, secret="s" * 32))
    scene.world.tokens.kill(scene.appid)
    tokens.forget()


# ---- what the citizen enclosed ----


def picture_from_citizen(scene: Scene, media_id: str) -> int:
    with transaction():
        last = session.scalars(select(Inbound).order_by(Inbound.id.desc())).first()
        assert last is not None
        last.kind, last.content = "image", {"media_id": media_id}
        key = last.id
    follower_id = scene.follower_id
    with transaction():
        enclosures.ask(scene.agent, follower_id, key, now=NOW)
    return key


def test_a_picture_of_a_citizen_is_fetched(scene: Scene) -> None:
    medium = scene.world.media.add_temporary(scene.appid, "image", "a.png", PICTURE)
    key = picture_from_citizen(scene, medium.id)
    for _ in range(2):
        handlers.fetch_enclosure(inbox_id=key, now=clock.now())

    with transaction():
        kept = session.get_one(enclosures.Enclosure, key)
        assert (kept.mime, kept.body) == ("image/png", PICTURE)
    assert len(scene.world.journal.lines(what="api", path="/cgi-bin/media/get")) == 1


def test_a_picture_that_lapsed_is_lost_and_says_why(scene: Scene) -> None:
    key = picture_from_citizen(scene, "lapsed")
    handlers.fetch_enclosure(inbox_id=key, now=clock.now())

    with transaction():
        lost = session.get_one(enclosures.Enclosure, key)
        assert lost.state is enclosures.State.LOST
        assert lost.problem


# ---- blocks ----


def test_a_blocked_follower_gets_silence_but_is_heard_in_danger(scene: Scene) -> None:
    follower_id = scene.follower_id
    answered = scene.hub.push("police", scene.hub.text(scene.openid, "身份证"))
    assert answered.text == "请到派出所办理。"
    with transaction():
        blocks.block(scene.agent, follower_id, reason="谩骂", also_at_wechat=False, now=NOW)
    live.refresh()

    assert scene.hub.push("police", scene.hub.text(scene.openid, "身份证")).body == "success"
    assert scene.hub.push("police", scene.hub.text("other", "身份证")).text
    assert scene.hub.push("police", scene.hub.text(scene.openid, "有人跳河了，救命")).text

    with transaction():
        blocks.lift(scene.agent, follower_id)
    live.refresh()
    assert scene.hub.push("police", scene.hub.text(scene.openid, "身份证")).text


def test_wechats_own_blacklist_follows(scene: Scene) -> None:
    follower_id = scene.follower_id
    with transaction():
        blocks.block(scene.agent, follower_id, reason="谩骂", also_at_wechat=True, now=NOW)
    for _ in range(2):
        handlers.carry_block(follower_id=follower_id, now=clock.now())
    assert blacklisted(scene)
    with transaction():
        found = blocks.of(follower_id)
        assert found is not None
        assert found.at_wechat is AtWechat.DONE
        blocks.lift(scene.agent, follower_id)
    handlers.carry_block(follower_id=follower_id, now=clock.now())
    assert not blacklisted(scene)


def test_when_wechat_is_busy_the_block_is_carried_later(scene: Scene) -> None:
    follower_id = scene.follower_id
    path = "/cgi-bin/tags/members/batchblacklist"
    scene.world.faults.add({"kind": "busy", "path": path, "count": 1})
    with transaction():
        blocks.block(scene.agent, follower_id, reason="谩骂", also_at_wechat=True, now=NOW)
    with pytest.raises(Temporary):
        handlers.carry_block(follower_id=follower_id, now=clock.now())
    handlers.carry_block(follower_id=follower_id, now=clock.now())

    assert blacklisted(scene)


def test_a_block_that_wechat_refuses_is_written_down(scene: Scene) -> None:
    follower_id = scene.follower_id
    lock_out(scene)
    with transaction():
        blocks.block(scene.agent, follower_id, reason="谩骂", also_at_wechat=True, now=NOW)
    handlers.carry_block(follower_id=follower_id, now=clock.now())

    with transaction():
        found = blocks.of(follower_id)
        assert found is not None
        assert found.at_wechat is AtWechat.FAILED
        assert found.problem


def blacklisted(scene: Scene) -> bool:
    return scene.world.followers.known(scene.appid, scene.openid).blacklisted


# ---- tidying ----


def test_what_is_old_goes_in_the_order_that_keys_allow(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.gather()
    follower_id, last = scene.follower_id, scene.last_id()
    with transaction():
        follower = session.get_one(Follower, follower_id)
        sendings.queue(follower, replies.Text("后半段"), now=clock.now(), inbox_id=last)
        talks.answer_text(scene.agent, follower_id, "在的", said=Said(KEY, last), now=clock.now())
    key = picture_from_citizen(scene, "m1")
    assert key == last
    later = clock.now() + (NOW - NOW.replace(year=NOW.year - 4))
    with transaction():
        handlers.tidy(now=later)

    with transaction():
        for table in (sendings.Sending, inbox.Inbound, Answer, enclosures.Enclosure, talks.Talk):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.get(Follower, follower_id) is not None
