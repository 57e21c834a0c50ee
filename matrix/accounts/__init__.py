"""Accounts: the official accounts of the departments, and the keys that connect them to WeChat.

An account has two sets of secrets. Token and EncodingAESKey protect the callbacks that WeChat sends
us (`Envelope`); the AppSecret lets us call WeChat's API (`Credentials`). When Token and
EncodingAESKey change, the old ones stay as `previous_…` until the rotation is finished
(`key_rotation`), because WeChat goes on pushing with the old ones for a while.

`snapshots` gives every process the accounts as immutable values with ready-made ciphers, so that
handling a message needs no query for its account.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, defer, mapped_column

from config import audit, cache_versions, jobs, settings
from config.database import Base, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version, update_unversioned
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from config.security.crypto import EncryptedText
from config.validation import NOT_BLANK, ErrorMessage, Spec
from matrix.accounts.actions import AccountAction, KeyRotationAction
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.wechat.credentials import Credentials
from matrix.wechat.envelope import EncryptionMode, Envelope

CACHE_KEY = "accounts"
# the columns a list must not load: decrypting costs time, and secrets should not lie around in
# memory
SEALED_FIELDS = ("token", "aes_key", "secret", "previous_aes_key", "pending_secret")


class AccountKind(StrEnum):
    """WeChat's two kinds: 服务号 and 订阅号. What each may do: wechat-platform.md 14."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"


class AccountState(StrEnum):
    """Whether the hub answers and sends for the account."""

    ACTIVE = "active"
    # callbacks are still acknowledged with `success`, or WeChat would tell followers that the
    # service has failed
    PAUSED = "paused"


class Account(Versioned, Base):
    """One official account, connected by its own keys.

    `pending_secret` is a new AppSecret that WeChat has not confirmed yet. `verified_until` is the
    last day of WeChat's yearly verification (微信认证), entered by staff, since no API tells it.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    appid: Mapped[str] = mapped_column(unique=True)
    original_id: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str]
    kind: Mapped[AccountKind]
    # 微信认证: only verified accounts may use most of the API
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
    # the text encoded in the account's own QR code, drawn by us in any size
    qr_url: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]

    @property
    def keys_at(self) -> datetime:
        """When the current Token and EncodingAESKey were made."""
        return self.rotated_at or self.created_at

    @property
    def account_id(self) -> int:
        """Its own id, so that it is the owner of what is recorded about it."""
        return self.id


@dataclass(frozen=True)
class AccountSnapshot:
    """An account as a process keeps it in memory: immutable values and ciphers, no database row."""

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
        """Whether the account may send customer-service messages: verified and not paused."""
        return self.verified and not self.paused


def _pattern(pattern: str) -> StringConstraints:
    # strict: a number that YAML has read is no longer what was written
    return StringConstraints(strict=True, pattern=rf"^(?s:{pattern})$")


# the forms in which WeChat shows these values on its developer pages
_AppId = Annotated[
    str, _pattern("wx[0-9a-f]{16}"), ErrorMessage("应为 wx 加 16 位小写十六进制字符")
]
_OriginalId = Annotated[str, _pattern("gh_[0-9a-zA-Z]{6,32}"), ErrorMessage("应以 gh_ 开头")]
_Token = Annotated[str, _pattern("[0-9a-zA-Z]{3,32}"), ErrorMessage("应为 3 到 32 位字母或数字")]
_AesKey = Annotated[str, _pattern("[0-9a-zA-Z]{43}"), ErrorMessage("应为 43 位字母或数字")]


class AccountSpec(Spec):
    """What an account should be: the shape of the console's form and of the `accounts` file."""

    appid: _AppId
    original_id: _OriginalId
    department_id: int
    name: Annotated[
        str,
        StringConstraints(strict=True, pattern=NOT_BLANK, max_length=60),
        ErrorMessage("不能为空，最长 60 个字符"),
    ]
    kind: AccountKind
    verified: bool
    mode: EncryptionMode
    # no repr of secrets: it would end up in tracebacks and logs
    token: _Token = Field(repr=False)
    aes_key: _AesKey = Field(repr=False)
    secret: Annotated[str, _pattern(".+"), ErrorMessage("不能为空")] = Field(repr=False)
    welcome: str = ""


def create(spec: AccountSpec, *, now: datetime) -> Account:
    """Register an account; a job connects it after the commit.

    Raises Invalid for an AppID or original ID that another account has.
    """
    # asked before the insert, so that the form can name the field; the
    # unique indexes decide a race
    for field in ("appid", "original_id"):
        if session.scalar(select(Account.id).filter_by(**{field: getattr(spec, field)})):
            raise Invalid(field=field, problem="已有账号使用")
    account = Account(**vars(spec), created_at=now)
    session.add(account)
    session.flush()  # the audit row and the job need the id
    record_change(AccountAction.CREATE, account, before=None)
    jobs.enqueue(
        AccountJob.CONNECT, key=f"{AccountJob.CONNECT}:{account.id}", account_id=account.id
    )
    return account


def spec_of(account: Account) -> AccountSpec:
    """The account's present values as a spec, to change single fields of."""
    # not validated again: an account must stay editable when a limit has become narrower
    return AccountSpec.model_construct(
        **{name: getattr(account, name) for name in AccountSpec.model_fields}
    )


