"""Errands of menus and codes, run by hand against the simulated WeChat."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import jobs as handlers
from config import clock, jobs
from config.alarms import Alarm
from config.database import session, transaction
from config.errors import Invalid
from config.jobs import Job
from config.jobs import State as JobState
from matrix import accounts, codes, menus
from matrix.menus import conditional, sights
from matrix.menus.conditional import ConditionalMenu, Wish
from matrix.wechat import tokens
from matrix.wechat.gateway import Audience
from simulator.world import World
from tests.fixtures import NOW
from tests.fixtures.hub import Hub
from tests.fixtures.simulated import Simulate
from tests.matrix.members import member

MIRRORED = ("appid", "original_id", "name", "secret", "token", "aes_key", "verified")
BUTTONS = menus.parse([{"name": "证件", "kind": "ask", "value": "身份证"}])
OTHERS = menus.parse([{"name": "安卓专用", "kind": "link", "value": "https://example.org/"}])
FOR_ANDROID = Wish("安卓", Audience(platform=2), OTHERS)


class Scene:
    """The police at the simulated WeChat."""

    def __init__(self, hub: Hub, simulate: Simulate) -> None:
        tokens.forget()
        self.appid = hub.keys["police"].appid
        with transaction():
            account = accounts.by_appid(self.appid)
            self.id = account.id
            mirrored = {name: getattr(account, name) for name in MIRRORED}
        self.world: World = simulate([mirrored]).world

    def follower(self, name: str, platform: int = 1) -> str:
        """Somebody who follows the account."""
        citizen = self.world.followers.add_citizen(name, platform=platform)
        now = self.world.clock.now()
        return self.world.followers.follow(citizen.id, self.appid, now=now, scene="").openid

    def shown_to(self, openid: str) -> list[str]:
        """The names of the buttons on somebody's phone."""
        follower = self.world.followers.known(self.appid, openid)
        citizen = self.world.followers.citizen(follower.citizen)
        return [button["name"] for button in self.world.menus.shown_to(follower, citizen)]

    def calls(self, path: str) -> int:
        """How often WeChat was asked for something."""
        return len(self.world.journal.lines(what="api", path=path))

    def push(self) -> int:
        """Show the menu for everybody. Returns its id."""
        with transaction():
            menu_id = menus.write(self.id, BUTTONS, now=NOW).id
        do_all(menus.PUSH)
        return menu_id


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(inside={}, outside={})


@pytest.fixture
def scene(hub: Hub, redis_url: str, simulated: Simulate) -> Scene:
    return Scene(hub, simulated)


def do_all(name: str) -> list[JobState | None]:
    """Do what waits under a name."""
    with transaction():
        waiting = select(Job.id).where(Job.name == name, Job.state == JobState.WAITING)
        ids = list(session.scalars(waiting.order_by(Job.id)))
    return [jobs.run(job_id, now=clock.now()) for job_id in ids]


def states(table: type[menus.Menu] | type[ConditionalMenu]) -> list[tuple[str, str | None]]:
    with transaction():
        rows = session.scalars(select(table).order_by(table.id))
        return [(row.state.value, row.problem) for row in rows]


# ---- pushing ----


def test_a_menu_that_wechat_refuses_fails_in_words_with_an_alarm(scene: Scene) -> None:
    long = menus.parse([{"name": "官网", "kind": "link", "value": "https://example.org/"}])
    with transaction():
        menu = menus.write(scene.id, long, now=NOW)
        menu.buttons = [{"name": "官网", "kind": "link", "value": "gopher://example.org"}]

    assert do_all(menus.PUSH) == [JobState.DONE]

    ((state, problem),) = states(menus.Menu)
    assert state == "failed"
    assert problem is not None
    assert "微信接口" in problem
    with transaction():
        assert "菜单推送失败" in session.scalars(select(Alarm.message)).one()


