"""Scenes: the codes of an account, made by WeChat when staff ask.

    waiting ──job──> ready ── its time ends ──> (over) ── renew ──> waiting
       └───────────> failed ─────────────────────────────── renew ──> waiting

WeChat takes no code back: one that is not needed is put aside, and its scans go on counting.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.database import Base, change, locked, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right
from matrix import accounts
from matrix.accounts import Account
from matrix.accounts import Kind as AccountKind
from matrix.wechat.gateway import QrCode

MAKE = "codes.make"

MOST_PERMANENT = 100_000
MOST_DAYS = 30
LONGEST_NAME = 60

_SCENE = re.compile(r"[0-9A-Za-z_-]{1,64}")


class State(StrEnum):
    """Whether WeChat has made the code."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class CodesUsedUp(DomainError):
    """WeChat gives an account a fixed number of permanent codes, and takes none back."""

    text = "该账号的永久二维码已达微信上限（{most} 个），请改用临时二维码。"


class CodesNotGranted(DomainError):
    """Only verified service accounts have codes with a scene."""

    text = "{account}不是已认证的服务号，微信不提供带参数的二维码。"


class CodeChanged(DomainError):
    """Somebody else changed the code since it was read."""

    text = "这个二维码刚被其他人修改过，请刷新后重试。"


class Code(Base):
    """One code. `days` is the life of a temporary one, None for ever."""

    __tablename__ = "codes"
    __table_args__ = (
        UniqueConstraint("account_id", "scene"),
        Index("ix_codes_account_id_days", "account_id", "days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str]
    scene: Mapped[str]
    days: Mapped[int | None]
    state: Mapped[State]
    problem: Mapped[str | None]
    ticket: Mapped[str]
    url: Mapped[str]
    expires_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    author: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int]

    @property
    def life(self) -> timedelta | None:
        """How long a temporary code lives; None for ever."""
        return None if self.days is None else timedelta(days=self.days)

    def is_over(self, now: datetime) -> bool:
        """Whether a temporary code no longer works."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Wish:
    """What somebody wants a code for. Without a scene it gets one nobody can guess."""

    name: str
    scene: str = ""
    days: int | None = None

    def check(self) -> None:
        """Raises Invalid naming the first wrong field."""
        if not 1 <= len(self.name.strip()) <= LONGEST_NAME:
            raise Invalid(field="name", problem=f"不能为空，最长 {LONGEST_NAME} 个字")
        if self.scene and not _SCENE.fullmatch(self.scene):
            raise Invalid(field="scene", problem="应为 1 到 64 位字母、数字、- 或 _")
        if self.days is not None and not 1 <= self.days <= MOST_DAYS:
            raise Invalid(field="days", problem=f"应为 1 到 {MOST_DAYS} 天")


# ---- for staff ----


def access_code(member: Member, code_id: int, right: Right) -> Code:
    """A code of an account where the member has the right. Raises NotFound."""
    code = session.get(Code, code_id)
    if code is None:
        raise NotFound(kind="code", id=code_id)
    member.require(right, account_id=code.account_id)
    return code


def create(member: Member, account_id: int, wish: Wish, *, now: datetime) -> Code:
    """Have WeChat make a code. Raises NotFound, Invalid, CodesNotGranted, CodesUsedUp."""
    member.require(Right.CODES_WRITE, account_id=account_id)
    wish.check()
    account = locked(Account, accounts.get(account_id).id)  # counts and scenes one by one
    if not account.verified or account.kind is not AccountKind.SERVICE:
        raise CodesNotGranted(account=account.name)
    if wish.days is None and _permanent(account_id) >= MOST_PERMANENT:
        raise CodesUsedUp(most=MOST_PERMANENT)
    scene = wish.scene or secrets.token_urlsafe(12)
    taken = select(Code.id).where(Code.account_id == account_id, Code.scene == scene)
    if session.scalar(taken) is not None:
        raise Invalid(field="scene", problem="该账号已有二维码使用这个标识")
    code = Code(
        account_id=account_id,
        name=wish.name.strip(),
        scene=scene,
        days=wish.days,
        state=State.WAITING,
        ticket="",
        url="",
        author=member.name,
        created_at=now,
        version=1,
    )
    session.add(code)
    session.flush()  # the job and the audit row need the id
    _tell("code.create", code, account.department_id, {"scene": scene, "days": wish.days})
    _ask(code)
    return code


def rename(member: Member, code_id: int, name: str, *, version: int) -> Code:
    """Call a code something else. Raises NotFound, Invalid, CodeChanged."""
    Wish(name).check()
    return _change(member, code_id, version, "code.rename", name=name.strip())


def renew(member: Member, code_id: int, *, version: int) -> Code:
    """Have WeChat make a code again that is over or failed. Raises NotFound, CodeChanged."""
    code = _change(member, code_id, version, "code.renew", state=State.WAITING, problem=None)
    _ask(code)
    return code


def retire(member: Member, code_id: int, *, version: int, now: datetime) -> Code:
    """Put a code aside; scans of it go on counting. Raises NotFound, CodeChanged."""
    return _change(member, code_id, version, "code.retire", retired_at=now)


def bring_back(member: Member, code_id: int, *, version: int) -> Code:
    """List a code again. Raises NotFound, CodeChanged."""
    return _change(member, code_id, version, "code.bring_back", retired_at=None)


def _permanent(account_id: int) -> int:
    counted = select(func.count()).where(Code.account_id == account_id, Code.days.is_(None))
    return session.scalar(counted) or 0


def _ask(code: Code) -> None:
    jobs.enqueue(MAKE, key=f"{MAKE}:{code.id}", code_id=code.id)


def _change(member: Member, code_id: int, version: int, action: str, **to: object) -> Code:
    code = access_code(member, code_id, Right.CODES_WRITE)
    before = {name: _plain(getattr(code, name)) for name in to}
    moved = change(Code, code_id, when={"version": version}, to={**to, "version": version + 1})
    if moved is None:
        raise CodeChanged(id=code_id)
    owner = accounts.get(code.account_id).department_id
    _tell(action, moved, owner, {name: _plain(value) for name, value in to.items()}, before)
    return moved


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _tell(
    action: str,
    code: Code,
    department_id: int,
    after: dict[str, object],
    before: dict[str, object] | None = None,
) -> None:
    audit.record(
        action,
        kind="code",
        object_id=code.id,
        label=code.name,
        department_id=department_id,
        before=before,
        after=after,
    )


# ---- for the job that asks WeChat ----


def get(code_id: int) -> Code:
    """The code of this id."""
    return session.get_one(Code, code_id)


def made(code_id: int, qrcode: QrCode, *, now: datetime) -> None:
    """Write down what WeChat made."""
    change(
        Code,
        code_id,
        when={"state": State.WAITING},
        to={
            "state": State.READY,
            "problem": None,
            "ticket": qrcode.ticket,
            "url": qrcode.url,
            "expires_at": qrcode.expires_at,
        },
    )


def delayed(code_id: int, problem: str) -> None:
    """Note why WeChat did not make it yet; the job tries again."""
    change(Code, code_id, when={"state": State.WAITING}, to={"problem": problem})


def refused(code_id: int, problem: str) -> None:
    """Note that WeChat will not make it."""
    to: dict[str, object] = {"state": State.FAILED, "problem": problem}
    change(Code, code_id, when={"state": State.WAITING}, to=to)
