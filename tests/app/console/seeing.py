"""Accounts as WeChat and the database see them, for the tests of their pages."""

from config import clock
from config.database import transaction
from matrix import accounts, callbacks
from matrix.accounts import Account
from tests.fixtures.console import Desk

URL = "/console/accounts"


def row(account_id: int) -> Account:
    with transaction():
        return accounts.get(account_id)


def heard(desk: Desk, account_id: int) -> None:
    """WeChat pushes with the keys of today."""
    with transaction():
        connection = {one.id: one for one in accounts.roster().values()}[account_id]
        callbacks.heard(connection, clock.now(), is_previous=False)
        callbacks.write()
