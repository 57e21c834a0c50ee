"""Departments and accounts for tests of what is stored."""

from collections.abc import Callable

import pytest

from config.database import session
from matrix import accounts, departments
from matrix.accounts import Account
from tests.helpers import NOW
from tests.matrix.conftest import account_spec


@pytest.fixture
def make_department(rolled_back: None) -> Callable[[str], int]:
    """Found a department by code. Gives its number."""

    def make(code: str) -> int:
        return departments.create(slug=code, name=f"{code}局", kind="政府部门", now=NOW).id

    return make


@pytest.fixture
def make_account(rolled_back: None) -> Callable[..., Account]:
    """Register an account by number, with a department of its own."""

    def make(number: int = 1) -> Account:
        owner = departments.create(slug=f"owner{number}", name=f"单位{number}", kind="", now=NOW)
        account = accounts.create(account_spec(owner, number), now=NOW)
        session.flush()
        return account

    return make
