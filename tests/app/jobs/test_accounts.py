"""Connecting: what WeChat says when asked about an account, and what becomes of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import snapshots
from app.jobs import account_checks
from app.jobs import registry as handlers
from app.scheduler import CRON_JOBS
from config import alerts as config_alarms
from config import clock, jobs
from config.alerts import Alert
from config.database import session, transaction
from config.jobs import Job, JobState
from matrix import accounts
from matrix.accounts import Account, callback_stats, connection_checks, key_rotation, todos
from matrix.accounts.connection_checks import CheckKind, ConnectionCheck
from matrix.accounts.todos import TodoKind as TaskKind
from matrix.health import statistics
from matrix.wechat import tokens
from tests.app.jobs._simulated_hub import SimulatedHub, alert_messages, run_waiting
from tests.helpers.hub import Hub
from tests.helpers.wechat import StartSimulator

NEW_SECRET = "brandnewsecret0123456789"
WAITING, OK, FAILED = (
    connection_checks.CheckState.WAITING,
    connection_checks.CheckState.OK,
    connection_checks.CheckState.FAILED,
)


@pytest.fixture(autouse=True)
def registered_jobs() -> Iterator[None]:
    handlers.register()
    yield
    jobs.register(transactional={}, non_transactional={})


@pytest.fixture
def simulated_hub(hub: Hub, redis_url: str, start_simulator: StartSimulator) -> SimulatedHub:
    return SimulatedHub(hub, start_simulator)


class Police:
    """The account that each test is about; the others are noise."""

    def __init__(self, simulated_hub: SimulatedHub) -> None:
        self.id = simulated_hub.ids["police"]
        self.appid = simulated_hub.hub.keys["police"].appid
        self._hub = simulated_hub

    def row(self) -> Account:
        with transaction():
            return accounts.get(self.id)

    def problems(self) -> dict[CheckKind, ConnectionCheck]:
        with transaction():
            return connection_checks.by_account([self.id]).get(self.id, {})

    def states(self) -> dict[CheckKind, connection_checks.CheckState]:
        return {kind: probe.state for kind, probe in self.problems().items()}

    def check(self) -> list[JobState | None]:
        with transaction():
            account_checks.request_check(accounts.get(self.id), now=clock.now())
        return run_waiting(connection_checks.CHECK_CONNECTION)

    def wechat_account(self, **settings: Any) -> None:
        """Change what WeChat knows of the account."""
        account = self._hub.platform.accounts.get(self.appid)
        for name, value in settings.items():
            setattr(account, name, value)


@pytest.fixture
def police(simulated_hub: SimulatedHub) -> Police:
    return Police(simulated_hub)


# ---- asking ----


def test_a_healthy_account_passes_every_check(police: Police) -> None:
    run_waiting(accounts.CONNECT)
    run_waiting(connection_checks.CHECK_CONNECTION)

    assert police.states() == {
        CheckKind.TOKEN: OK,
        CheckKind.ALLOW_LIST: OK,
        CheckKind.ABILITY: OK,
        CheckKind.IMPORT: OK,
        CheckKind.QUOTA: OK,
    }
    quota = police.problems()[CheckKind.QUOTA].details
    assert 0 < quota["left"] <= quota["daily"]
    assert alert_messages("account.connection_failed") == []


def test_an_address_off_the_allow_list_is_named_to_be_pasted(police: Police) -> None:
    police.wechat_account(ip_allow_list=["203.0.113.9"])
    run_waiting(accounts.CONNECT)
    assert set(police.check()) == {JobState.DONE}

    found = police.problems()
    assert found[CheckKind.ALLOW_LIST].state is FAILED
    assert found[CheckKind.ALLOW_LIST].details == {"ip": "127.0.0.1"}
    assert "127.0.0.1" in found[CheckKind.ALLOW_LIST].message
    assert (found[CheckKind.TOKEN].state, found[CheckKind.IMPORT].state) == (WAITING, WAITING)
    assert len(alert_messages("account.connection_failed")) == 1


def test_once_the_address_is_listed_all_that_stood_still_goes_on(police: Police) -> None:
    police.wechat_account(ip_allow_list=["203.0.113.9"])
    run_waiting(accounts.CONNECT)
    police.check()

    police.wechat_account(ip_allow_list=["127.0.0.1"])
    tokens.reset()
    police.check()
    run_waiting(accounts.CONNECT)

    assert set(police.states().values()) == {OK}
    with transaction():
        left = select(Alert.subject).where(Alert.resolved_at.is_(None))
        assert police.appid not in session.scalars(left).all()


def test_a_wrong_secret_is_told_from_a_missing_address(police: Police) -> None:
    police.wechat_account(secret="anotherone0123456789")
    run_waiting(accounts.CONNECT)
    police.check()

    states = police.states()
    assert (states[CheckKind.TOKEN], states[CheckKind.ALLOW_LIST]) == (FAILED, WAITING)
    assert "AppSecret" in police.problems()[CheckKind.TOKEN].message


@pytest.mark.parametrize(("claimed", "real"), [(True, False), (False, True)])
def test_a_verification_that_is_not_as_registered_is_said(
    police: Police, claimed: bool, real: bool
) -> None:
    with transaction():
        wish = accounts.spec_of(accounts.get(police.id))
        accounts.update(
            police.id, accounts.AccountSpec(**vars(wish) | {"verified": claimed}), now=clock.now()
        )
    police.wechat_account(verified=real)

    police.check()

    assert police.states()[CheckKind.ABILITY] is FAILED
    assert police.states()[CheckKind.TOKEN] is OK


def test_checks_are_retried_while_wechat_is_unavailable(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    simulated_hub.platform.faults.add({"kind": "http_502", "appid": police.appid})

    assert JobState.WAITING in police.check()

    assert set(police.states().values()) == {WAITING}
    assert "自动再试" in police.problems()[CheckKind.TOKEN].message
    with transaction():
        row = session.scalars(
            select(Job).where(Job.name == connection_checks.CHECK_CONNECTION)
        ).all()
        assert JobState.WAITING in {job.state for job in row}


def test_a_check_that_is_asked_for_twice_runs_once(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    for _ in range(2):
        with transaction():
            account_checks.request_check(accounts.get(police.id), now=clock.now())

    assert len(run_waiting(connection_checks.CHECK_CONNECTION)) == 1


def test_the_scheduled_check_covers_every_account_that_is_not_paused(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    with transaction():
        accounts.pause(police.id, reason="检修")
        jobs.enqueue(account_checks.CHECK_ALL, key=account_checks.CHECK_ALL)
    run_waiting(account_checks.CHECK_ALL)

    with transaction():
        named = select(Job.payload).where(Job.name == connection_checks.CHECK_CONNECTION)
        asked = {facts["account_id"] for facts in session.scalars(named)}
    assert asked == set(simulated_hub.ids.values()) - {police.id}


def test_what_cannot_be_imported_is_said_and_tried_again_only_when_asked(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    path = "/cgi-bin/get_current_autoreply_info"
    simulated_hub.platform.faults.add({"kind": "unauthorised", "appid": police.appid, "path": path})
    run_waiting(accounts.CONNECT)
    run_waiting(connection_checks.CHECK_CONNECTION)

    assert police.states()[CheckKind.IMPORT] is FAILED
    assert alert_messages("account.connection_failed") == []
    with transaction():
        jobs.enqueue(account_checks.CHECK_ALL, key=account_checks.CHECK_ALL)
    run_waiting(account_checks.CHECK_ALL)
    run_waiting(connection_checks.CHECK_CONNECTION)
    assert run_waiting(accounts.CONNECT) == [], "an hourly look does not insist"

    simulated_hub.platform.faults.clear()
    police.check()
    run_waiting(accounts.CONNECT)
    assert police.states()[CheckKind.IMPORT] is OK


# ---- secrets ----


def propose_secret(police: Police, secret: str) -> None:
    with transaction():
        key_rotation.submit_secret(police.id, secret, now=clock.now())


def test_a_new_secret_is_used_once_wechat_gives_a_token_for_it(police: Police) -> None:
    with transaction():
        todos.create_for([police.id], TaskKind.SECRET, "某人离岗", now=clock.now())
    police.wechat_account(secret=NEW_SECRET)
    propose_secret(police, NEW_SECRET)

    assert run_waiting(key_rotation.VERIFY_SECRET) == [JobState.DONE]

    assert (police.row().secret, police.row().pending_secret) == (NEW_SECRET, None)
    assert police.states()[CheckKind.SECRET] is OK
    with transaction():
        assert todos.count_open([police.id]) == {}


def test_a_mistyped_secret_leaves_the_old_one_at_work(police: Police) -> None:
    old = police.row().secret
    propose_secret(police, NEW_SECRET)

    assert run_waiting(key_rotation.VERIFY_SECRET) == [JobState.DONE]

    assert (police.row().secret, police.row().pending_secret) == (old, None)
    probe = police.problems()[CheckKind.SECRET]
    assert probe.state is FAILED
    assert "仍在使用" in probe.message
    assert NEW_SECRET not in probe.message


def test_of_two_secrets_proposed_the_later_counts(police: Police) -> None:
    police.wechat_account(secret=NEW_SECRET)
    propose_secret(police, "mistyped0123456789")
    propose_secret(police, NEW_SECRET)

    assert run_waiting(key_rotation.VERIFY_SECRET) == [JobState.DONE, JobState.DONE]

    assert police.row().secret == NEW_SECRET


# ---- rotation ----


def test_a_rotation_goes_on_without_a_refused_push(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    hub = simulated_hub.hub
    old = hub.keys["police"]
    refreshed(hub)
    with transaction():
        key_rotation.start_rotation(police.id, now=clock.now())
    assert hub.push("police", hub.text("o1", "身份证")).status == 200, "before we know"
    refreshed(hub)
    assert hub.push("police", hub.text("o2", "身份证")).status == 200
    written()
    with transaction(), pytest.raises(key_rotation.NewKeysUnused):
        key_rotation.finish_rotation(police.id, now=clock.now())

    row = police.row()
    hub.keys["police"] = type(old)(old.appid, old.original_id, row.token, row.aes_key, old.mode)
    assert hub.push("police", hub.text("o3", "身份证")).status == 200
    written()
    with transaction():
        key_rotation.finish_rotation(police.id, now=clock.now())
    refreshed(hub)

    assert hub.push("police", hub.text("o4", "身份证")).status == 200
    hub.keys["police"] = old
    assert hub.push("police", hub.text("o5", "身份证")).status == 403
    written()
    with transaction():
        heard = callback_stats.by_account([police.id])[police.id]
        assert heard.previous_at is not None
        assert heard.rejection_reason == "signature"
        assert callback_stats.rates([police.id], now=clock.now())[police.id].rejected_hour == 1


@pytest.mark.parametrize("code", ["hrss", "release"])
def test_plain_pushes_tell_by_which_token_they_were_signed(
    simulated_hub: SimulatedHub, code: str
) -> None:
    hub, account_id = simulated_hub.hub, simulated_hub.ids[code]
    old = hub.keys[code]
    with transaction():
        key_rotation.start_rotation(account_id, now=clock.now())
    refreshed(hub)
    hub.push(code, hub.text("o1", "身份证", to=code), plain=True)
    written()
    with transaction():
        row = accounts.get(account_id)
        assert not key_rotation.are_in_use(row, callback_stats.by_account([account_id])[account_id])

    hub.keys[code] = type(old)(old.appid, old.original_id, row.token, row.aes_key, old.mode)
    hub.push(code, hub.text("o2", "身份证", to=code), plain=True)
    written()
    with transaction():
        assert key_rotation.are_in_use(row, callback_stats.by_account([account_id])[account_id])


def refreshed(hub: Hub) -> None:
    """The thread that looks at revisions has looked."""
    snapshots.refresh()


def written() -> None:
    """The thread that writes what was heard has written."""
    with transaction():
        callback_stats.flush()


# ---- the board's figures, the code, the calendar ----


def test_account_statistics_are_counted_without_holding_the_database(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    simulated_hub.hub.push("police", simulated_hub.hub.text("o1", "天书奇谈"))
    with transaction():
        jobs.enqueue(statistics.COMPUTE, key=statistics.COMPUTE)

    assert run_waiting(statistics.COMPUTE) == [JobState.DONE]

    with transaction():
        rows = statistics.by_account(simulated_hub.ids.values())
        assert {row.account_id: row.unanswered for row in rows.values()} == {
            account_id: int(account_id == police.id) for account_id in simulated_hub.ids.values()
        }


def test_the_accounts_own_code_is_made_once(police: Police, simulated_hub: SimulatedHub) -> None:
    for _ in range(2):
        with transaction():
            account_checks.request_qrcode(accounts.get(police.id))
        run_waiting(account_checks.CREATE_QRCODE)

    assert police.row().qr_url.startswith("http")
    assert (
        len(
            simulated_hub.platform.request_log.list_entries(
                what="api", path="/cgi-bin/qrcode/create"
            )
        )
        == 1
    )


def test_counters_are_cleared_ten_times_a_month(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    def left() -> int:
        with transaction():
            account_checks.request_quota_reset(accounts.get(police.id))
        assert run_waiting(account_checks.CLEAR_QUOTA) == [JobState.DONE]
        return int(police.problems()[CheckKind.QUOTA].details.get("left", -1))

    simulated_hub.platform.quotas.set_limit(
        police.appid, account_checks.CUSTOMER_SERVICE_SEND_PATH, daily=100
    )
    simulated_hub.platform.quotas.consume(police.appid, account_checks.CUSTOMER_SERVICE_SEND_PATH)

    assert {left() for _ in range(10)} == {100}
    assert left() == -1
    assert "清零次数已用完" in police.problems()[CheckKind.QUOTA].message


def test_a_verification_that_expires_within_a_month_raises_an_alert(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    today = clock.local_day(clock.now())
    with transaction():
        accounts.set_verified_until(police.id, until=today + timedelta(days=30))
        accounts.set_verified_until(simulated_hub.ids["hrss"], until=today + timedelta(days=31))
        jobs.enqueue(
            account_checks.WARN_EXPIRING_VERIFICATION, key=account_checks.WARN_EXPIRING_VERIFICATION
        )

    run_waiting(account_checks.WARN_EXPIRING_VERIFICATION)

    (words,) = alert_messages("account.verification_expiring")
    assert "年审" in words


def test_what_is_due_by_the_clock_is_on_the_timetable() -> None:
    assert {
        statistics.COMPUTE,
        account_checks.CHECK_ALL,
        account_checks.WARN_EXPIRING_VERIFICATION,
    } <= set(CRON_JOBS)


def test_a_problem_that_ends_resolves_its_own_alert_only(hub: Hub) -> None:
    now = clock.now()
    with transaction():
        for subject in ("a", "b"):
            config_alarms.raise_alert("account.connection_failed", subject, "坏了", now=now)
        assert config_alarms.resolve_automatically("account.connection_failed", "a", now=now)
        assert not config_alarms.resolve_automatically("account.connection_failed", "a", now=now)
        left = select(Alert.subject).where(Alert.resolved_at.is_(None))
        assert session.scalars(left).all() == ["b"]
