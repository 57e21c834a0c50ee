"""The group of the menu pages, and what all of them say about an account."""

from dataclasses import dataclass

from flask import Blueprint

from app.auth import member
from config.tenancy import Right
from matrix import accounts, menus

blueprint = Blueprint("menus", __name__, url_prefix="/console/menus")

STATES: dict[menus.State, tuple[str, str]] = {
    menus.State.DRAFT: ("草稿", "secondary"),
    menus.State.WAITING: ("推送中", "blue"),
    menus.State.PUSHED: ("已推送", "green"),
    menus.State.FAILED: ("推送失败", "red"),
    menus.State.OVERTAKEN: ("未推送，已有新版", "secondary"),
}


@dataclass(frozen=True)
class Head:
    """The account above the tabs, and whether its menu may be written."""

    id: int
    name: str
    may_write: bool


def head(account_id: int, right: Right = Right.ACCOUNTS_READ) -> Head:
    """The account of a page. Raises NotFound outside of the area of the right."""
    account = accounts.access_account(member(), account_id, right)
    may_write = member().may(Right.MENUS_WRITE, account_id=account_id)
    return Head(account.id, account.name, may_write)
