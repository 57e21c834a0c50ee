"""The blueprint of the accounts' pages, and what they share."""

from flask import Blueprint

from app.web.auth import member
from config import settings
from config.permissions import Permission
from matrix import accounts
from matrix.accounts import Account, callback_stats, connection_checks
from matrix.accounts.callback_stats import CallbackStatus
from matrix.accounts.connection_checks import CheckKind, CheckStep, ConnectionCheck

blueprint = Blueprint("accounts", __name__, url_prefix="/console/accounts")


def access_account(account_id: int, permission: Permission = Permission.ACCOUNTS_MANAGE) -> Account:
    """The account. Raises NotFound where the signed-in person lacks the permission."""
    return accounts.access_account(member(), account_id, permission)


def callback_url(account: Account) -> str:
    """The server address to enter in WeChat's console."""
    return f"{settings.get().base_url}/wechat/{account.appid}"


def callback_status_of(account: Account) -> CallbackStatus | None:
    """What the account's callback address has received; None before the first push."""
    return callback_stats.by_account([account.id]).get(account.id)


def checks_of(account: Account) -> dict[CheckKind, ConnectionCheck]:
    """The latest result of each check that WeChat has answered."""
    return connection_checks.by_account([account.id]).get(account.id, {})


def check_steps_of(account: Account) -> tuple[CheckStep, ...]:
    """All checks of the connection in the order in which staff work through them."""
    return connection_checks.steps(callback_status_of(account), checks_of(account))
