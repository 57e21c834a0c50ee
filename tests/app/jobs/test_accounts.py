"""Connecting: what WeChat says when asked about an account, and what becomes of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.jobs import account_checks
from app.scheduler import CRON_JOBS
from config import alerts as config_alarms
from config import clock, jobs
from config.alerts import Alert
from config.database import session, transaction
from config.jobs import Job, JobState
from matrix import accounts
from matrix.accounts import connection_checks
from matrix.accounts.connection_checks import CheckKind
from matrix.accounts.jobs_and_alerts import AccountAlert, AccountJob
from matrix.health import statistics
from matrix.health.statistics import HealthJob
from matrix.wechat import tokens
from tests.app.jobs._simulated_hub import Police, SimulatedHub, alert_messages, run_waiting
from tests.helpers.hub import Hub

NEW_SECRET = "brandnewsecret0123456789"
WAITING, OK, FAILED = (
    connection_checks.CheckState.WAITING,
    connection_checks.CheckState.OK,
    connection_checks.CheckState.FAILED,
)

pytestmark = pytest.mark.usefixtures("registered_jobs")


# ---- asking ----


def test_a_healthy_account_passes_every_check(police: Police) -> None:
    run_waiting(AccountJob.CONNECT)
    run_waiting(AccountJob.CHECK_CONNECTION)

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
    run_waiting(AccountJob.CONNECT)
    assert set(police.check()) == {JobState.DONE}

    found = police.problems()
    assert found[CheckKind.ALLOW_LIST].state is FAILED
    assert found[CheckKind.ALLOW_LIST].details == {"ip": "127.0.0.1"}
    assert "127.0.0.1" in found[CheckKind.ALLOW_LIST].message
    assert (found[CheckKind.TOKEN].state, found[CheckKind.IMPORT].state) == (WAITING, WAITING)
    assert len(alert_messages("account.connection_failed")) == 1


def test_once_the_address_is_listed_all_that_stood_still_goes_on(police: Police) -> None:
    police.wechat_account(ip_allow_list=["203.0.113.9"])
    run_waiting(AccountJob.CONNECT)
    police.check()

    police.wechat_account(ip_allow_list=["127.0.0.1"])
    tokens.reset()
    police.check()
    run_waiting(AccountJob.CONNECT)

    assert set(police.states().values()) == {OK}
    with transaction():
        left = select(Alert.subject).where(Alert.resolved_at.is_(None))
        assert police.appid not in session.scalars(left).all()


def test_a_wrong_secret_is_told_from_a_missing_address(police: Police) -> None:
    police.wechat_account(secret="anotherone0123456789")
    run_waiting(AccountJob.CONNECT)
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
        row = session.scalars(select(Job).where(Job.name == AccountJob.CHECK_CONNECTION)).all()
        assert JobState.WAITING in {job.state for job in row}


def test_a_check_that_is_asked_for_twice_runs_once(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    for _ in range(2):
        with transaction():
            account_checks.request_check(accounts.get(police.id), now=clock.now())

    assert len(run_waiting(AccountJob.CHECK_CONNECTION)) == 1


def test_the_scheduled_check_covers_every_account_that_is_not_paused(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    with transaction():
        accounts.pause(police.id, reason="检修")
        jobs.enqueue(AccountJob.CHECK_ALL, key=AccountJob.CHECK_ALL)
    run_waiting(AccountJob.CHECK_ALL)

    with transaction():
        named = select(Job.payload).where(Job.name == AccountJob.CHECK_CONNECTION)
        asked = {facts["account_id"] for facts in session.scalars(named)}
    assert asked == set(simulated_hub.ids.values()) - {police.id}


def test_what_cannot_be_imported_is_said_and_tried_again_only_when_asked(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    path = "/cgi-bin/get_current_autoreply_info"
    simulated_hub.platform.faults.add({"kind": "unauthorised", "appid": police.appid, "path": path})
    run_waiting(AccountJob.CONNECT)
    run_waiting(AccountJob.CHECK_CONNECTION)

    assert police.states()[CheckKind.IMPORT] is FAILED
    assert alert_messages("account.connection_failed") == []
    with transaction():
        jobs.enqueue(AccountJob.CHECK_ALL, key=AccountJob.CHECK_ALL)
    run_waiting(AccountJob.CHECK_ALL)
    run_waiting(AccountJob.CHECK_CONNECTION)
    assert run_waiting(AccountJob.CONNECT) == [], "an hourly look does not insist"

    simulated_hub.platform.faults.clear()
    police.check()
    run_waiting(AccountJob.CONNECT)
    assert police.states()[CheckKind.IMPORT] is OK


# ---- the board's figures, the code, the calendar ----


def test_account_statistics_are_counted_without_holding_the_database(
    police: Police, simulated_hub: SimulatedHub
) -> None:
    simulated_hub.hub.push("police", simulated_hub.hub.text("o1", "天书奇谈"))
    with transaction():
        jobs.enqueue(HealthJob.COMPUTE, key=HealthJob.COMPUTE)

    assert run_waiting(HealthJob.COMPUTE) == [JobState.DONE]

    with transaction():
        rows = statistics.by_account(simulated_hub.ids.values())
        assert {row.account_id: row.unanswered for row in rows.values()} == {
            account_id: int(account_id == police.id) for account_id in simulated_hub.ids.values()
        }


def test_the_accounts_own_code_is_made_once(police: Police, simulated_hub: SimulatedHub) -> None:
    for _ in range(2):
        with transaction():
            account_checks.request_qrcode(accounts.get(police.id))
        run_waiting(AccountJob.CREATE_QRCODE)

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
        assert run_waiting(AccountJob.CLEAR_QUOTA) == [JobState.DONE]
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
            AccountJob.WARN_EXPIRING_VERIFICATION, key=AccountJob.WARN_EXPIRING_VERIFICATION
        )

    run_waiting(AccountJob.WARN_EXPIRING_VERIFICATION)

    (words,) = alert_messages("account.verification_expiring")
    assert "年审" in words


def test_what_is_due_by_the_clock_is_on_the_timetable() -> None:
    assert {
        HealthJob.COMPUTE,
        AccountJob.CHECK_ALL,
        AccountJob.WARN_EXPIRING_VERIFICATION,
    } <= set(CRON_JOBS)


def test_a_problem_that_ends_resolves_its_own_alert_only(hub: Hub) -> None:
    now = clock.now()
    with transaction():
        for subject in ("a", "b"):
            config_alarms.raise_alert(AccountAlert.CONNECTION_FAILED, subject, "坏了", now=now)
        assert config_alarms.resolve_automatically(AccountAlert.CONNECTION_FAILED, "a", now=now)
        assert not config_alarms.resolve_automatically(AccountAlert.CONNECTION_FAILED, "a", now=now)
        left = select(Alert.subject).where(Alert.resolved_at.is_(None))
        assert session.scalars(left).all() == ["b"]
