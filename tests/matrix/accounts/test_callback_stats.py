"""Callbacks: noted in memory, written together, the later moment wins."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.database import session
from matrix import accounts
from matrix.accounts import AccountSnapshot, callback_stats
from matrix.accounts.callback_stats import CallbackHour, PushRates
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")


@pytest.fixture(autouse=True)
def empty_counters() -> Iterator[None]:
    yield
    callback_stats.reset()


def account_snapshot(make_account: MakeAccount, number: int = 1) -> AccountSnapshot:
    appid = make_account(number).appid
    return accounts.snapshots()[appid]


def test_callback_stats_are_written_once_for_many_pushes(make_account: MakeAccount) -> None:
    account, noise = account_snapshot(make_account, 1), account_snapshot(make_account, 2)
    for second in range(30):
        callback_stats.record_push(account, NOW + timedelta(seconds=second), is_previous=False)
    callback_stats.record_rejection(account, NOW + timedelta(minutes=1), reason="signature")
    callback_stats.record_verification(noise, NOW)

    assert callback_stats.flush() == 2
    assert callback_stats.flush() == 0

    row = callback_stats.by_account([account.id])[account.id]
    assert (row.last_push_at, row.verified_at) == (NOW + timedelta(seconds=29), None)
    assert (row.rejected_at, row.rejection_reason) == (NOW + timedelta(minutes=1), "signature")
    assert row.keys_at == account.keys_at
    assert callback_stats.rates([account.id, noise.id], now=NOW) == {
        account.id: PushRates(30, 1, 30, 1),
        noise.id: PushRates(),
    }


def test_older_stats_of_another_process_move_nothing_back(make_account: MakeAccount) -> None:
    account = account_snapshot(make_account)
    for at in (NOW, NOW - timedelta(seconds=3)):
        callback_stats.record_push(account, at, is_previous=True)
        callback_stats.flush()

    row = callback_stats.by_account([account.id])[account.id]
    session.refresh(row)
    assert (row.last_push_at, row.previous_at, row.current_at) == (NOW, NOW, None)
    assert callback_stats.rates([account.id], now=NOW)[account.id].accepted_hour == 2


def test_rates_count_the_last_day_and_hours_whole(make_account: MakeAccount) -> None:
    account = account_snapshot(make_account)
    for ago in (timedelta(minutes=50), timedelta(hours=5), timedelta(hours=30)):
        callback_stats.record_push(account, NOW - ago, is_previous=False)
        callback_stats.flush()

    assert callback_stats.rates([account.id], now=NOW)[account.id] == PushRates(1, 0, 2, 0)


def test_old_counts_are_deleted(make_account: MakeAccount) -> None:
    account = account_snapshot(make_account)
    for days in (0, 20):
        callback_stats.record_push(account, NOW - timedelta(days=days), is_previous=False)
        callback_stats.flush()

    callback_stats.delete_hours_older_than(before=NOW - callback_stats.RETENTION)

    assert len(session.scalars(select(CallbackHour)).all()) == 1


def test_threads_lose_no_count(make_account: MakeAccount) -> None:
    account = account_snapshot(make_account)

    def push(_: int) -> None:
        for _ in range(200):
            callback_stats.record_push(account, NOW, is_previous=False)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(push, range(4)))
    callback_stats.flush()

    assert callback_stats.rates([account.id], now=NOW)[account.id].accepted_day == 800


def test_every_reason_to_refuse_has_words_for_staff() -> None:
    told = {
        callback_stats.rejection_text(reason)
        for reason in ("signature", "stale", "cipher:padding", "missing:nonce")
    }

    assert len(told) == 4
    assert all(words for words in told)