def update(
    account_id: int, spec: AccountSpec, *, now: datetime, version: int | None = None
) -> Account:
    """Give the account the values of the spec; changed keys become `previous_…`.

    `version` is the one the form was opened with; None skips the check. Raises Invalid, and Stale
    when the account has changed since.
    """
    account = get_for_update(Account, account_id)
    check_version(account, version, f"{account.name}的资料", account=account_id)
    # openids and media ids belong to the appid; another appid is another account
    if spec.appid != account.appid:
        raise Invalid(field="appid", problem="不能更改，请登记为新账号")
    if all(getattr(account, name) == value for name, value in vars(spec).items()):
        return account
    before = audit_facts(account)
    if (spec.token, spec.aes_key) != (account.token, account.aes_key):
        # callbacks with the old keys keep working until somebody finishes the rotation
        account.previous_token, account.previous_aes_key = account.token, account.aes_key
        account.rotated_at = now
    for name, value in vars(spec).items():
        setattr(account, name, value)
    record_change(AccountAction.UPDATE, account, before=before)
    return account


def import_welcome(account_id: int, text: str) -> Account:
    """Take over the greeting set in WeChat's own console, unless we have one."""
    account = get_for_update(Account, account_id)
    if not account.welcome:
        before = audit_facts(account)
        account.welcome = text
        record_change(AccountAction.IMPORT_WELCOME, account, before=before)
    return account


def pause(account_id: int, *, reason: str = "") -> Account:
    """Stop answering and sending for the account."""
    return _set_state(account_id, AccountState.PAUSED, reason, AccountAction.PAUSE)


def resume(account_id: int, *, reason: str = "") -> Account:
    """Answer and send again."""
    return _set_state(account_id, AccountState.ACTIVE, reason, AccountAction.RESUME)


def set_verified_until(account_id: int, *, until: date | None) -> Account:
    """Note the last day of WeChat's verification."""
    account = get_for_update(Account, account_id)
    if account.verified_until != until:
        before = audit_facts(account)
        account.verified_until = until
        record_change(AccountAction.VERIFY, account, before=before)
    return account


def set_qr_url(account_id: int, *, url: str) -> None:
    """Note what the account's own QR code contains; it never changes."""
    # no audit row: nobody decided anything, WeChat told it
    update_unversioned(get(account_id), qr_url=url)


def get(account_id: int) -> Account:
    """The account with this id. Raises NotFound."""
    found = session.get(Account, account_id)
    if found is None:
        raise NotFound(kind="account", id=account_id)
    return found


def access_account(principal: Principal, account_id: int, permission: Permission) -> Account:
    """The account, for a principal with this permission there. Raises NotFound."""
    scope = principal.scope(permission)
    found = session.scalars(
        select(Account).where(Account.id == account_id, scope.sql_filter(account=Account.id))
    ).one_or_none()
    if found is None:
        raise NotFound(kind="account", id=account_id, staff=principal.staff_id)
    return found


def list_for_staff(principal: Principal, permission: Permission) -> list[Account]:
    """Accounts where the principal has the permission, by name, without their secrets.

    The encrypted columns are deferred, except `previous_token`: whether there is one tells that a
    rotation is going on.
    """
    sealed = [defer(getattr(Account, name)) for name in SEALED_FIELDS]
    rows = (
        select(Account)
        .where(principal.scope(permission).sql_filter(account=Account.id))
        .options(*sealed)
    )
    return list(session.scalars(rows.order_by(Account.name, Account.id)))


def get_by_appid(appid: str) -> Account:
    """The account with this appid. Raises NotFound."""
    found = session.scalars(select(Account).where(Account.appid == appid)).one_or_none()
    if found is None:
        raise NotFound(kind="account", appid=appid)
    return found


def department_ids() -> dict[int, int]:
    """The owning department's id by account id."""
    return dict(session.execute(select(Account.id, Account.department_id)).all())


def credentials(account_id: int) -> Credentials:
    """What the gateway needs to call WeChat for the account. Raises NotFound."""
    account = get(account_id)
    return Credentials(
        account_id=account.id,
        appid=account.appid,
        original_id=account.original_id,
        secret=account.secret,
    )


def names(account_ids: Iterable[int]) -> dict[int, str]:
    """Names by account id."""
    rows = session.execute(select(Account.id, Account.name).where(Account.id.in_(set(account_ids))))
    return dict(rows.all())


def snapshots() -> dict[str, AccountSnapshot]:
    """Every account by appid, with its keys decrypted and its ciphers built."""
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


def _set_state(account_id: int, state: AccountState, reason: str, action: AccountAction) -> Account:
    account = get_for_update(Account, account_id)
    if account.state is not state:
        before = audit_facts(account)
        account.state = state
        account.pause_reason = reason if state is AccountState.PAUSED else ""
        record_change(action, account, before=before, reason=reason)
    return account


def audit_facts(account: Account) -> dict[str, object]:
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
    action: AccountAction | KeyRotationAction,
    account: Account,
    *,
    before: dict[str, object] | None,
    reason: str = "",
) -> None:
    """Write the audit row of a change and make every process reload the accounts."""
    session.flush()  # the audit row needs the id, and must describe what is in the database
    audit.record(
        action,
        owner=account,
        object_id=account.id,
        label=account.name,
        before=before,
        after=audit_facts(account),
        reason=reason,
    )
    cache_versions.invalidate(CACHE_KEY)
