"""Connecting: what WeChat says when asked about an account, and what becomes of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import connecting, live
from app import jobs as handlers
from app.scheduler import TIMETABLE
from config import alarms as config_alarms
from config import clock, jobs
from config.alarms import Alarm
from config.database import session, transaction
from config.jobs import Job, State
from matrix import account_tasks, accounts, callbacks, keys, probes, surveys
from matrix.account_tasks import Kind as TaskKind
from matrix.accounts import Account
from matrix.probes import Kind, Probe
from matrix.wechat import tokens
from tests.app.scene import Scene, alarms, do_all
from tests.fixtures.hub import Hub
from tests.fixtures.simulated import Simulate

NEW_SECRET = "brandnewsecret0123456789"
WAITING, OK, FAILED = probes.State.WAITING, probes.State.OK, probes.State.FAILED


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(inside={}, outside={})


@pytest.fixture
def scene(hub: Hub, redis_url: str, simulated: Simulate) -> Scene:
    return Scene(hub, simulated)


class Police:
    """The account that each test is about; the others are noise."""

    def __init__(self, scene: Scene) -> None:
        self.id = scene.ids["police"]
        self.appid = scene.hub.keys["police"].appid
        self._scene = scene

    def row(self) -> Account:
        with transaction():
            return accounts.get(self.id)

    def said(self) -> dict[Kind, Probe]:
        with transaction():
            return probes.of_accounts([self.id]).get(self.id, {})

    def states(self) -> dict[Kind, probes.State]:
        return {kind: probe.state for kind, probe in self.said().items()}

    def check(self) -> list[State | None]:
        with transaction():
            connecting.ask_again(accounts.get(self.id), now=clock.now())
        return do_all(probes.CHECK)

    def at_wechat(self, **settings: Any) -> None:
        """Change what WeChat knows of the account."""
        account = self._scene.world.accounts.get(self.appid)
        for name, value in settings.items():
            setattr(account, name, value)


@pytest.fixture
def police(scene: Scene) -> Police:
    return Police(scene)


# ---- asking ----


def test_a_sound_account_is_green_in_every_question(police: Police) -> None:
    do_all(accounts.CONNECT)
    do_all(probes.CHECK)

    assert police.states() == {
        Kind.TOKEN: OK,
        Kind.ALLOW_LIST: OK,
        Kind.ABILITY: OK,
        Kind.IMPORT: OK,
        Kind.QUOTA: OK,
    }
    quota = police.said()[Kind.QUOTA].facts
    assert 0 < quota["left"] <= quota["daily"]
    assert alarms("account.unconnected") == []


def test_an_address_off_the_allow_list_is_named_to_be_pasted(police: Police) -> None:
    police.at_wechat(ip_allow_list=["203.0.113.9"])
    do_all(accounts.CONNECT)
    assert set(police.check()) == {State.DONE}

    found = police.said()
    assert found[Kind.ALLOW_LIST].state is FAILED
    assert found[Kind.ALLOW_LIST].facts == {"ip": "127.0.0.1"}
    assert "127.0.0.1" in found[Kind.ALLOW_LIST].words
    assert (found[Kind.TOKEN].state, found[Kind.IMPORT].state) == (WAITING, WAITING)
    assert len(alarms("account.unconnected")) == 1


def test_once_the_address_is_listed_all_that_stood_still_goes_on(police: Police) -> None:
    police.at_wechat(ip_allow_list=["203.0.113.9"])
    do_all(accounts.CONNECT)
    police.check()

    police.at_wechat(ip_allow_list=["127.0.0.1"])
    tokens.forget()
    police.check()
    do_all(accounts.CONNECT)

    assert set(police.states().values()) == {OK}
    with transaction():
        left = select(Alarm.subject).where(Alarm.closed_at.is_(None))
        assert police.appid not in session.scalars(left).all()


def test_a_wrong_secret_is_told_from_a_missing_address(police: Police) -> None:
    police.at_wechat(secret="anotherone0123456789")
    do_all(accounts.CONNECT)
    police.check()

    states = police.states()
    assert (states[Kind.TOKEN], states[Kind.ALLOW_LIST]) == (FAILED, WAITING)
    assert "AppSecret" in police.said()[Kind.TOKEN].words


@pytest.mark.parametrize(("claimed", "real"), [(True, False), (False, True)])
def test_a_verification_that_is_not_as_registered_is_said(
    police: Police, claimed: bool, real: bool
) -> None:
    with transaction():
        wish = accounts.wish_of(accounts.get(police.id))
        accounts.change(
            police.id, accounts.Wish(**vars(wish) | {"verified": claimed}), now=clock.now()
        )
    police.at_wechat(verified=real)

    police.check()

    assert police.states()[Kind.ABILITY] is FAILED
    assert police.states()[Kind.TOKEN] is OK


def test_while_wechat_is_away_the_questions_wait_and_come_again(
    police: Police, scene: Scene
) -> None:
    scene.world.faults.add({"kind": "http_502", "appid": police.appid})

    assert State.WAITING in police.check()

    assert set(police.states().values()) == {WAITING}
    assert "自动再试" in police.said()[Kind.TOKEN].words
    with transaction():
        row = session.scalars(select(Job).where(Job.name == probes.CHECK)).all()
        assert State.WAITING in {job.state for job in row}


def test_a_check_that_is_asked_for_twice_runs_once(police: Police, scene: Scene) -> None:
    for _ in range(2):
        with transaction():
            connecting.ask_again(accounts.get(police.id), now=clock.now())

    assert len(do_all(probes.CHECK)) == 1


def test_the_patrol_asks_about_every_account_that_is_not_paused(
    police: Police, scene: Scene
) -> None:
    with transaction():
        accounts.pause(police.id, reason="检修")
        jobs.enqueue(connecting.PATROL, key=connecting.PATROL)
    do_all(connecting.PATROL)

    with transaction():
        named = select(Job.facts).where(Job.name == probes.CHECK)
        asked = {facts["account_id"] for facts in session.scalars(named)}
    assert asked == set(scene.ids.values()) - {police.id}


def test_what_cannot_be_imported_is_said_and_tried_again_only_when_asked(
    police: Police, scene: Scene
) -> None:
    path = "/cgi-bin/get_current_autoreply_info"
    scene.world.faults.add({"kind": "unauthorised", "appid": police.appid, "path": path})
    do_all(accounts.CONNECT)
    do_all(probes.CHECK)

    assert police.states()[Kind.IMPORT] is FAILED
    assert alarms("account.unconnected") == []
    with transaction():
        jobs.enqueue(connecting.PATROL, key=connecting.PATROL)
    do_all(connecting.PATROL)
    do_all(probes.CHECK)
    assert do_all(accounts.CONNECT) == [], "an hourly look does not insist"

    scene.world.faults.clear()
    police.check()
    do_all(accounts.CONNECT)
    assert police.states()[Kind.IMPORT] is OK


# ---- secrets ----


def propose(police: Police, secret: str) -> None:
    with transaction():
        keys.propose_secret(police.id, secret, now=clock.now())


def test_a_new_secret_is_used_once_wechat_gives_a_token_for_it(police: Police) -> None:
    with transaction():
        account_tasks.open_for([police.id], TaskKind.SECRET, "某人离岗", now=clock.now())
    police.at_wechat(secret=NEW_SECRET)
    propose(police, NEW_SECRET)

    assert do_all(keys.PROVE) == [State.DONE]

    assert (police.row().secret, police.row().pending_secret) == (NEW_SECRET, None)
    assert police.states()[Kind.SECRET] is OK
    with transaction():
        assert account_tasks.open_counts([police.id]) == {}


def test_a_mistyped_secret_leaves_the_old_one_at_work(police: Police) -> None:
    old = police.row().secret
    propose(police, NEW_SECRET)

    assert do_all(keys.PROVE) == [State.DONE]

    assert (police.row().secret, police.row().pending_secret) == (old, None)
    probe = police.said()[Kind.SECRET]
    assert probe.state is FAILED
    assert "仍在使用" in probe.words
    assert NEW_SECRET not in probe.words


def test_of_two_secrets_proposed_the_later_counts(police: Police) -> None:
    police.at_wechat(secret=NEW_SECRET)
    propose(police, "mistyped0123456789")
    propose(police, NEW_SECRET)

    assert do_all(keys.PROVE) == [State.DONE, State.DONE]

    assert police.row().secret == NEW_SECRET


# ---- rotation ----


def test_a_rotation_goes_on_without_a_refused_push(police: Police, scene: Scene) -> None:
    hub = scene.hub
    old = hub.keys["police"]
    refreshed(hub)
    with transaction():
        keys.start_rotation(police.id, now=clock.now())
    assert hub.push("police", hub.text("o1", "身份证")).status == 200, "before we know"
    refreshed(hub)
    assert hub.push("police", hub.text("o2", "身份证")).status == 200
    written()
    with transaction(), pytest.raises(keys.NotHeardYet):
        keys.finish_rotation(police.id, now=clock.now())

    row = police.row()
    hub.keys["police"] = type(old)(old.appid, old.original_id, row.token, row.aes_key, old.mode)
    assert hub.push("police", hub.text("o3", "身份证")).status == 200
    written()
    with transaction():
        keys.finish_rotation(police.id, now=clock.now())
    refreshed(hub)

    assert hub.push("police", hub.text("o4", "身份证")).status == 200
    hub.keys["police"] = old
    assert hub.push("police", hub.text("o5", "身份证")).status == 403
    written()
    with transaction():
        heard = callbacks.of_accounts([police.id])[police.id]
        assert heard.previous_at is not None
        assert heard.refused_why == "signature"
        assert callbacks.rates([police.id], now=clock.now())[police.id].refused_hour == 1


@pytest.mark.parametrize("code", ["hrss", "release"])
def test_plain_pushes_tell_by_which_token_they_were_signed(scene: Scene, code: str) -> None:
    hub, account_id = scene.hub, scene.ids[code]
    old = hub.keys[code]
    with transaction():
        keys.start_rotation(account_id, now=clock.now())
    refreshed(hub)
    hub.push(code, hub.text("o1", "身份证", to=code), plain=True)
    written()
    with transaction():
        row = accounts.get(account_id)
        assert not keys.are_in_use(row, callbacks.of_accounts([account_id])[account_id])

    hub.keys[code] = type(old)(old.appid, old.original_id, row.token, row.aes_key, old.mode)
    hub.push(code, hub.text("o2", "身份证", to=code), plain=True)
    written()
    with transaction():
        assert keys.are_in_use(row, callbacks.of_accounts([account_id])[account_id])


def refreshed(hub: Hub) -> None:
    """The thread that looks at revisions has looked."""
    live.refresh()


def written() -> None:
    """The thread that writes what was heard has written."""
    with transaction():
        callbacks.write()


# ---- the board's figures, the code, the calendar ----


def test_a_survey_counts_who_waits_without_holding_the_database(
    police: Police, scene: Scene
) -> None:
    scene.hub.push("police", scene.hub.text("o1", "天书奇谈"))
    with transaction():
        jobs.enqueue(surveys.SURVEY, key=surveys.SURVEY)

    assert do_all(surveys.SURVEY) == [State.DONE]

    with transaction():
        rows = surveys.of_accounts(scene.ids.values())
        assert {row.account_id: row.unanswered for row in rows.values()} == {
            account_id: int(account_id == police.id) for account_id in scene.ids.values()
        }


def test_the_accounts_own_code_is_made_once(police: Police, scene: Scene) -> None:
    for _ in range(2):
        with transaction():
            connecting.ask_code(accounts.get(police.id))
        do_all(connecting.DRAW)

    assert police.row().qr_url.startswith("http")
    assert len(scene.world.journal.lines(what="api", path="/cgi-bin/qrcode/create")) == 1


def test_counters_are_cleared_ten_times_a_month(police: Police, scene: Scene) -> None:
    def left() -> int:
        with transaction():
            connecting.ask_clearing(accounts.get(police.id))
        assert do_all(connecting.CLEAR) == [State.DONE]
        return int(police.said()[Kind.QUOTA].facts.get("left", -1))

    scene.world.quotas.set(police.appid, connecting.SEND, daily=100)
    scene.world.quotas.use(police.appid, connecting.SEND)

    assert {left() for _ in range(10)} == {100}
    assert left() == -1
    assert "清零次数已用完" in police.said()[Kind.QUOTA].words


def test_a_verification_that_ends_within_a_month_is_cried_for(police: Police, scene: Scene) -> None:
    today = clock.local_day(clock.now())
    with transaction():
        accounts.verified(police.id, until=today + timedelta(days=30))
        accounts.verified(scene.ids["hrss"], until=today + timedelta(days=31))
        jobs.enqueue(connecting.REMIND, key=connecting.REMIND)

    do_all(connecting.REMIND)

    (words,) = alarms("account.verification")
    assert "年审" in words


def test_what_is_due_by_the_clock_is_on_the_timetable() -> None:
    assert {surveys.SURVEY, connecting.PATROL, connecting.REMIND} <= set(TIMETABLE)


def test_a_trouble_that_ends_closes_its_own_alarm_only(hub: Hub) -> None:
    now = clock.now()
    with transaction():
        for subject in ("a", "b"):
            config_alarms.raise_alarm("account.unconnected", subject, "坏了", now=now)
        assert config_alarms.over("account.unconnected", "a", now=now)
        assert not config_alarms.over("account.unconnected", "a", now=now)
        left = select(Alarm.subject).where(Alarm.closed_at.is_(None))
        assert session.scalars(left).all() == ["b"]
