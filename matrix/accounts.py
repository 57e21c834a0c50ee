"""Accounts: the official accounts of the departments, and the secrets that open them.

    Department 1 ──< n Account ── envelope (callback keys), credentials (API)

The account's own mode decides which callbacks are accepted. When Token or EncodingAESKey are
changed, the old ones stay as `previous` until `finish_rotation`, for WeChat pushes with them a
while longer. `roster` gives every process the accounts as ready-made values, so a message asks
the database for nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs, revisions, settings
from config.crypto import Sealed
from config.database import Base, locked, session
from config.errors import Invalid, NotFound
from matrix.wechat.credentials import Credentials
from matrix.wechat.envelope import Envelope, Mode

REVISION = "accounts"
CONNECT = "accounts.connect"

_APPID = re.compile(r"wx[0-9a-f]{16}")
_ORIGINAL_ID = re.compile(r"gh_[0-9a-zA-Z]{6,32}")
_TOKEN = re.compile(r"[0-9a-zA-Z]{3,32}")
_AES_KEY = re.compile(r"[0-9a-zA-Z]{43}")


class Kind(StrEnum):
    """What WeChat calls 服务号 and 订阅号."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"


class State(StrEnum):
    """A paused account still says `success` to WeChat, and nothing else."""

    ACTIVE = "active"
    PAUSED = "paused"


class Account(Base):
    """One official account, connected by its own keys."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    appid: Mapped[str] = mapped_column(unique=True)
    original_id: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str]
    kind: Mapped[Kind]
    verified: Mapped[bool]
    mode: Mapped[Mode]
    state: Mapped[State] = mapped_column(default=State.ACTIVE)
    token: Mapped[str] = mapped_column(Sealed)
    aes_key: Mapped[str] = mapped_column(Sealed)
    secret: Mapped[str] = mapped_column(Sealed)
    previous_token: Mapped[str | None] = mapped_column(Sealed)
    previous_aes_key: Mapped[str | None] = mapped_column(Sealed)
    rotated_at: Mapped[datetime | None]
    welcome: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


@dataclass(frozen=True)
class Connection:
    """An account as a process keeps it in memory: values, keys and ciphers, no row."""

    id: int
    appid: str
    original_id: str
    name: str
    department_id: int
    kind: Kind
    verified: bool
    paused: bool
    welcome: str
    envelope: Envelope

    @property
    def can_send(self) -> bool:
        """Whether WeChat lets this account send customer-service messages."""
        return self.verified and not self.paused


@dataclass(frozen=True)
class Wish:
    """What somebody wants an account to be; the shape of the `accounts` file."""

    appid: str
    original_id: str
    department_id: int
    name: str
    kind: Kind
    verified: bool
    mode: Mode
    token: str
    aes_key: str
    secret: str
    welcome: str = ""

    def check(self) -> None:
        """Raises Invalid naming the first wrong field."""
        shapes = (
            ("appid", _APPID, "应为 wx 加 16 位小写十六进制字符"),
            ("original_id", _ORIGINAL_ID, "应以 gh_ 开头"),
            ("token", _TOKEN, "应为 3 到 32 位字母或数字"),
            ("aes_key", _AES_KEY, "应为 43 位字母或数字"),
        )
        for field, shape, problem in shapes:
            if not shape.fullmatch(getattr(self, field)):
                raise Invalid(field=field, problem=problem)
        if not self.name.strip() or len(self.name) > 60:
            raise Invalid(field="name", problem="不能为空，最长 60 个字符")
        if not self.secret:
            raise Invalid(field="secret", problem="不能为空")


def add(wish: Wish, *, now: datetime) -> Account:
    """Register an account and, once committed, connect it. Raises Invalid."""
    wish.check()
    for field in ("appid", "original_id"):
        if session.scalar(select(Account.id).filter_by(**{field: getattr(wish, field)})):
            raise Invalid(field=field, problem="已有账号使用")
    account = Account(**vars(wish), created_at=now)
    session.add(account)
    session.flush()  # the audit row and the job need the id
    _changed("account.add", account, before=None)
    jobs.enqueue(CONNECT, key=f"{CONNECT}:{account.id}", account_id=account.id)
    return account


def change(account_id: int, wish: Wish, *, now: datetime) -> Account:
    """Make the account what is wished; changed keys keep their predecessors. Raises Invalid."""
    wish.check()
    account = locked(Account, account_id)
    if wish.appid != account.appid:
        raise Invalid(field="appid", problem="不能更改，请登记为新账号")
    if all(getattr(account, name) == value for name, value in vars(wish).items()):
        return account
    before = _facts(account)
    if (wish.token, wish.aes_key) != (account.token, account.aes_key):
        account.previous_token, account.previous_aes_key = account.token, account.aes_key
        account.rotated_at = now
    for name, value in vars(wish).items():
        setattr(account, name, value)
    account.version += 1
    _changed("account.change", account, before=before)
    return account


def adopt_welcome(account_id: int, text: str) -> Account:
    """Greet followers as WeChat's console did, unless we have a greeting of our own."""
    account = locked(Account, account_id)
    if not account.welcome:
        before = _facts(account)
        account.welcome = text
        _changed("account.adopt_welcome", account, before=before)
    return account


