"""The group of the menu pages, and what all of them say about an account."""

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
    """The account above the tabs, and whether its menu may be written."""

    id: int
    name: str
    may_write: bool


def account_header(
    account_id: int, permission: Permission = Permission.ACCOUNTS_READ
) -> AccountHeader:
    """The account of a page. Raises NotFound outside of the area of the right."""
    account = accounts.access_account(member(), account_id, permission)
    may_write = member().may(Permission.MENUS_WRITE, account_id=account_id)
    return AccountHeader(account.id, account.name, may_write)
