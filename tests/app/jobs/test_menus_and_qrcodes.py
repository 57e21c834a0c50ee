"""Errands of menus and codes, run by hand against the simulated WeChat."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.jobs import registry as handlers
from config import clock, jobs
from config.alerts import Alert
from config.database import session, transaction
from config.errors import Invalid
from config.jobs import Job, JobState
from matrix import accounts, menus, qrcodes
from matrix.menus import conditional, remote_state
from matrix.menus.conditional import ConditionalMenu, ConditionalMenuSpec
from matrix.wechat import tokens
from matrix.wechat.gateway import Audience
from simulator.platform import Platform
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.principals import principal
from tests.helpers.wechat import StartSimulator

MIRRORED = ("appid", "original_id", "name", "secret", "token", "aes_key", "verified")
BUTTONS = menus.parse([{"name": "证件", "kind": "ask", "value": "身份证"}])
OTHERS = menus.parse([{"name": "安卓专用", "kind": "link", "value": "https://example.org/"}])
FOR_ANDROID = ConditionalMenuSpec(name="安卓", audience=Audience(platform=2), buttons=OTHERS)


class SimulatedHub:
    """The police at the simulated WeChat."""

    def __init__(self, hub: Hub, simulate: StartSimulator) -> None:
        tokens.reset()
        self.appid = hub.keys["police"].appid
        with transaction():
            account = accounts.get_by_appid(self.appid)
            self.id = account.id
            mirrored = {name: getattr(account, name) for name in MIRRORED}
        self.platform: Platform = simulate([mirrored]).platform

    def follower(self, name: str, platform: int = 1) -> str:
        """Somebody who follows the account."""
        citizen = self.platform.followers.add_citizen(name, platform=platform)
        now = self.platform.clock.now()
        return self.platform.followers.follow(citizen.id, self.appid, now=now, scene="").openid

    def shown_to(self, openid: str) -> list[str]:
        """The names of the buttons on somebody's phone."""
        follower = self.platform.followers.get_by_openid(self.appid, openid)
        citizen = self.platform.followers.get_citizen(follower.citizen)
        return [button["name"] for button in self.platform.menus.menu_for(follower, citizen)]

    def calls(self, path: str) -> int:
        """How often WeChat was asked for something."""
        return len(self.platform.request_log.list_entries(what="api", path=path))

    def push(self) -> int:
        """Show the menu for everybody. Returns its id."""
        with transaction():
            menu_id = menus.save_from_file(self.id, BUTTONS, now=NOW).id
        run_waiting(menus.MenuJob.PUSH)
        return menu_id


@pytest.fixture(autouse=True)
def registered_jobs() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(transactional={}, non_transactional={})


@pytest.fixture
def simulated_hub(hub: Hub, redis_url: str, start_simulator: StartSimulator) -> SimulatedHub:
    return SimulatedHub(hub, start_simulator)


def run_waiting(name: str) -> list[JobState | None]:
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


def test_a_menu_that_wechat_refuses_shows_the_reason_and_raises_an_alert(
    simulated_hub: SimulatedHub,
) -> None:
    long = menus.parse([{"name": "官网", "kind": "link", "value": "https://example.org/"}])
    with transaction():
        menu = menus.save_from_file(simulated_hub.id, long, now=NOW)
        menu.buttons = [{"name": "官网", "kind": "link", "value": "gopher://example.org"}]

    assert run_waiting(menus.MenuJob.PUSH) == [JobState.DONE]

    ((state, problem),) = states(menus.Menu)
    assert state == "failed"
    assert problem is not None
    assert "微信接口" in problem
    with transaction():
        alert = session.scalars(select(Alert)).one()
        assert "菜单推送失败" in alert.message
        assert alert.object_id == menu.id, "the page of this version says why"


