"""The group of pages about accounts, and what they share."""

from flask import Blueprint
from werkzeug.wrappers import Response

from app.auth import member
from config import settings
from config.tenancy import Right
from matrix import accounts, callbacks, probes
from matrix.accounts import Account
from matrix.callbacks import Heard
from matrix.probes import Kind, Probe, Step

blueprint = Blueprint("accounts", __name__, url_prefix="/console/accounts")
Answer = str | Response | tuple[str, int]


def reachable(account_id: int, right: Right = Right.ACCOUNTS_MANAGE) -> Account:
    """The account, if the person who asks has this right there. Raises NotFound."""
    return accounts.access_account(member(), account_id, right)


def callback_url(account: Account) -> str:
    """What WeChat's page asks for as the server's address."""
    return f"{settings.get().address}/wechat/{account.appid}"


def heard_of(account: Account) -> Heard | None:
    """What the account's address heard."""
    return callbacks.of_accounts([account.id]).get(account.id)


def probes_of(account: Account) -> dict[Kind, Probe]:
    """What WeChat said when it was asked about the account."""
    return probes.of_accounts([account.id]).get(account.id, {})


def steps_of(account: Account) -> tuple[Step, ...]:
    """All questions about the account's connection."""
    return probes.steps(heard_of(account), probes_of(account))
