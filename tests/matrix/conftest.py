"""Departments and accounts for tests of this room."""

from collections.abc import Callable
from typing import Any

import pytest

from config.database import session
from config.permissions import Permission, PermissionScope, Principal
from matrix import accounts, departments
from matrix.accounts import Account, AccountKind, AccountSpec
from matrix.departments import Department
from matrix.wechat.envelope import EncryptionMode
from tests.helpers import NOW

EVERYWHERE = Principal(1, "管理员", dict.fromkeys(Permission, PermissionScope(everywhere=True)))

MakeDepartment = Callable[..., Department]
MakeAccount = Callable[..., Account]


def principal_at(account_id: int, *rights: Permission) -> Principal:
    """Somebody who has these rights at one account."""
    return Principal(
        2, "编辑", dict.fromkeys(rights, PermissionScope(accounts=frozenset({account_id})))
    )


def principal_of(department_id: int, *rights: Permission) -> Principal:
    """Somebody who has these rights in one department."""
    return Principal(
        3,
        "单位管理员",
        dict.fromkeys(rights, PermissionScope(departments=frozenset({department_id}))),
    )


@pytest.fixture
def make_department(rolled_back: None) -> MakeDepartment:
    """Found a department by code, below another or not."""

    def make(code: str, *, below: Department | None = None, name: str = "") -> Department:
        return departments.create(
            slug=code,
            name=name or f"{code}局",
            kind="政府部门",
            parent_id=below.id if below else None,
            now=NOW,
        )

    return make


def account_spec(department: Department, number: int = 1, **changes: Any) -> AccountSpec:
    """What an account should be; numbers tell accounts apart."""
    values: dict[str, Any] = {
        "appid": f"wx{number:016x}",
        "original_id": f"gh_{number:012d}",
        "department_id": department.id,
        "name": f"账号{number}",
        "kind": AccountKind.SERVICE,
        "verified": True,
        "mode": EncryptionMode.SAFE,
        "token": f"token{number}",
        "aes_key": f"{number:0>42}A",
        "secret": f"secret{number:0>20}",
    }
    return AccountSpec(**values | changes)


@pytest.fixture
def make_account(make_department: MakeDepartment) -> MakeAccount:
    """Register an account, with a department of its own unless one is given."""

    def make(number: int = 1, *, department: Department | None = None, **changes: Any) -> Account:
        owner = department or make_department(f"owner{number}")
        account = accounts.create(account_spec(owner, number, **changes), now=NOW)
        session.flush()
        return account

    return make
