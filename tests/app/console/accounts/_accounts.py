"""Accounts as WeChat and the database see them, for the tests of their pages."""

from config import clock
from config.database import transaction
from matrix import accounts
from matrix.accounts import Account, callback_stats
from tests.helpers.console import Console

PATH = "/console/accounts"


def get_account(account_id: int) -> Account:
    with transaction():
        return accounts.get(account_id)


def record_push(console: Console, account_id: int) -> None:
    """WeChat pushes with the keys of today."""
    with transaction():
        connection = {one.id: one for one in accounts.snapshots().values()}[account_id]
        callback_stats.record_push(connection, clock.now(), is_previous=False)
        callback_stats.flush()
