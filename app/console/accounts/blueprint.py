"""The group of pages about accounts, and what they share."""

from flask import Blueprint
from werkzeug.wrappers import Response

from app.web.auth import member
from config import settings
from config.permissions import Permission
from matrix import accounts
from matrix.accounts import Account, callback_stats, connection_checks
from matrix.accounts.callback_stats import CallbackStatus
from matrix.accounts.connection_checks import CheckKind, CheckStep, ConnectionCheck

blueprint = Blueprint("accounts", __name__, url_prefix="/console/accounts")
ViewResult = str | Response | tuple[str, int]


def access_account(account_id: int, permission: Permission = Permission.ACCOUNTS_MANAGE) -> Account:
    """The account, if the person who asks has this right there. Raises NotFound."""
    return accounts.access_account(member(), account_id, permission)


def callback_url(account: Account) -> str:
    """What WeChat's page asks for as the server's address."""
    return f"{settings.get().base_url}/wechat/{account.appid}"


def callback_status_of(account: Account) -> CallbackStatus | None:
    """What the account's address heard."""
    return callback_stats.by_account([account.id]).get(account.id)


def checks_of(account: Account) -> dict[CheckKind, ConnectionCheck]:
    """What WeChat said when it was asked about the account."""
    return connection_checks.by_account([account.id]).get(account.id, {})


def check_steps_of(account: Account) -> tuple[CheckStep, ...]:
    """All questions about the account's connection."""
    return connection_checks.steps(callback_status_of(account), checks_of(account))