def test_a_busy_wechat_is_asked_again_and_the_reason_stands_beside(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.platform.faults.add({"kind": "busy", "path": "/cgi-bin/menu/create"})
    with transaction():
        menus.save_from_file(simulated_hub.id, BUTTONS, now=NOW)

    assert run_waiting(menus.MenuJob.PUSH) == [JobState.WAITING]

    ((state, problem),) = states(menus.Menu)
    assert (state, bool(problem)) == ("waiting", True)


# ---- conditional menus ----


def test_a_conditional_menu_shows_to_those_it_is_for_and_leaves_again(
    simulated_hub: SimulatedHub,
) -> None:
    apple, android = simulated_hub.follower("李一"), simulated_hub.follower("李二", platform=2)
    simulated_hub.push()
    with transaction():
        menu_id = conditional.create(principal(), simulated_hub.id, FOR_ANDROID, now=NOW).id
    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)

    assert (simulated_hub.shown_to(apple), simulated_hub.shown_to(android)) == (
        ["证件"],
        ["安卓专用"],
    )
    assert states(ConditionalMenu) == [("published", None)]

    with transaction():
        conditional.delete(principal(), menu_id)
    run_waiting(menus.MenuJob.DELETE_CONDITIONAL)
    assert simulated_hub.shown_to(android) == ["证件"]
    assert states(ConditionalMenu) == [("deleted", None)]


def test_a_job_killed_after_the_call_does_not_make_a_second_menu(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.push()
    with transaction():
        menu = conditional.create(principal(), simulated_hub.id, FOR_ANDROID, now=NOW)
        menu_id = menu.id
    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)
    with transaction():
        row = session.get_one(ConditionalMenu, menu_id)
        row.state, row.wechat_id = conditional.ConditionalMenuState.WAITING, None
        jobs.enqueue(menus.MenuJob.CREATE_CONDITIONAL, menu_id=menu_id)

    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)

    assert simulated_hub.calls("/cgi-bin/menu/addconditional") == 1
    assert states(ConditionalMenu) == [("published", None)]


def test_a_conditional_menu_missing_at_wechat_is_deleted_silently(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.push()
    with transaction():
        menu_id = conditional.create(principal(), simulated_hub.id, FOR_ANDROID, now=NOW).id
    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)
    simulated_hub.platform.menus.delete(simulated_hub.appid)

    with transaction():
        conditional.delete(principal(), menu_id)
    assert run_waiting(menus.MenuJob.DELETE_CONDITIONAL) == [JobState.DONE]

    assert states(ConditionalMenu) == [("deleted", None)]


def test_a_conditional_menu_deleted_while_being_created_is_removed(
    simulated_hub: SimulatedHub,
) -> None:
    android = simulated_hub.follower("李二", platform=2)
    simulated_hub.push()
    with transaction():
        menu_id = conditional.create(principal(), simulated_hub.id, FOR_ANDROID, now=NOW).id
    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)
    with transaction():  # as if the removal had been done before the name was known
        row = session.get_one(ConditionalMenu, menu_id)
        wechat_id, row.wechat_id, row.state = (
            row.wechat_id,
            None,
            conditional.ConditionalMenuState.DELETED,
        )
        session.flush()
        conditional.mark_published(menu_id, wechat_id or "")

    run_waiting(menus.MenuJob.DELETE_CONDITIONAL)

    assert simulated_hub.shown_to(android) == ["证件"]
    assert states(ConditionalMenu) == [("deleted", None)]


def test_a_conditional_menu_needs_one_for_everybody_and_somebody_to_see_it(
    simulated_hub: SimulatedHub,
) -> None:
    with transaction(), pytest.raises(conditional.NoMenuYet):
        conditional.create(principal(), simulated_hub.id, FOR_ANDROID, now=NOW)
    simulated_hub.push()
    for audience, field in (
        (Audience(), "tag"),
        (Audience(platform=9), "platform"),
        (Audience(tag_id=100), "tag"),
    ):
        with transaction(), pytest.raises(Invalid) as caught:
            conditional.create(
                principal(),
                simulated_hub.id,
                ConditionalMenuSpec(name="某些人", audience=audience, buttons=OTHERS),
                now=NOW,
            )
        assert caught.value.field == field


# ---- looking ----


