"""Key rotation: making, changing and showing an account's secrets without losing a message.

    start_rotation --> old and new keys accepted --+--> finish_rotation   only the new keys
                                                   +--> cancel_rotation   only the old keys

    submit_secret --> pending --job: WeChat issues a token--> accept_secret
                            +--job: WeChat refuses it-------> reject_secret, the old one stays

Token and EncodingAESKey are shown until WeChat has used them, because staff must paste them into
WeChat's page; keys in use are never shown again. The AppSecret is never shown at all.
"""

import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime

from config import audit, jobs
from config.database import get_for_update
from config.database.optimistic_locking import update_unversioned
from config.errors import DomainError, Invalid
from matrix import accounts
from matrix.accounts import Account, callback_stats, connection_checks, todos
from matrix.accounts.actions import KeyRotationAction
from matrix.accounts.callback_stats import CallbackStatus
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.accounts.todos import TodoKind

# what WeChat's page accepts in both fields
_ALPHABET = string.ascii_letters + string.digits
_SECRET = re.compile(r"[0-9a-zA-Z]{16,64}")


class RotationInProgress(DomainError):
    """Only one rotation at a time: a second one would drop keys WeChat still uses."""

    text = "{name}正在更换密钥，请先完成或取消上一次更换。"


class NoRotationInProgress(DomainError):
    """There is no rotation to finish or cancel."""

    text = "{name}没有正在进行的密钥更换。"


class NewKeysUnused(DomainError):
    """WeChat has not pushed with the new keys; finishing now might reject every push."""

    text = "还没有收到用新密钥发来的推送。请先在微信开发者平台提交新密钥，再给该账号发一条消息。"


class KeysInUse(DomainError):
    """Keys that WeChat uses are not shown again."""

    text = "这组密钥已在使用，不能再次显示。如需重新填写，请更换密钥。"


@dataclass(frozen=True)
class CallbackKeys:
    """The two values that WeChat's page asks for."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)


def generate() -> CallbackKeys:
    """New random keys: a Token of 32 and an EncodingAESKey of 43 letters and digits."""
    return CallbackKeys(_random(32), _random(43))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def are_in_use(account: Account, status: CallbackStatus | None) -> bool:
    """Whether WeChat has pushed with the current keys."""
    # compared by the keys' age, not by time of push: a push with the old keys may come later
    used_keys_at = status.keys_at if status is not None else None
    return used_keys_at is not None and used_keys_at >= account.keys_at


def reveal(account_id: int) -> CallbackKeys:
    """The current keys, to paste into WeChat's page; audited. Raises KeysInUse."""
    account = accounts.get(account_id)
    if are_in_use(account, callback_stats.by_account([account_id]).get(account_id)):
        raise KeysInUse(account=account_id)
    audit.record(
        KeyRotationAction.REVEAL_KEYS,
        owner=account,
        object_id=account.id,
        label=account.name,
    )
    return CallbackKeys(account.token, account.aes_key)


def start_rotation(account_id: int, *, now: datetime) -> Account:
    """Make new keys; the old ones stay valid. Raises RotationInProgress."""
    account = get_for_update(Account, account_id)
    if account.previous_token is not None:
        raise RotationInProgress(name=account.name)
    new_keys = generate()
    before = accounts.audit_facts(account)
    account.previous_token, account.previous_aes_key = account.token, account.aes_key
    account.token, account.aes_key = new_keys.token, new_keys.aes_key
    account.rotated_at = now
    accounts.record_change(KeyRotationAction.START, account, before=before)
    return account


def finish_rotation(account_id: int, *, now: datetime, force: bool = False) -> Account:
    """Stop accepting the old keys, and close the to-dos that asked for new ones.

    Raises NoRotationInProgress, and NewKeysUnused unless `force`, which is for keys that were
    stolen: then losing messages is the smaller harm.
    """
    account = _get_rotating(account_id)
    status = callback_stats.by_account([account_id]).get(account_id)
    if not force and not are_in_use(account, status):
        raise NewKeysUnused(account=account_id)
    before = accounts.audit_facts(account)
    account.previous_token = account.previous_aes_key = None
    accounts.record_change(KeyRotationAction.FINISH, account, before=before)
    # measured from when the keys were made: a to-do opened after that asks for still newer ones
    todos.complete_after_rotation(account, TodoKind.KEYS, rotated_at=account.keys_at, now=now)
    return account


def cancel_rotation(account_id: int) -> Account:
    """Go back to the old keys. Raises NoRotationInProgress."""
    account = _get_rotating(account_id)
    before = accounts.audit_facts(account)
    assert account.previous_token is not None
    assert account.previous_aes_key is not None
    # Both come back together: WeChat's page takes Token and EncodingAESKey in one form.
    account.token, account.aes_key = account.previous_token, account.previous_aes_key
    account.previous_token = account.previous_aes_key = account.rotated_at = None
    accounts.record_change(KeyRotationAction.CANCEL, account, before=before)
    return account


def _get_rotating(account_id: int) -> Account:
    account = get_for_update(Account, account_id)
    if account.previous_token is None:
        raise NoRotationInProgress(name=account.name)
    return account


def submit_secret(account_id: int, secret: str, *, now: datetime) -> Account:
    """Keep a new AppSecret as pending and have WeChat asked about it. Raises Invalid."""
    if not _SECRET.fullmatch(secret):
        raise Invalid(field="secret", problem="应为 16 到 64 位字母或数字，请从微信开发者平台复制")
    account = get_for_update(Account, account_id)
    # Beside the old one: a secret that was pasted wrongly must not stop the account. The form of
    # the account does not show it, and may stay open while WeChat is asked.
    update_unversioned(account, pending_secret=secret)
    connection_checks.record(
        account_id,
        connection_checks.CheckKind.SECRET,
        connection_checks.CheckState.WAITING,
        "正在向微信核对…",
        now=now,
    )
    # without a key: a second secret must be asked about even while the job of the first one runs
    jobs.enqueue(AccountJob.VERIFY_SECRET, account_id=account_id)
    return account


def accept_secret(account_id: int, secret: str, *, now: datetime) -> bool:
    """Use a secret for which WeChat issued a token. False when another was submitted since."""
    account = get_for_update(Account, account_id)
    if account.pending_secret != secret:
        return False
    before = accounts.audit_facts(account)
    account.secret, account.pending_secret = secret, None
    accounts.record_change(KeyRotationAction.ROTATE_SECRET, account, before=before)
    todos.complete_after_rotation(account, TodoKind.SECRET, rotated_at=now, now=now)
    return True


def reject_secret(account_id: int, secret: str) -> bool:
    """Drop a secret that WeChat refused. False when another was submitted since."""
    account = get_for_update(Account, account_id)
    if account.pending_secret != secret:
        return False
    update_unversioned(account, pending_secret=None)
    return True
