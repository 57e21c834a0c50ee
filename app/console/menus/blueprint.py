"""The blueprint of the menus' pages, and the header that those of one account share."""

from dataclasses import dataclass

from flask import Blueprint

from app.web.auth import member
from config.permissions import Permission
from matrix import accounts, menus

blueprint = Blueprint("menus", __name__, url_prefix="/console/menus")

STATE_LABELS: dict[menus.MenuState, tuple[str, str]] = {
    menus.MenuState.DRAFT: ("草稿", "secondary"),
    menus.MenuState.WAITING: ("推送中", "blue"),
    menus.MenuState.PUSHED: ("已推送", "green"),
    menus.MenuState.FAILED: ("推送失败", "red"),
    menus.MenuState.SUPERSEDED: ("未推送，已有新版", "secondary"),
}


@dataclass(frozen=True)
class AccountHeader:
    """The account that the tabs belong to, and whether the person may change its menu."""

    id: int
    name: str
    may_write: bool


def account_header(
    account_id: int, permission: Permission = Permission.ACCOUNTS_READ
) -> AccountHeader:
    """The header of an account's page. Raises NotFound where the person lacks the permission."""
    account = accounts.access_account(member(), account_id, permission)
    # at this account: many read the menus of all accounts and write those of one
    may_write = member().may(Permission.MENUS_WRITE, account_id=account_id)
    return AccountHeader(account.id, account.name, may_write)
