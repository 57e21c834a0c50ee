"""Accounts: registered with checked keys, changed without a gap, ready-made for callbacks."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import inspect, select, text

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission
from matrix import accounts
from matrix.accounts import key_rotation, spec_of
from tests.helpers import NOW
from tests.matrix.conftest import (
    EVERYWHERE,
    MakeAccount,
    MakeDepartment,
    account_spec,
    principal_at,
)

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_a_new_account_asks_to_be_connected(
    make_account: MakeAccount, enqueued_jobs: Callable[[], list[str]]
) -> None:
    make_account()

    assert enqueued_jobs() == ["accounts.connect"]


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
        accounts.create(account_spec(make_department("police"), **{field: value}), now=NOW)

    assert refusal.value.field == field


def test_an_appid_is_registered_once(make_account: MakeAccount) -> None:
    make_account(1)

    with pytest.raises(Invalid, match="appid"):
        make_account(2, appid=f"wx{1:016x}")


def test_changed_keys_keep_their_predecessors_until_the_rotation_is_finished(
    make_account: MakeAccount,
) -> None:
    account = make_account()
    wanted = spec_of(account).replace(aes_key="B" * 43)

    accounts.update(account.id, wanted, now=NOW)
    assert (account.aes_key, account.previous_aes_key) == ("B" * 43, f"{1:0>42}A")
    assert accounts.snapshots()[account.appid].envelope

    key_rotation.finish_rotation(account.id, now=NOW, force=True)
    assert account.previous_aes_key is None
    assert account.previous_token is None


def test_saving_the_same_again_changes_nothing(make_account: MakeAccount) -> None:
    account = make_account()
    before = session.scalars(select(AuditEntry.id)).all()

    accounts.update(account.id, spec_of(account), now=NOW)

    session.flush()
    assert session.scalars(select(AuditEntry.id)).all() == before
    assert account.version == 1


def test_secrets_are_sealed_in_the_database_and_absent_from_the_audit(
    make_account: MakeAccount,
) -> None:
    account = make_account(secret="ThisIsTheAppSecret")
    session.flush()

    stored = session.execute(text("SELECT secret, token, aes_key FROM accounts")).one()
    audited = json.dumps([[row.before, row.after] for row in session.scalars(select(AuditEntry))])

    for plain in (account.secret, account.token, account.aes_key):
        assert plain not in "".join(stored)
        assert plain not in audited


def test_a_paused_account_is_known_to_be_paused(make_account: MakeAccount) -> None:
    account = make_account()

    accounts.pause(account.id, reason="设备检修")
    assert accounts.snapshots()[account.appid].paused
    assert account.pause_reason == "设备检修"
    assert not accounts.snapshots()[account.appid].can_send

    accounts.resume(account.id)
    assert not accounts.snapshots()[account.appid].paused
    assert account.pause_reason == ""


def test_why_an_account_was_paused_stands_in_the_audit_once(make_account: MakeAccount) -> None:
    account = make_account()

    accounts.pause(account.id, reason="设备检修")
    accounts.pause(account.id, reason="又点了一次")

    session.flush()
    said = session.scalars(
        select(AuditEntry.reason).where(AuditEntry.action == "account.pause")
    ).all()
    assert said == ["设备检修"]


def test_a_change_based_on_an_older_version_is_refused(make_account: MakeAccount) -> None:
    account = make_account()
    wanted = spec_of(account).replace(name="新名字")
    accounts.update(account.id, spec_of(account).replace(name="别人改的"), now=NOW, version=1)

    with pytest.raises(Stale):
        accounts.update(account.id, wanted, now=NOW, version=1)

    assert account.name == "别人改的"


def test_an_account_is_there_only_for_who_has_the_right_at_it(make_account: MakeAccount) -> None:
    mine, noise = make_account(1), make_account(2)
    member = principal_at(mine.id, Permission.ACCOUNTS_READ)

    assert accounts.access_account(member, mine.id, Permission.ACCOUNTS_READ) is mine
    assert accounts.list_for_staff(member, Permission.ACCOUNTS_READ) == [mine]
    assert accounts.list_for_staff(member, Permission.ACCOUNTS_MANAGE) == []
    for account_id, right in (
        (noise.id, Permission.ACCOUNTS_READ),
        (mine.id, Permission.ACCOUNTS_MANAGE),
        (noise.id + 1, Permission.ACCOUNTS_READ),
    ):
        with pytest.raises(NotFound):
            accounts.access_account(member, account_id, right)


def test_a_list_of_accounts_opens_no_secret(make_account: MakeAccount) -> None:
    account_id = make_account().id
    session.flush()
    session.expunge_all()

    (row,) = accounts.list_for_staff(EVERYWHERE, Permission.ACCOUNTS_READ)

    assert row.id == account_id
    assert inspect(row).unloaded == set(accounts.SEALED_FIELDS)
