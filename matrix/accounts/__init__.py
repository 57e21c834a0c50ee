"""Accounts: the official accounts of the departments, and the secrets that open them.

    Department 1 ──< n Account ── envelope (callback keys), credentials (API)

The account's own mode decides which callbacks are accepted. When Token or EncodingAESKey are
changed, the old ones stay as `previous` until the rotation is finished (`keys`), for WeChat
pushes with them a while longer. `roster` gives every process the accounts as ready-made values,
so a message asks the database for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, defer, mapped_column

from config import audit, cache_versions, jobs, settings
from config.database import Base, get_for_update, session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission, Principal
from config.security.crypto import EncryptedText
from config.validation import Says, Spec
from matrix.wechat.credentials import Credentials
from matrix.wechat.envelope import EncryptionMode, Envelope

CACHE_KEY = "accounts"
CONNECT = "accounts.connect"
SEALED_FIELDS = ("token", "aes_key", "secret", "previous_aes_key", "pending_secret")


class AccountKind(StrEnum):
    """What WeChat calls 服务号 and 订阅号."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"


class AccountState(StrEnum):
    """A paused account still says `success` to WeChat, and nothing else."""

    ACTIVE = "active"
    PAUSED = "paused"


class Account(Base):
    """One official account, connected by its own keys.

    `pending_secret` is a new AppSecret that WeChat has not been asked about yet. `verified_until`
    is the last day of WeChat's verification, as staff read it there.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    appid: Mapped[str] = mapped_column(unique=True)
    original_id: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str]
    kind: Mapped[AccountKind]
    verified: Mapped[bool]
    mode: Mapped[EncryptionMode]
    state: Mapped[AccountState] = mapped_column(default=AccountState.ACTIVE)
    token: Mapped[str] = mapped_column(EncryptedText)
    aes_key: Mapped[str] = mapped_column(EncryptedText)
    secret: Mapped[str] = mapped_column(EncryptedText)
    previous_token: Mapped[str | None] = mapped_column(EncryptedText)
    previous_aes_key: Mapped[str | None] = mapped_column(EncryptedText)
    rotated_at: Mapped[datetime | None]
    pending_secret: Mapped[str | None] = mapped_column(EncryptedText)
    welcome: Mapped[str]
    pause_reason: Mapped[str] = mapped_column(default="")
    verified_until: Mapped[date | None]
    qr_url: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def keys_at(self) -> datetime:
        """When today's Token and EncodingAESKey were made."""
        return self.rotated_at or self.created_at


@dataclass(frozen=True)
class AccountSnapshot:
    """An account as a process keeps it in memory: values, keys and ciphers, no row."""

    id: int
    appid: str
    original_id: str
    name: str
    department_id: int
    kind: AccountKind
    verified: bool
    paused: bool
    welcome: str
    keys_at: datetime
    envelope: Envelope

    @property
    def can_send(self) -> bool:
        """Whether WeChat lets this account send customer-service messages."""
        return self.verified and not self.paused


def _shape(pattern: str) -> StringConstraints:
    return StringConstraints(strict=True, pattern=rf"^(?s:{pattern})$")


class AccountSpec(Spec):
    """What somebody wants an account to be; the shape of the `accounts` file."""

    appid: Annotated[str, _shape("wx[0-9a-f]{16}"), Says("应为 wx 加 16 位小写十六进制字符")]
    original_id: Annotated[str, _shape("gh_[0-9a-zA-Z]{6,32}"), Says("应以 gh_ 开头")]
    department_id: int
    name: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"\S", max_length=60),
        Says("不能为空，最长 60 个字符"),
    ]
    kind: AccountKind
    verified: bool
    mode: EncryptionMode
    token: Annotated[
        str, _shape("[0-9a-zA-Z]{3,32}"), Says("应为 3 到 32 位字母或数字"), Field(repr=False)
    ]
    aes_key: Annotated[
        str, _shape("[0-9a-zA-Z]{43}"), Says("应为 43 位字母或数字"), Field(repr=False)
    ]
    secret: Annotated[str, _shape(".+"), Says("不能为空"), Field(repr=False)]
    welcome: str = ""


def create(spec: AccountSpec, *, now: datetime) -> Account:
    """Register an account and, once committed, connect it. Raises Invalid for one that is taken."""
    for field in ("appid", "original_id"):
        if session.scalar(select(Account.id).filter_by(**{field: getattr(spec, field)})):
            raise Invalid(field=field, problem="已有账号使用")
    account = Account(**vars(spec), created_at=now)
    session.add(account)
    session.flush()  # the audit row and the job need the id
    record_change("account.create", account, before=None)
    jobs.enqueue(CONNECT, key=f"{CONNECT}:{account.id}", account_id=account.id)
    return account


def spec_of(account: Account) -> AccountSpec:
    """What the account is, to change from; it was checked when it was written."""
    return AccountSpec.model_construct(
        **{name: getattr(account, name) for name in AccountSpec.model_fields}
    )