def finish_rotation(account_id: int) -> Account:
    """Stop believing the keys from before the last change."""
    account = locked(Account, account_id)
    before = _facts(account)
    account.previous_token = account.previous_aes_key = None
    _changed("account.finish_rotation", account, before=before)
    return account


def pause(account_id: int) -> Account:
    """Stop answering and sending for this account."""
    return _switch(account_id, State.PAUSED, "account.pause")


def resume(account_id: int) -> Account:
    """Answer and send again."""
    return _switch(account_id, State.ACTIVE, "account.resume")


def get(account_id: int) -> Account:
    """The account of this id. Raises NotFound."""
    found = session.get(Account, account_id)
    if found is None:
        raise NotFound(kind="account", id=account_id)
    return found


def by_appid(appid: str) -> Account:
    """The account of this appid. Raises NotFound."""
    found = session.scalars(select(Account).where(Account.appid == appid)).one_or_none()
    if found is None:
        raise NotFound(kind="account", appid=appid)
    return found


def credentials(account_id: int) -> Credentials:
    """What the gateway needs to call WeChat for this account. Raises NotFound."""
    account = get(account_id)
    return Credentials(
        account_id=account.id,
        appid=account.appid,
        original_id=account.original_id,
        secret=account.secret,
    )


def names(account_ids: Iterable[int]) -> dict[int, str]:
    """Names by id."""
    rows = session.execute(select(Account.id, Account.name).where(Account.id.in_(set(account_ids))))
    return dict(rows.all())


def roster() -> dict[str, Connection]:
    """Every account by appid, with its keys and ciphers built."""
    return {row.appid: _connection(row) for row in session.scalars(select(Account))}


def _connection(account: Account) -> Connection:
    return Connection(
        id=account.id,
        appid=account.appid,
        original_id=account.original_id,
        name=account.name,
        department_id=account.department_id,
        kind=account.kind,
        verified=account.verified,
        paused=account.state is State.PAUSED,
        welcome=account.welcome,
        envelope=Envelope(
            appid=account.appid,
            original_id=account.original_id,
            mode=account.mode,
            token=account.token,
            aes_key=account.aes_key,
            previous_token=account.previous_token,
            previous_aes_key=account.previous_aes_key,
            window=settings.get().callback_window,
        ),
    )


def _switch(account_id: int, state: State, action: str) -> Account:
    account = locked(Account, account_id)
    if account.state is not state:
        before = _facts(account)
        account.state = state
        _changed(action, account, before=before)
    return account


def _facts(account: Account) -> dict[str, Any]:
    """What the audit may show: that a secret changed, never what it is."""
    return {
        "original_id": account.original_id,
        "department_id": account.department_id,
        "name": account.name,
        "kind": account.kind.value,
        "verified": account.verified,
        "mode": account.mode.value,
        "state": account.state.value,
        "welcome": account.welcome,
        "version": account.version,
        "rotating": account.previous_token is not None,
    }


def _changed(action: str, account: Account, *, before: dict[str, Any] | None) -> None:
    session.flush()  # the change must be in the database before others are told of it
    audit.record(
        action,
        kind="account",
        object_id=account.id,
        label=account.name,
        department_id=account.department_id,
        before=before,
        after=_facts(account),
    )
    revisions.bump(REVISION)