def test_a_refresh_brings_the_menu_the_tags_and_what_others_made(
    simulated_hub: SimulatedHub,
) -> None:
    simulated_hub.platform.tags.create(simulated_hub.appid, "老年人")
    simulated_hub.push()
    simulated_hub.platform.menus.add_conditional(
        simulated_hub.appid,
        {
            "button": [{"type": "click", "name": "别处", "key": "k"}],
            "matchrule": {"client_platform_type": "1"},
        },
    )
    with transaction():
        assert remote_state.request_refresh(
            principal(), simulated_hub.id, now=clock.now()
        ).is_waiting

    assert run_waiting(menus.MenuJob.REFRESH) == [JobState.DONE]

    with transaction():
        sight = remote_state.find_for_staff(principal(), simulated_hub.id)
        assert sight is not None
        assert (sight.is_open, sight.is_waiting) == (True, False)
        assert menus.diff(BUTTONS, menus.from_rows(sight.buttons)) == ()
        assert sight.tag_name(sight.tags[0]["id"]) == "老年人"
        (found,) = conditional.list_for_staff(principal(), simulated_hub.id)
        assert (found.audience_label, found.state) == (
            "苹果手机",
            conditional.ConditionalMenuState.PUBLISHED,
        )

    simulated_hub.platform.menus.delete(simulated_hub.appid)
    with transaction():
        remote_state.request_refresh(principal(), simulated_hub.id, now=clock.now())
    run_waiting(menus.MenuJob.REFRESH)
    with transaction():
        assert conditional.list_for_staff(principal(), simulated_hub.id) == []


def test_a_menu_by_tag_is_tried_on_a_person(simulated_hub: SimulatedHub) -> None:
    openid, other = simulated_hub.follower("李一"), simulated_hub.follower("李二")
    tag = simulated_hub.platform.tags.create(simulated_hub.appid, "老年人")
    simulated_hub.platform.followers.get_by_openid(simulated_hub.appid, openid).tags.append(tag.id)
    simulated_hub.push()
    with transaction():
        remote_state.request_refresh(principal(), simulated_hub.id, now=clock.now())
    run_waiting(menus.MenuJob.REFRESH)
    with transaction():
        wish = ConditionalMenuSpec(name="大字版", audience=Audience(tag_id=tag.id), buttons=OTHERS)
        assert (
            conditional.create(principal(), simulated_hub.id, wish, now=NOW).audience_label
            == "老年人"
        )
        for person in (openid, other, "nobody"):
            remote_state.request_preview(principal(), simulated_hub.id, person, now=clock.now())
    run_waiting(menus.MenuJob.CREATE_CONDITIONAL)

    run_waiting(menus.MenuJob.PREVIEW)

    with transaction():
        seen = {
            person: remote_state.find_for_staff(principal(), simulated_hub.id, person)
            for person in (openid, other, "nobody")
        }
        names = {person: [row["name"] for row in sight.buttons] for person, sight in seen.items()}
        assert (names[openid], names[other]) == (["安卓专用"], ["证件"])
        assert "个性化菜单" in (seen["nobody"].problem or "")
        remote_state.delete_previews_older_than(before=clock.now())
        assert remote_state.find_for_staff(principal(), simulated_hub.id, openid) is None
        assert remote_state.find_for_staff(principal(), simulated_hub.id) is not None


# ---- codes ----


@pytest.mark.parametrize("days", [None, 7])
def test_wechat_makes_a_code_and_its_scans_are_counted(
    simulated_hub: SimulatedHub, hub: Hub, days: int | None
) -> None:
    with transaction():
        code_id = qrcodes.create(
            principal(),
            simulated_hub.id,
            qrcodes.QrCodeSpec(name="窗口", scene="w1", days=days),
            now=NOW,
        ).id

    assert run_waiting(qrcodes.QrCodeJob.CREATE) == [JobState.DONE]

    with transaction():
        code = qrcodes.get(code_id)
        assert (code.state, bool(code.url)) == (qrcodes.QrCodeState.READY, True)
        assert (code.expires_at is None) == (days is None)
    hub.push("police", hub.event("o1", "subscribe", EventKey="qrscene_w1", Ticket="t"))
    hub.push("police", hub.event("o2", "SCAN", EventKey="w1", Ticket="t"))
    with transaction():
        qrcodes.count_scans(now=clock.now() + timedelta(minutes=3))
    with transaction():
        (listed,) = qrcodes.list_for_staff(principal())
        assert (listed.followed, listed.scanned) == (1, 1)


def test_a_code_that_wechat_refuses_says_why(
    simulated_hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.content.qrcodes.MAX_PERMANENT", 0)
    with transaction():
        code_id = qrcodes.create(
            principal(), simulated_hub.id, qrcodes.QrCodeSpec(name="窗口"), now=NOW
        ).id

    run_waiting(qrcodes.QrCodeJob.CREATE)

    with transaction():
        assert "上限" in (qrcodes.get(code_id).problem or "")