def update(
    account_id: int, spec: AccountSpec, *, now: datetime, version: int | None = None
) -> Account:
    """Make the account what the spec says; changed keys keep their predecessors.

    `version` is the one that the spec was made from, where a person made it. Raises Invalid, and
    Stale when the account has changed since.
    """
    account = get_for_update(Account, account_id)
    if version is not None and account.version != version:
        raise Stale(account=account_id)
    if spec.appid != account.appid:
        raise Invalid(field="appid", problem="不能更改，请登记为新账号")
    if all(getattr(account, name) == value for name, value in vars(spec).items()):
        return account
    before = audit_facts(account)
    if (spec.token, spec.aes_key) != (account.token, account.aes_key):
        account.previous_token, account.previous_aes_key = account.token, account.aes_key
        account.rotated_at = now
    for name, value in vars(spec).items():
        setattr(account, name, value)
    account.version += 1
    record_change("account.update", account, before=before)
    return account


def import_welcome(account_id: int, text: str) -> Account:
    """Greet followers as WeChat's console did, unless we have a greeting of our own."""
    account = get_for_update(Account, account_id)
    if not account.welcome:
        before = audit_facts(account)
        account.welcome = text
        record_change("account.import_welcome", account, before=before)
    return account


def pause(account_id: int, *, reason: str = "") -> Account:
    """Stop answering and sending for this account."""
    return _set_state(account_id, AccountState.PAUSED, reason, "account.pause")


def resume(account_id: int, *, reason: str = "") -> Account:
    """Answer and send again."""
    return _set_state(account_id, AccountState.ACTIVE, reason, "account.resume")


def set_verified_until(account_id: int, *, until: date | None) -> Account:
    """Note the last day of WeChat's verification."""
    account = get_for_update(Account, account_id)
    if account.verified_until != until:
        before = audit_facts(account)
        account.verified_until = until
        record_change("account.verify", account, before=before)
    return account


def set_qr_url(account_id: int, *, url: str) -> None:
    """Note what the account's own QR code says; it is for ever."""
    get_for_update(Account, account_id).qr_url = url


def get(account_id: int) -> Account:
    """The account of this id. Raises NotFound."""
    found = session.get(Account, account_id)
    if found is None:
        raise NotFound(kind="account", id=account_id)
    return found


def access_account(principal: Principal, account_id: int, permission: Permission) -> Account:
    """The account, for somebody who has this right there. Raises NotFound."""
    scope = principal.scope(permission)
    found = session.scalars(
        select(Account).where(Account.id == account_id, scope.sql_filter(account=Account.id))
    ).one_or_none()
    if found is None:
        raise NotFound(kind="account", id=account_id, staff=principal.staff_id)
    return found


def list_for_staff(principal: Principal, permission: Permission) -> list[Account]:
    """The accounts where the member has this right, by name; their secrets stay sealed.

    Only whether there is a previous Token is known.
    """
    sealed = [defer(getattr(Account, name)) for name in SEALED_FIELDS]
    rows = (
        select(Account)
        .where(principal.scope(permission).sql_filter(account=Account.id))
        .options(*sealed)
    )
    return list(session.scalars(rows.order_by(Account.name, Account.id)))


def get_by_appid(appid: str) -> Account:
    """The account of this appid. Raises NotFound."""
    found = session.scalars(select(Account).where(Account.appid == appid)).one_or_none()
    if found is None:
        raise NotFound(kind="account", appid=appid)
    return found


def department_ids() -> dict[int, int]:
    """The department of every account, by the account's id."""
    return dict(session.execute(select(Account.id, Account.department_id)).all())


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


def snapshots() -> dict[str, AccountSnapshot]:
    """Every account by appid, with its keys and ciphers built."""
    return {row.appid: _snapshot(row) for row in session.scalars(select(Account))}


def _snapshot(account: Account) -> AccountSnapshot:
    return AccountSnapshot(
        id=account.id,
        appid=account.appid,
        original_id=account.original_id,
        name=account.name,
        department_id=account.department_id,
        kind=account.kind,
        verified=account.verified,
        paused=account.state is AccountState.PAUSED,
        welcome=account.welcome,
        keys_at=account.keys_at,
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


def _set_state(account_id: int, state: AccountState, reason: str, action: str) -> Account:
    account = get_for_update(Account, account_id)
    if account.state is not state:
        before = audit_facts(account)
        account.state = state
        account.pause_reason = reason if state is AccountState.PAUSED else ""
        account.version += 1
        record_change(action, account, before=before, reason=reason)
    return account


def audit_facts(account: Account) -> dict[str, Any]:
    """What the audit may show: that a secret changed, never what it is."""
    return {
        "original_id": account.original_id,
        "department_id": account.department_id,
        "name": account.name,
        "kind": account.kind.value,
        "verified": account.verified,
        "mode": account.mode.value,
        "state": account.state.value,
        "verified_until": account.verified_until and account.verified_until.isoformat(),
        "welcome": account.welcome,
        "version": account.version,
        "rotating": account.previous_token is not None,
    }


def record_change(
    action: str, account: Account, *, before: dict[str, Any] | None, reason: str = ""
) -> None:
    """Tell the audit and all processes of a change to an account."""
    session.flush()  # the change must be in the database before others are told of it
    audit.record(
        action,
        kind="account",
        object_id=account.id,
        label=account.name,
        department_id=account.department_id,
        before=before,
        after=audit_facts(account),
        reason=reason,
    )
    cache_versions.invalidate(CACHE_KEY)
