"""Accounts: registered with checked keys, changed without a gap, ready-made for callbacks."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import inspect, select, text

from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.tenancy import Right
from matrix import accounts, keys
from matrix.accounts import wish_of
from tests.fixtures import NOW
from tests.matrix.conftest import EVERYWHERE, MakeAccount, MakeDepartment, member_at, wish

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_a_new_account_asks_to_be_connected(
    make_account: MakeAccount, enqueued: Callable[[], list[str]]
) -> None:
    make_account()

    assert enqueued() == ["accounts.connect"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appid", "wx123"),
        ("appid", "wx" + "G" * 16),
        ("original_id", "huayin"),
        ("token", "ab"),
        ("token", "有中文"),
        ("aes_key", "A" * 42),
        ("name", " "),
        ("secret", ""),
    ],
)
def test_a_wrong_field_is_named(make_department: MakeDepartment, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        accounts.add(wish(make_department("police"), **{field: value}), now=NOW)

    assert refusal.value.field == field


def test_an_appid_is_registered_once(make_account: MakeAccount) -> None:
    make_account(1)

    with pytest.raises(Invalid, match="appid"):
        make_account(2, appid=f"wx{1:016x}")


def test_changed_keys_keep_their_predecessors_until_the_rotation_is_finished(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    wanted = replace(wish_of(account), aes_key="B" * 43)

    accounts.change(account.id, wanted, now=NOW)
    assert (account.aes_key, account.previous_aes_key) == ("B" * 43, f"{1:0>42}A")
    assert accounts.roster()[account.appid].envelope

    keys.finish_rotation(account.id, now=NOW, anyway=True)
    assert account.previous_aes_key is None
    assert account.previous_token is None


def test_saying_the_same_again_changes_nothing(make_account: MakeAccount) -> None:
    account = make_account()
    before = session.scalars(select(Entry.id)).all()

    accounts.change(account.id, wish_of(account), now=NOW)

    session.flush()
    assert session.scalars(select(Entry.id)).all() == before
    assert account.version == 1


def test_secrets_are_sealed_in_the_database_and_absent_from_the_audit(
    make_account: MakeAccount,
) -> None:
    account = make_account(secret="ThisIsTheAppSecret")
    session.flush()

    stored = session.execute(text("SELECT secret, token, aes_key FROM accounts")).one()
    audited = json.dumps([[row.before, row.after] for row in session.scalars(select(Entry))])

    for plain in (account.secret, account.token, account.aes_key):
        assert plain not in "".join(stored)
        assert plain not in audited


def test_a_paused_account_is_known_to_be_paused(make_account: MakeAccount) -> None:
    account = make_account()

    accounts.pause(account.id, reason="设备检修")
    assert accounts.roster()[account.appid].paused
    assert account.pause_reason == "设备检修"
    assert not accounts.roster()[account.appid].can_send

    accounts.resume(account.id)
    assert not accounts.roster()[account.appid].paused
    assert account.pause_reason == ""


def test_why_an_account_was_paused_stands_in_the_audit_once(make_account: MakeAccount) -> None:
    account = make_account()

    accounts.pause(account.id, reason="设备检修")
    accounts.pause(account.id, reason="又点了一次")

    session.flush()
    said = session.scalars(select(Entry.reason).where(Entry.action == "account.pause")).all()
    assert said == ["设备检修"]


def test_a_wish_made_from_an_older_account_is_refused(make_account: MakeAccount) -> None:
    account = make_account()
    wanted = replace(wish_of(account), name="新名字")
    accounts.change(account.id, replace(wish_of(account), name="别人改的"), now=NOW, version=1)

    with pytest.raises(Stale):
        accounts.change(account.id, wanted, now=NOW, version=1)

    assert account.name == "别人改的"


def test_an_account_is_there_only_for_who_has_the_right_at_it(make_account: MakeAccount) -> None:
    mine, noise = make_account(1), make_account(2)
    member = member_at(mine.id, Right.ACCOUNTS_READ)

    assert accounts.access_account(member, mine.id, Right.ACCOUNTS_READ) is mine
    assert accounts.accounts_for_staff(member, Right.ACCOUNTS_READ) == [mine]
    assert accounts.accounts_for_staff(member, Right.ACCOUNTS_MANAGE) == []
    for account_id, right in (
        (noise.id, Right.ACCOUNTS_READ),
        (mine.id, Right.ACCOUNTS_MANAGE),
        (noise.id + 1, Right.ACCOUNTS_READ),
    ):
        with pytest.raises(NotFound):
            accounts.access_account(member, account_id, right)


def test_a_list_of_accounts_opens_no_secret(make_account: MakeAccount) -> None:
    account_id = make_account().id
    session.flush()
    session.expunge_all()

    (row,) = accounts.accounts_for_staff(EVERYWHERE, Right.ACCOUNTS_READ)

    assert row.id == account_id
    assert inspect(row).unloaded == set(accounts.SEALED)
