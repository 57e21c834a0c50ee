"""QR codes: the codes with a scene of an account, made by WeChat when staff ask for one.

    create --> WAITING --job--> READY --(expires)--renew--> WAITING
                     +-------> FAILED -----------renew--> WAITING

WeChat cannot delete a code. One that is no longer needed is retired: it leaves the list, and its
scans are still answered and counted.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, compare_and_set, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import DomainError, Invalid, NotFound
from config.jobs import JobName
from config.permissions import Permission, Principal
from config.validation import ErrorMessage, Spec
from matrix import accounts
from matrix.accounts import Account, AccountKind
from matrix.wechat.gateway import QrCode

MAX_PERMANENT = 100_000
MAX_DAYS = 30
MAX_NAME_LENGTH = 60

_Name = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH),
    ErrorMessage(f"不能为空，最长 {MAX_NAME_LENGTH} 个字"),
]
# WeChat takes up to 64 characters; these are safe in every address and file
_Scene = Annotated[
    str,
    StringConstraints(strict=True, pattern="^[0-9A-Za-z_-]{0,64}$"),
    ErrorMessage("应为 1 到 64 位字母、数字、- 或 _"),
]
_Days = Annotated[int | None, Field(ge=1, le=MAX_DAYS), ErrorMessage(f"应为 1 到 {MAX_DAYS} 天")]


class QrCodeAction(AuditAction, kind=ObjectKind("qrcode", "参数二维码")):
    """What is recorded about QR codes."""

    CREATE = "qrcode.create", "制作参数二维码"
    RENAME = "qrcode.rename", "参数二维码改名"
    RENEW = "qrcode.renew", "重新生成参数二维码"
    RETIRE = "qrcode.retire", "停用参数二维码"
    RESTORE = "qrcode.restore", "恢复参数二维码"


class QrCodeJob(JobName):
    """Jobs about QR codes."""

    CREATE = "qrcodes.create", "生成二维码"
    COUNT_SCANS = "qrcodes.count_scans", "统计扫码次数"


class QrCodeState(StrEnum):
    """Whether WeChat has made the code."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class QrCodeLimitReached(DomainError):
    """WeChat allows 100,000 permanent codes per account, and none can be deleted."""

    text = "该账号的永久二维码已达微信上限（{most} 个），请改用临时二维码。"


class QrCodesNotAvailable(DomainError):
    """Only verified service accounts (服务号) have codes with a scene."""

    text = "{account}不是已认证的服务号，微信不提供带参数的二维码。"


