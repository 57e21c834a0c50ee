"""Keys: changed while the account goes on, shown until they work, and never after."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid
from matrix import accounts
from matrix.accounts import Account, callback_stats, key_rotation, todos
from matrix.accounts.callback_stats import CallbackStatus
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.accounts.todos import TodoKind
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

LATER = NOW + timedelta(hours=1)


def used(account: Account, at: datetime) -> None:
    """WeChat pushed with the keys of today."""
    row = session.get(CallbackStatus, account.id) or CallbackStatus(account_id=account.id)
    row.last_push_at, row.keys_at = at, account.keys_at
    session.add(row)
    session.flush()


def test_fresh_keys_have_the_shape_that_wechat_asks_for() -> None:
    made = [key_rotation.generate() for _ in range(50)]

    assert all(len(one.token) == 32 and len(one.aes_key) == 43 for one in made)
    assert all((one.token + one.aes_key).isalnum() for one in made)
    assert len({one.token for one in made}) == len({one.aes_key for one in made}) == 50
    assert made[0].token not in repr(made[0])


def test_during_a_rotation_old_keys_stay_good_and_new_ones_are_unlike_them(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    old = (account.token, account.aes_key)

    key_rotation.start_rotation(account.id, now=LATER)

    assert (account.previous_token, account.previous_aes_key) == old
    assert account.token != old[0]
    assert account.aes_key != old[1]
    with pytest.raises(key_rotation.RotationInProgress):
        key_rotation.start_rotation(account.id, now=LATER)


def test_a_rotation_is_not_finished_before_wechat_uses_the_new_keys(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    used(account, LATER)
    key_rotation.start_rotation(account.id, now=LATER)

    with pytest.raises(key_rotation.NewKeysUnused):
        key_rotation.finish_rotation(account.id, now=LATER)
    used(account, LATER)
    key_rotation.finish_rotation(account.id, now=LATER)

    assert account.previous_token is None
    with pytest.raises(key_rotation.NoRotationInProgress):
        key_rotation.finish_rotation(account.id, now=LATER)


def test_stolen_keys_end_at_once(make_account: MakeAccount) -> None:
    account = make_account()
    key_rotation.start_rotation(account.id, now=LATER)

    key_rotation.finish_rotation(account.id, now=LATER, force=True)

    assert account.previous_aes_key is None


def test_a_rotation_given_up_leaves_everything_as_it_was(make_account: MakeAccount) -> None:
    account = make_account()
    old = (account.token, account.aes_key)
    used(account, NOW)
    key_rotation.start_rotation(account.id, now=LATER)

    key_rotation.cancel_rotation(account.id)

    assert (account.token, account.aes_key) == old
    assert (account.previous_token, account.previous_aes_key) == (None, None)
    with pytest.raises(key_rotation.KeysInUse):
        key_rotation.reveal(account.id)


def test_keys_are_shown_until_wechat_uses_them_and_each_look_is_audited(
    make_account: MakeAccount,
) -> None:
    account = make_account()

    assert key_rotation.reveal(account.id) == key_rotation.CallbackKeys(
        account.token, account.aes_key
    )
    used(account, NOW)
    with pytest.raises(key_rotation.KeysInUse):
        key_rotation.reveal(account.id)
    key_rotation.start_rotation(account.id, now=LATER)
    assert key_rotation.reveal(account.id).token == account.token

    session.flush()
    entries = session.scalars(select(AuditEntry)).all()
    assert [row.action for row in entries].count("account.reveal_keys") == 2
    said = json.dumps([[row.before, row.after, row.reason] for row in entries])
    assert account.token not in said
    assert account.aes_key not in said


def test_a_finished_rotation_settles_what_asked_for_it_before_the_keys_were_made(
    make_account: MakeAccount,
) -> None:
    account, noise = make_account(1), make_account(2)
    todos.create_for([account.id, noise.id], TodoKind.KEYS, "甲离岗", now=NOW)
    todos.create_for([account.id], TodoKind.SECRET, "甲离岗", now=NOW)
    key_rotation.start_rotation(account.id, now=LATER)
    todos.create_for([account.id], TodoKind.KEYS, "乙离岗", now=LATER + timedelta(minutes=1))

    key_rotation.finish_rotation(account.id, now=LATER + timedelta(minutes=2), force=True)

    left = {
        (task.kind, task.reason) for task in todos.list_for_account(account.id) if not task.done_at
    }
    assert left == {(TodoKind.SECRET, "甲离岗"), (TodoKind.KEYS, "乙离岗")}, (
        "乙 may have seen the new keys"
    )
    assert todos.count_open([account.id, noise.id]) == {account.id: 2, noise.id: 1}


def test_a_new_secret_waits_for_wechats_word(
    make_account: MakeAccount, enqueued_jobs: Callable[[], list[str]]
) -> None:
    account = make_account()
    old = account.secret

    key_rotation.submit_secret(account.id, "newsecret0123456789", now=NOW)
    assert account.secret == old
    assert enqueued_jobs()[-1] == AccountJob.VERIFY_SECRET

    assert not key_rotation.accept_secret(account.id, "another0123456789ab", now=NOW)
    assert key_rotation.reject_secret(account.id, "newsecret0123456789")
    assert (account.secret, account.pending_secret) == (old, None)

    todos.create_for([account.id], TodoKind.SECRET, "甲离岗", now=NOW)
    key_rotation.submit_secret(account.id, "newsecret0123456789", now=LATER)
    assert key_rotation.accept_secret(account.id, "newsecret0123456789", now=LATER)
    assert (account.secret, account.pending_secret) == ("newsecret0123456789", None)
    assert todos.count_open([account.id]) == {}


@pytest.mark.parametrize(
    "given", ["", "short", "有中文的密钥密钥密钥密钥密钥", "a" * 65, "a b" * 8]
)
def test_what_cannot_be_a_secret_is_refused_at_once(make_account: MakeAccount, given: str) -> None:
    account = make_account()

    with pytest.raises(Invalid) as refusal:
        key_rotation.submit_secret(account.id, given, now=NOW)

    assert refusal.value.field == "secret"
    assert account.pending_secret is None


def test_keys_of_a_process_that_knows_no_newer_ones_are_not_taken_for_the_new(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    stale = accounts.snapshots()[account.appid]
    key_rotation.start_rotation(account.id, now=LATER)

    callback_stats.record_push(stale, LATER + timedelta(seconds=1), is_previous=False)
    callback_stats.flush()

    with pytest.raises(key_rotation.NewKeysUnused):
        key_rotation.finish_rotation(account.id, now=LATER + timedelta(seconds=2))