def test_a_busy_wechat_is_asked_again_and_the_reason_stands_beside(scene: Scene) -> None:
    scene.world.faults.add({"kind": "busy", "path": "/cgi-bin/menu/create"})
    with transaction():
        menus.write(scene.id, BUTTONS, now=NOW)

    assert do_all(menus.PUSH) == [JobState.WAITING]

    ((state, problem),) = states(menus.Menu)
    assert (state, bool(problem)) == ("waiting", True)


# ---- conditional menus ----


def test_a_conditional_menu_shows_to_those_it_is_for_and_leaves_again(scene: Scene) -> None:
    apple, android = scene.follower("李一"), scene.follower("李二", platform=2)
    scene.push()
    with transaction():
        menu_id = conditional.add(member(), scene.id, FOR_ANDROID, now=NOW).id
    do_all(conditional.ADD)

    assert (scene.shown_to(apple), scene.shown_to(android)) == (["证件"], ["安卓专用"])
    assert states(ConditionalMenu) == [("shown", None)]

    with transaction():
        conditional.remove(member(), menu_id)
    do_all(conditional.DELETE)
    assert scene.shown_to(android) == ["证件"]
    assert states(ConditionalMenu) == [("gone", None)]


def test_a_job_killed_after_the_call_does_not_make_a_second_menu(scene: Scene) -> None:
    scene.push()
    with transaction():
        menu = conditional.add(member(), scene.id, FOR_ANDROID, now=NOW)
        menu_id = menu.id
    do_all(conditional.ADD)
    with transaction():
        row = session.get_one(ConditionalMenu, menu_id)
        row.state, row.wechat_id = conditional.State.WAITING, None
        jobs.enqueue(conditional.ADD, menu_id=menu_id)

    do_all(conditional.ADD)

    assert scene.calls("/cgi-bin/menu/addconditional") == 1
    assert states(ConditionalMenu) == [("shown", None)]


def test_one_that_wechat_lost_already_is_gone_without_a_fuss(scene: Scene) -> None:
    scene.push()
    with transaction():
        menu_id = conditional.add(member(), scene.id, FOR_ANDROID, now=NOW).id
    do_all(conditional.ADD)
    scene.world.menus.delete(scene.appid)

    with transaction():
        conditional.remove(member(), menu_id)
    assert do_all(conditional.DELETE) == [JobState.DONE]

    assert states(ConditionalMenu) == [("gone", None)]


def test_one_taken_away_while_it_was_made_leaves_after_all(scene: Scene) -> None:
    android = scene.follower("李二", platform=2)
    scene.push()
    with transaction():
        menu_id = conditional.add(member(), scene.id, FOR_ANDROID, now=NOW).id
    do_all(conditional.ADD)
    with transaction():  # as if the removal had been done before the name was known
        row = session.get_one(ConditionalMenu, menu_id)
        wechat_id, row.wechat_id, row.state = row.wechat_id, None, conditional.State.GONE
        session.flush()
        conditional.added(menu_id, wechat_id or "")

    do_all(conditional.DELETE)

    assert scene.shown_to(android) == ["证件"]
    assert states(ConditionalMenu) == [("gone", None)]


def test_a_conditional_menu_needs_one_for_everybody_and_somebody_to_see_it(scene: Scene) -> None:
    with transaction(), pytest.raises(conditional.NoMenuYet):
        conditional.add(member(), scene.id, FOR_ANDROID, now=NOW)
    scene.push()
    for audience, field in (
        (Audience(), "tag"),
        (Audience(platform=9), "platform"),
        (Audience(tag_id=100), "tag"),
    ):
        with transaction(), pytest.raises(Invalid) as caught:
            conditional.add(member(), scene.id, Wish("某些人", audience, OTHERS), now=NOW)
        assert caught.value.field == field


# ---- looking ----