class SceneQrCode(Versioned, Base):
    """One code. `days` is the life of a temporary one; None means permanent."""

    __tablename__ = "qrcodes"
    __table_args__ = (
        UniqueConstraint("account_id", "scene"),
        Index("ix_qrcodes_account_id_days", "account_id", "days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str]
    scene: Mapped[str]
    days: Mapped[int | None]
    state: Mapped[QrCodeState]
    problem: Mapped[str | None]
    ticket: Mapped[str]
    url: Mapped[str]
    expires_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    author: Mapped[str]
    created_at: Mapped[datetime]

    @property
    def lifetime(self) -> timedelta | None:
        """How long a temporary code lives; None for a permanent one."""
        return None if self.days is None else timedelta(days=self.days)

    def is_expired(self, now: datetime) -> bool:
        """Whether a temporary code has expired."""
        return self.expires_at is not None and self.expires_at <= now


class QrCodeSpec(Spec):
    """A code somebody wants. Without a scene it gets a random one, without days it is permanent."""

    name: _Name
    scene: _Scene = ""
    days: _Days = None


# ---- for staff ----


def access_qrcode(principal: Principal, code_id: int, permission: Permission) -> SceneQrCode:
    """A code of an account where the principal has the permission. Raises NotFound."""
    qrcode = get(code_id)
    principal.require(permission, account_id=qrcode.account_id)
    return qrcode


def create(
    principal: Principal, account_id: int, spec: QrCodeSpec, *, now: datetime
) -> SceneQrCode:
    """Have WeChat make a code.

    Raises NotFound, Invalid, QrCodesNotAvailable, QrCodeLimitReached.
    """
    principal.require(Permission.QRCODES_WRITE, account_id=account_id)
    # the lock makes counting the codes and checking the scene safe against a second request
    account = get_for_update(Account, accounts.get(account_id).id)
    # asked here, where staff can be told; WeChat would answer 48001 to the job
    if not account.verified or account.kind is not AccountKind.SERVICE:
        raise QrCodesNotAvailable(account=account.name)
    # retired ones count as well: at WeChat they exist for ever
    if spec.days is None and _count_permanent(account_id) >= MAX_PERMANENT:
        raise QrCodeLimitReached(most=MAX_PERMANENT)
    # random, so that nobody can guess the scenes of other counters and trigger their rules
    scene = spec.scene or secrets.token_urlsafe(12)
    existing = select(SceneQrCode.id).where(
        SceneQrCode.account_id == account_id, SceneQrCode.scene == scene
    )
    if session.scalar(existing) is not None:
        raise Invalid(field="scene", problem="该账号已有二维码使用这个标识")
    qrcode = SceneQrCode(
        account_id=account_id,
        name=spec.name,
        scene=scene,
        days=spec.days,
        state=QrCodeState.WAITING,
        ticket="",
        url="",
        author=principal.name,
        created_at=now,
    )
    session.add(qrcode)
    session.flush()  # the job and the audit row need the id
    _audit(QrCodeAction.CREATE, qrcode, account, {"scene": scene, "days": spec.days})
    _enqueue(qrcode)
    return qrcode


def rename(principal: Principal, code_id: int, name: str, *, version: int) -> SceneQrCode:
    """Rename a code. Raises NotFound, Invalid, Stale."""
    spec = QrCodeSpec(name=name)
    return _update(principal, code_id, version, QrCodeAction.RENAME, name=spec.name)


def renew(principal: Principal, code_id: int, *, version: int) -> SceneQrCode:
    """Have WeChat make an expired or failed code again. Raises NotFound, Stale."""
    qrcode = _update(
        principal, code_id, version, QrCodeAction.RENEW, state=QrCodeState.WAITING, problem=None
    )
    _enqueue(qrcode)
    return qrcode


def retire(principal: Principal, code_id: int, *, version: int, now: datetime) -> SceneQrCode:
    """Take a code out of the list; its scans still count. Raises NotFound, Stale."""
    return _update(principal, code_id, version, QrCodeAction.RETIRE, retired_at=now)


def restore(principal: Principal, code_id: int, *, version: int) -> SceneQrCode:
    """Put a retired code back into the list. Raises NotFound, Stale."""
    return _update(principal, code_id, version, QrCodeAction.RESTORE, retired_at=None)


def _count_permanent(account_id: int) -> int:
    counted = select(func.count()).where(
        SceneQrCode.account_id == account_id, SceneQrCode.days.is_(None)
    )
    return session.scalar(counted) or 0


def _enqueue(qrcode: SceneQrCode) -> None:
    jobs.enqueue(QrCodeJob.CREATE, key=f"{QrCodeJob.CREATE}:{qrcode.id}", qrcode_id=qrcode.id)


def _update(
    principal: Principal, code_id: int, version: int, action: QrCodeAction, **to: object
) -> SceneQrCode:
    access_qrcode(principal, code_id, Permission.QRCODES_WRITE)
    qrcode = get_for_update(SceneQrCode, code_id)
    check_version(qrcode, version, "这个二维码", id=code_id)
    before = {name: _to_json(getattr(qrcode, name)) for name in to}
    for name, value in to.items():
        setattr(qrcode, name, value)
    session.flush()
    _audit(
        action,
        qrcode,
        accounts.get(qrcode.account_id),
        {name: _to_json(value) for name, value in to.items()},
        before,
    )
    return qrcode


def _to_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _audit(
    action: QrCodeAction,
    qrcode: SceneQrCode,
    account: Account,
    after: dict[str, object],
    before: dict[str, object] | None = None,
) -> None:
    audit.record(
        action,
        owner=account,
        object_id=qrcode.id,
        label=qrcode.name,
        before=before,
        after=after,
    )


# ---- for the job that asks WeChat ----


def get(code_id: int) -> SceneQrCode:
    """The code with this id. Raises NotFound."""
    found = session.get(SceneQrCode, code_id)
    if found is None:
        raise NotFound(kind="qrcode", id=code_id)
    return found


def mark_ready(code_id: int, qrcode: QrCode, *, now: datetime) -> None:
    """Store what WeChat made."""
    compare_and_set(
        SceneQrCode,
        code_id,
        when={"state": QrCodeState.WAITING},
        to={
            "state": QrCodeState.READY,
            "problem": None,
            "ticket": qrcode.ticket,
            "url": qrcode.url,
            "expires_at": qrcode.expires_at,
        },
    )


def record_delay(code_id: int, problem: str) -> None:
    """Note why WeChat has not made it yet; the job tries again."""
    compare_and_set(
        SceneQrCode, code_id, when={"state": QrCodeState.WAITING}, to={"problem": problem}
    )


def mark_failed(code_id: int, problem: str) -> None:
    """Note that WeChat refused to make it."""
    to: dict[str, object] = {"state": QrCodeState.FAILED, "problem": problem}
    compare_and_set(SceneQrCode, code_id, when={"state": QrCodeState.WAITING}, to=to)
