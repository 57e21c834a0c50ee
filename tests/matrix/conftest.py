"""Departments and accounts for tests of this room."""

from collections.abc import Callable
from typing import Any

import pytest

from config.database import session
from config.tenancy import Area, Member, Right
from matrix import accounts, departments
from matrix.accounts import Account, Kind, Wish
from matrix.departments import Department
from matrix.wechat.envelope import Mode
from tests.fixtures import NOW

EVERYWHERE = Member(1, "管理员", dict.fromkeys(Right, Area(everywhere=True)))

MakeDepartment = Callable[..., Department]
MakeAccount = Callable[..., Account]


def member_at(account_id: int, *rights: Right) -> Member:
    """Somebody who has these rights at one account."""
    return Member(2, "编辑", dict.fromkeys(rights, Area(accounts=frozenset({account_id}))))


def member_of(department_id: int, *rights: Right) -> Member:
    """Somebody who has these rights in one department."""
    return Member(
        3, "单位管理员", dict.fromkeys(rights, Area(departments=frozenset({department_id})))
    )


@pytest.fixture
def make_department(rolled_back: None) -> MakeDepartment:
    """Found a department by code, below another or not."""

    def make(code: str, *, below: Department | None = None, name: str = "") -> Department:
        return departments.add(
            code=code,
            name=name or f"{code}局",
            kind="政府部门",
            parent_id=below.id if below else None,
            now=NOW,
        )

    return make


def wish(department: Department, number: int = 1, **changes: Any) -> Wish:
    """What an account should be; numbers tell accounts apart."""
    values: dict[str, Any] = {
        "appid": f"wx{number:016x}",
        "original_id": f"gh_{number:012d}",
        "department_id": department.id,
        "name": f"账号{number}",
        "kind": Kind.SERVICE,
        "verified": True,
        "mode": Mode.SAFE,
        "token": f"token{number}",
        "aes_key": f"{number:0>42}A",
        "secret": f"secret{number:0>20}",
    }
    return Wish(**values | changes)


@pytest.fixture
def make_account(make_department: MakeDepartment) -> MakeAccount:
    """Register an account, with a department of its own unless one is given."""

    def make(number: int = 1, *, department: Department | None = None, **changes: Any) -> Account:
        owner = department or make_department(f"owner{number}")
        account = accounts.add(wish(owner, number, **changes), now=NOW)
        session.flush()
        return account

    return make
