"""Keys: changed while the account goes on, shown until they work, and never after."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import Invalid
from matrix import account_tasks, accounts, callbacks, keys
from matrix.account_tasks import Kind
from matrix.accounts import Account
from matrix.callbacks import Heard
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

LATER = NOW + timedelta(hours=1)


def used(account: Account, at: datetime) -> None:
    """WeChat pushed with the keys of today."""
    row = session.get(Heard, account.id) or Heard(account_id=account.id)
    row.heard_at, row.keys_at = at, account.keys_at
    session.add(row)
    session.flush()


def test_fresh_keys_have_the_shape_that_wechat_asks_for() -> None:
    made = [keys.fresh() for _ in range(50)]

    assert all(len(one.token) == 32 and len(one.aes_key) == 43 for one in made)
    assert all((one.token + one.aes_key).isalnum() for one in made)
    assert len({one.token for one in made}) == len({one.aes_key for one in made}) == 50
    assert made[0].token not in repr(made[0])


def test_during_a_rotation_old_keys_stay_good_and_new_ones_are_unlike_them(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    old = (account.token, account.aes_key)

    keys.start_rotation(account.id, now=LATER)

    assert (account.previous_token, account.previous_aes_key) == old
    assert account.token != old[0]
    assert account.aes_key != old[1]
    with pytest.raises(keys.RotationRunning):
        keys.start_rotation(account.id, now=LATER)


def test_a_rotation_is_not_finished_before_wechat_uses_the_new_keys(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    used(account, LATER)
    keys.start_rotation(account.id, now=LATER)

    with pytest.raises(keys.NotHeardYet):
        keys.finish_rotation(account.id, now=LATER)
    used(account, LATER)
    keys.finish_rotation(account.id, now=LATER)

    assert account.previous_token is None
    with pytest.raises(keys.NoRotation):
        keys.finish_rotation(account.id, now=LATER)


def test_stolen_keys_end_at_once(make_account: MakeAccount) -> None:
    account = make_account()
    keys.start_rotation(account.id, now=LATER)

    keys.finish_rotation(account.id, now=LATER, anyway=True)

    assert account.previous_aes_key is None


def test_a_rotation_given_up_leaves_everything_as_it_was(make_account: MakeAccount) -> None:
    account = make_account()
    old = (account.token, account.aes_key)
    used(account, NOW)
    keys.start_rotation(account.id, now=LATER)

    keys.give_up_rotation(account.id)

    assert (account.token, account.aes_key) == old
    assert (account.previous_token, account.previous_aes_key) == (None, None)
    with pytest.raises(keys.KeysInUse):
        keys.reveal(account.id)


def test_keys_are_shown_until_wechat_uses_them_and_each_look_is_audited(
    make_account: MakeAccount,
) -> None:
    account = make_account()

    assert keys.reveal(account.id) == keys.Keys(account.token, account.aes_key)
    used(account, NOW)
    with pytest.raises(keys.KeysInUse):
        keys.reveal(account.id)
    keys.start_rotation(account.id, now=LATER)
    assert keys.reveal(account.id).token == account.token

    session.flush()
    entries = session.scalars(select(Entry)).all()
    assert [row.action for row in entries].count("account.reveal_keys") == 2
    said = json.dumps([[row.before, row.after, row.reason] for row in entries])
    assert account.token not in said
    assert account.aes_key not in said


def test_a_finished_rotation_settles_what_asked_for_it_before_the_keys_were_made(
    make_account: MakeAccount,
) -> None:
    account, noise = make_account(1), make_account(2)
    account_tasks.open_for([account.id, noise.id], Kind.KEYS, "甲离岗", now=NOW)
    account_tasks.open_for([account.id], Kind.SECRET, "甲离岗", now=NOW)
    keys.start_rotation(account.id, now=LATER)
    account_tasks.open_for([account.id], Kind.KEYS, "乙离岗", now=LATER + timedelta(minutes=1))

    keys.finish_rotation(account.id, now=LATER + timedelta(minutes=2), anyway=True)

    left = {
        (task.kind, task.why) for task in account_tasks.of_account(account.id) if not task.done_at
    }
    assert left == {(Kind.SECRET, "甲离岗"), (Kind.KEYS, "乙离岗")}, "乙 may have seen the new keys"
    assert account_tasks.open_counts([account.id, noise.id]) == {account.id: 2, noise.id: 1}


def test_a_new_secret_waits_for_wechats_word(
    make_account: MakeAccount, enqueued: Callable[[], list[str]]
) -> None:
    account = make_account()
    old = account.secret

    keys.propose_secret(account.id, "newsecret0123456789", now=NOW)
    assert account.secret == old
    assert enqueued()[-1] == keys.PROVE

    assert not keys.accept_secret(account.id, "another0123456789ab", now=NOW)
    assert keys.refuse_secret(account.id, "newsecret0123456789")
    assert (account.secret, account.pending_secret) == (old, None)

    account_tasks.open_for([account.id], Kind.SECRET, "甲离岗", now=NOW)
    keys.propose_secret(account.id, "newsecret0123456789", now=LATER)
    assert keys.accept_secret(account.id, "newsecret0123456789", now=LATER)
    assert (account.secret, account.pending_secret) == ("newsecret0123456789", None)
    assert account_tasks.open_counts([account.id]) == {}


@pytest.mark.parametrize(
    "given", ["", "short", "有中文的密钥密钥密钥密钥密钥", "a" * 65, "a b" * 8]
)
def test_what_cannot_be_a_secret_is_refused_at_once(make_account: MakeAccount, given: str) -> None:
    account = make_account()

    with pytest.raises(Invalid) as refusal:
        keys.propose_secret(account.id, given, now=NOW)

    assert refusal.value.field == "secret"
    assert account.pending_secret is None


def test_keys_of_a_process_that_knows_no_newer_ones_are_not_taken_for_the_new(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    stale = accounts.roster()[account.appid]
    keys.start_rotation(account.id, now=LATER)

    callbacks.heard(stale, LATER + timedelta(seconds=1), is_previous=False)
    callbacks.write()

    with pytest.raises(keys.NotHeardYet):
        keys.finish_rotation(account.id, now=LATER + timedelta(seconds=2))
