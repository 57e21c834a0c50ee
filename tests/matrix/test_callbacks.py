"""Callbacks: noted in memory, written together, the later moment wins."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.database import session
from matrix import accounts, callbacks
from matrix.accounts import Connection
from matrix.callbacks import Hour, Rate
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")


@pytest.fixture(autouse=True)
def nothing_heard() -> Iterator[None]:
    yield
    callbacks.forget()


def connection(make_account: MakeAccount, number: int = 1) -> Connection:
    appid = make_account(number).appid
    return accounts.roster()[appid]


def test_what_was_heard_is_written_once_for_many_pushes(make_account: MakeAccount) -> None:
    account, noise = connection(make_account, 1), connection(make_account, 2)
    for second in range(30):
        callbacks.heard(account, NOW + timedelta(seconds=second), is_previous=False)
    callbacks.refused(account, NOW + timedelta(minutes=1), reason="signature")
    callbacks.checked(noise, NOW)

    assert callbacks.write() == 2
    assert callbacks.write() == 0

    row = callbacks.of_accounts([account.id])[account.id]
    assert (row.heard_at, row.checked_at) == (NOW + timedelta(seconds=29), None)
    assert (row.refused_at, row.refused_why) == (NOW + timedelta(minutes=1), "signature")
    assert row.keys_at == account.keys_at
    assert callbacks.rates([account.id, noise.id], now=NOW) == {
        account.id: Rate(30, 1, 30, 1),
        noise.id: Rate(),
    }


def test_an_older_note_of_another_process_moves_nothing_back(make_account: MakeAccount) -> None:
    account = connection(make_account)
    for at in (NOW, NOW - timedelta(seconds=3)):
        callbacks.heard(account, at, is_previous=True)
        callbacks.write()

    row = callbacks.of_accounts([account.id])[account.id]
    session.refresh(row)
    assert (row.heard_at, row.previous_at, row.current_at) == (NOW, NOW, None)
    assert callbacks.rates([account.id], now=NOW)[account.id].heard_hour == 2


def test_rates_count_the_last_day_and_hours_whole(make_account: MakeAccount) -> None:
    account = connection(make_account)
    for ago in (timedelta(minutes=50), timedelta(hours=5), timedelta(hours=30)):
        callbacks.heard(account, NOW - ago, is_previous=False)
        callbacks.write()

    assert callbacks.rates([account.id], now=NOW)[account.id] == Rate(1, 0, 2, 0)


def test_old_counts_are_forgotten(make_account: MakeAccount) -> None:
    account = connection(make_account)
    for days in (0, 20):
        callbacks.heard(account, NOW - timedelta(days=days), is_previous=False)
        callbacks.write()

    callbacks.forget_hours(before=NOW - callbacks.KEPT)

    assert len(session.scalars(select(Hour)).all()) == 1


def test_threads_lose_no_note(make_account: MakeAccount) -> None:
    account = connection(make_account)

    def push(_: int) -> None:
        for _ in range(200):
            callbacks.heard(account, NOW, is_previous=False)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(push, range(4)))
    callbacks.write()

    assert callbacks.rates([account.id], now=NOW)[account.id].heard_day == 800


def test_every_reason_to_refuse_has_words_for_staff() -> None:
    told = {
        callbacks.why(reason)
        for reason in ("signature", "stale", "cipher:padding", "missing:nonce")
    }

    assert len(told) == 4
    assert all(words for words in told)
