"""Secrets and keys of an account: tried with WeChat before they count, changed without a gap."""

import pytest

from app import snapshots
from config import clock
from config.database import transaction
from config.jobs import JobState
from matrix import accounts
from matrix.accounts import callback_stats, connection_checks, key_rotation, todos
from matrix.accounts.connection_checks import CheckKind
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.accounts.todos import TodoKind as TaskKind
from tests.app.jobs._simulated_hub import Police, SimulatedHub, run_waiting
from tests.helpers.hub import Hub

NEW_SECRET = "brandnewsecret0123456789"
OK, FAILED = connection_checks.CheckState.OK, connection_checks.CheckState.FAILED

pytestmark = pytest.mark.usefixtures("registered_jobs")


# ---- secrets ----


def propose_secret(police: Police, secret: str) -> None:
    with transaction():
        key_rotation.submit_secret(police.id, secret, now=clock.now())


def test_a_new_secret_is_used_once_wechat_gives_a_token_for_it(police: Police) -> None:
    with transaction():
        todos.create_for([police.id], TaskKind.SECRET, "某人离岗", now=clock.now())
    police.wechat_account(secret=NEW_SECRET)
    propose_secret(police, NEW_SECRET)

    assert run_waiting(AccountJob.VERIFY_SECRET) == [JobState.DONE]

    assert (police.row().secret, police.row().pending_secret) == (NEW_SECRET, None)
    assert police.states()[CheckKind.SECRET] is OK
    with transaction():
        assert todos.count_open([police.id]) == {}


def test_a_mistyped_secret_leaves_the_old_one_at_work(police: Police) -> None:
    old = police.row().secret
    propose_secret(police, NEW_SECRET)

    assert run_waiting(AccountJob.VERIFY_SECRET) == [JobState.DONE]

    assert (police.row().secret, police.row().pending_secret) == (old, None)
    probe = police.problems()[CheckKind.SECRET]
    assert probe.state is FAILED
    assert "仍在使用" in probe.message
    assert NEW_SECRET not in probe.message


def test_of_two_secrets_proposed_the_later_counts(police: Police) -> None:
    police.wechat_account(secret=NEW_SECRET)
    propose_secret(police, "mistyped0123456789")
    propose_secret(police, NEW_SECRET)

    assert run_waiting(AccountJob.VERIFY_SECRET) == [JobState.DONE, JobState.DONE]

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