def test_looking_brings_the_menu_the_tags_and_what_others_made(scene: Scene) -> None:
    scene.world.tags.create(scene.appid, "老年人")
    scene.push()
    scene.world.menus.add_conditional(
        scene.appid,
        {
            "button": [{"type": "click", "name": "别处", "key": "k"}],
            "matchrule": {"client_platform_type": "1"},
        },
    )
    with transaction():
        assert sights.look(member(), scene.id, now=clock.now()).is_awaited

    assert do_all(sights.LOOK) == [JobState.DONE]

    with transaction():
        sight = sights.sight_for_staff(member(), scene.id)
        assert sight is not None
        assert (sight.is_open, sight.is_awaited) == (True, False)
        assert menus.compare(BUTTONS, menus.read(sight.buttons)) == ()
        assert sight.tag_name(sight.tags[0]["id"]) == "老年人"
        (found,) = conditional.conditionals_for_staff(member(), scene.id)
        assert (found.whom, found.state) == ("苹果手机", conditional.State.SHOWN)

    scene.world.menus.delete(scene.appid)
    with transaction():
        sights.look(member(), scene.id, now=clock.now())
    do_all(sights.LOOK)
    with transaction():
        assert conditional.conditionals_for_staff(member(), scene.id) == []


def test_a_menu_by_tag_is_tried_on_a_person(scene: Scene) -> None:
    openid, other = scene.follower("李一"), scene.follower("李二")
    tag = scene.world.tags.create(scene.appid, "老年人")
    scene.world.followers.known(scene.appid, openid).tags.append(tag.id)
    scene.push()
    with transaction():
        sights.look(member(), scene.id, now=clock.now())
    do_all(sights.LOOK)
    with transaction():
        wish = Wish("大字版", Audience(tag_id=tag.id), OTHERS)
        assert conditional.add(member(), scene.id, wish, now=NOW).whom == "老年人"
        for person in (openid, other, "nobody"):
            sights.try_on(member(), scene.id, person, now=clock.now())
    do_all(conditional.ADD)

    do_all(sights.TRY)

    with transaction():
        seen = {
            person: sights.sight_for_staff(member(), scene.id, person)
            for person in (openid, other, "nobody")
        }
        names = {person: [row["name"] for row in sight.buttons] for person, sight in seen.items()}
        assert (names[openid], names[other]) == (["安卓专用"], ["证件"])
        assert "个性化菜单" in (seen["nobody"].problem or "")
        sights.forget_persons(before=clock.now())
        assert sights.sight_for_staff(member(), scene.id, openid) is None
        assert sights.sight_for_staff(member(), scene.id) is not None


# ---- codes ----


@pytest.mark.parametrize("days", [None, 7])
def test_wechat_makes_a_code_and_its_scans_are_counted(
    scene: Scene, hub: Hub, days: int | None
) -> None:
    with transaction():
        code_id = codes.create(member(), scene.id, codes.Wish("窗口", "w1", days), now=NOW).id

    assert do_all(codes.MAKE) == [JobState.DONE]

    with transaction():
        code = codes.get(code_id)
        assert (code.state, bool(code.url)) == (codes.State.READY, True)
        assert (code.expires_at is None) == (days is None)
    hub.push("police", hub.event("o1", "subscribe", EventKey="qrscene_w1", Ticket="t"))
    hub.push("police", hub.event("o2", "SCAN", EventKey="w1", Ticket="t"))
    with transaction():
        codes.count(now=clock.now() + timedelta(minutes=3))
    with transaction():
        (listed,) = codes.codes_for_staff(member())
        assert (listed.followed, listed.scanned) == (1, 1)


def test_a_code_that_wechat_refuses_says_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.qrcodes.PERMANENT_MOST", 0)
    with transaction():
        code_id = codes.create(member(), scene.id, codes.Wish("窗口"), now=NOW).id

    do_all(codes.MAKE)

    with transaction():
        assert "上限" in (codes.get(code_id).problem or "")
