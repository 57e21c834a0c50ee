"""Keys: the secrets of an account, made, changed and shown without a gap.

    start_rotation ──> old and new are believed ──┬── finish_rotation   only the new ones
                                                  └── give_up_rotation  only the old ones again
    propose_secret ──> pending ── WeChat gives a token for it ──> accept_secret
                                └── it does not ──> refuse_secret, the old one stays

Token and EncodingAESKey are shown to a person until WeChat has used them, for pasting into
WeChat's page; keys that work are never shown again. The AppSecret is never shown at all.
"""

import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime

from config import audit, jobs
from config.database import locked
from config.errors import DomainError, Invalid
from matrix import account_tasks, accounts, callbacks, probes
from matrix.account_tasks import Kind
from matrix.accounts import Account
from matrix.callbacks import Heard

PROVE = "accounts.prove_secret"

_LETTERS = string.ascii_letters + string.digits
_SECRET = re.compile(r"[0-9a-zA-Z]{16,64}")


class RotationRunning(DomainError):
    """One change of keys at a time, or the first of the old ones would be lost."""

    text = "{name}正在更换密钥，请先完成或取消上一次更换。"


class NoRotation(DomainError):
    """There is nothing to finish or to give up."""

    text = "{name}没有正在进行的密钥更换。"


class NotHeardYet(DomainError):
    """Finished now, the account might hear nothing any more."""

    text = "还没有收到用新密钥发来的推送。请先在微信开发者平台提交新密钥，再给该账号发一条消息。"


class KeysInUse(DomainError):
    """Keys that work are not shown."""

    text = "这组密钥已在使用，不能再次显示。如需重新填写，请更换密钥。"


@dataclass(frozen=True)
class Keys:
    """What WeChat's page asks for."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)


def fresh() -> Keys:
    """Keys nobody else has: 32 and 43 letters and digits, by the system's chance."""
    return Keys(_random(32), _random(43))


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def are_in_use(account: Account, heard: Heard | None) -> bool:
    """Whether WeChat has used today's keys."""
    seen = heard.keys_at if heard is not None else None
    return seen is not None and seen >= account.keys_at


def reveal(account_id: int) -> Keys:
    """The keys, to be pasted into WeChat's page. Raises KeysInUse when that was done."""
    account = accounts.get(account_id)
    if are_in_use(account, callbacks.of_accounts([account_id]).get(account_id)):
        raise KeysInUse(account=account_id)
    audit.record(
        "account.reveal_keys",
        kind="account",
        object_id=account.id,
        label=account.name,
        department_id=account.department_id,
    )
    return Keys(account.token, account.aes_key)


def start_rotation(account_id: int, *, now: datetime) -> Account:
    """Make new keys; the old ones stay good. Raises RotationRunning."""
    account = locked(Account, account_id)
    if account.previous_token is not None:
        raise RotationRunning(name=account.name)
    made = fresh()
    before = accounts.facts(account)
    account.previous_token, account.previous_aes_key = account.token, account.aes_key
    account.token, account.aes_key = made.token, made.aes_key
    account.rotated_at = now
    account.version += 1
    accounts.changed("account.start_rotation", account, before=before)
    return account


def finish_rotation(account_id: int, *, now: datetime, anyway: bool = False) -> Account:
    """Stop believing the old keys, and close the tasks that asked for new ones.

    Raises NoRotation, and NotHeardYet when WeChat has not used the new ones; `anyway` is for
    keys that somebody stole.
    """
    account = _rotating(account_id)
    heard = callbacks.of_accounts([account_id]).get(account_id)
    if not anyway and not are_in_use(account, heard):
        raise NotHeardYet(account=account_id)
    before = accounts.facts(account)
    account.previous_token = account.previous_aes_key = None
    account.version += 1
    accounts.changed("account.finish_rotation", account, before=before)
    account_tasks.settle(account, Kind.KEYS, made_at=account.keys_at, now=now)
    return account


def give_up_rotation(account_id: int) -> Account:
    """Go back to the old keys. Raises NoRotation."""
    account = _rotating(account_id)
    before = accounts.facts(account)
    assert account.previous_token is not None
    assert account.previous_aes_key is not None
    account.token, account.aes_key = account.previous_token, account.previous_aes_key
    account.previous_token = account.previous_aes_key = account.rotated_at = None
    account.version += 1
    accounts.changed("account.give_up_rotation", account, before=before)
    return account


def _rotating(account_id: int) -> Account:
    account = locked(Account, account_id)
    if account.previous_token is None:
        raise NoRotation(name=account.name)
    return account


def propose_secret(account_id: int, secret: str, *, now: datetime) -> Account:
    """Have WeChat asked about a new AppSecret; until then the old one stays. Raises Invalid."""
    if not _SECRET.fullmatch(secret):
        raise Invalid(field="secret", problem="应为 16 到 64 位字母或数字，请从微信开发者平台复制")
    account = locked(Account, account_id)
    account.pending_secret = secret
    probes.note(account_id, probes.Kind.SECRET, probes.State.WAITING, "正在向微信核对…", now=now)
    jobs.enqueue(PROVE, account_id=account_id)
    return account


def accept_secret(account_id: int, secret: str, *, now: datetime) -> bool:
    """WeChat gave a token for it: use it from now on. False when another was proposed since."""
    account = locked(Account, account_id)
    if account.pending_secret != secret:
        return False
    before = accounts.facts(account)
    account.secret, account.pending_secret = secret, None
    account.version += 1
    accounts.changed("account.change_secret", account, before=before)
    account_tasks.settle(account, Kind.SECRET, made_at=now, now=now)
    return True


def refuse_secret(account_id: int, secret: str) -> bool:
    """WeChat knows it not: the old one stays. False when another was proposed since."""
    account = locked(Account, account_id)
    if account.pending_secret != secret:
        return False
    account.pending_secret = None
    return True
