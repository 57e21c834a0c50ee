"""Connection checks: whether an account works, as a list of questions with what to do next.

Two questions are answered by the callbacks themselves (does WeChat reach us?). The others need a
call to WeChat; a job makes it and records the answer (`record`), because a page must not wait for
WeChat.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import clock
from config.database import Base, session, upsert
from matrix.accounts.callback_stats import CallbackStatus, rejection_text


class CheckKind(StrEnum):
    """The questions. ADDRESS and PUSH are answered by `callback_stats`, the others by a job."""

    ADDRESS = "address"
    PUSH = "push"
    TOKEN = "token"
    ALLOW_LIST = "allow_list"
    ABILITY = "ability"
    IMPORT = "import"
    QUOTA = "quota"
    SECRET = "secret"


class CheckState(StrEnum):
    """The state of an answer."""

    WAITING = "waiting"
    OK = "ok"
    FAILED = "failed"


class ConnectionCheck(Base):
    """The newest answer to one question; `last_ok_at` is when it was last OK."""

    __tablename__ = "account_connection_checks"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[CheckKind] = mapped_column(primary_key=True)
    state: Mapped[CheckState]
    message: Mapped[str]
    details: Mapped[dict[str, Any]]
    checked_at: Mapped[datetime]
    last_ok_at: Mapped[datetime | None]


@dataclass(frozen=True)
class CheckStep:
    """One question as a page shows it. `details` may hold an `ip` for the allow-list."""

    kind: CheckKind
    title: str
    state: CheckState
    message: str
    details: Mapping[str, Any]


_TITLES = {
    CheckKind.ADDRESS: "服务器地址",
    CheckKind.PUSH: "消息推送",
    CheckKind.TOKEN: "AppSecret 与接口凭据",
    CheckKind.ALLOW_LIST: "IP 白名单",
    CheckKind.ABILITY: "账号类型与认证",
    CheckKind.IMPORT: "菜单与自动回复",
}
_NOT_CHECKED_YET = "还没有核对过，系统每小时自动核对一次。"


def record(
    account_id: int,
    kind: CheckKind,
    state: CheckState,
    message: str,
    *,
    now: datetime,
    **details: Any,
) -> None:
    """Store an answer. `message` is one Chinese sentence: what is the case, or what to do."""
    values: dict[str, Any] = {
        "state": state,
        "message": message,
        "details": details,
        "checked_at": now,
    }
    # kept through later failures: health shows since when a check has been failing
    if state is CheckState.OK:
        values["last_ok_at"] = now
    session.execute(
        upsert(ConnectionCheck)
        .values(account_id=account_id, kind=kind, **values)
        .on_conflict_do_update(index_elements=["account_id", "kind"], set_=values)
    )


def mark_waiting(
    account_id: int, kinds: Iterable[CheckKind], message: str, *, now: datetime
) -> None:
    """Note that these questions are being asked; earlier answers no longer count."""
    for kind in kinds:
        record(account_id, kind, CheckState.WAITING, message, now=now)


def update_waiting_message(account_id: int, message: str) -> None:
    """Say why the questions that wait are still waiting."""
    session.execute(
        update(ConnectionCheck)
        .where(
            ConnectionCheck.account_id == account_id, ConnectionCheck.state == CheckState.WAITING
        )
        .values(message=message)
    )


def by_account(account_ids: Iterable[int]) -> dict[int, dict[CheckKind, ConnectionCheck]]:
    """Stored answers by account id and question."""
    found: dict[int, dict[CheckKind, ConnectionCheck]] = defaultdict(dict)
    for row in session.scalars(
        select(ConnectionCheck).where(ConnectionCheck.account_id.in_(set(account_ids)))
    ):
        found[row.account_id][row.kind] = row
    return found


def steps(
    status: CallbackStatus | None, checks: Mapping[CheckKind, ConnectionCheck]
) -> tuple[CheckStep, ...]:
    """All questions about one account, in the order in which a person would settle them."""
    # our side of the API first: staff can settle it before they save the callback address at WeChat
    first = [
        _check_step(kind, checks.get(kind)) for kind in (CheckKind.TOKEN, CheckKind.ALLOW_LIST)
    ]
    rest = [_check_step(kind, checks.get(kind)) for kind in (CheckKind.ABILITY, CheckKind.IMPORT)]
    return (*first, _address_step(status), _push_step(status), *rest)


def is_connected(steps: Iterable[CheckStep]) -> bool:
    """Whether every question is answered OK."""
    return all(step.state is CheckState.OK for step in steps)


def _check_step(kind: CheckKind, check: ConnectionCheck | None) -> CheckStep:
    if check is None:
        return CheckStep(kind, _TITLES[kind], CheckState.WAITING, _NOT_CHECKED_YET, {})
    return CheckStep(kind, _TITLES[kind], check.state, check.message, check.details)


def _address_step(status: CallbackStatus | None) -> CheckStep:
    title = _TITLES[CheckKind.ADDRESS]
    # a push proves the address as well: an account may have been connected before we counted
    if status is None or (status.verified_at is None and status.last_push_at is None):
        if status is not None and status.rejected_at is not None:
            reason = rejection_text(status.rejection_reason)
            message = f"微信来核对过，没有通过：{reason}。改正后请再次提交。"
            return CheckStep(CheckKind.ADDRESS, title, CheckState.FAILED, message, {})
        message = "请在微信开发者平台填入网址、Token 和 EncodingAESKey 并提交，微信会立即来核对。"
        return CheckStep(CheckKind.ADDRESS, title, CheckState.WAITING, message, {})
    at = status.verified_at
    message = f"微信于 {_local_time(at)} 核对通过。" if at else "微信已在向本系统推送消息。"
    return CheckStep(CheckKind.ADDRESS, title, CheckState.OK, message, {})


def _push_step(status: CallbackStatus | None) -> CheckStep:
    title = _TITLES[CheckKind.PUSH]
    if status is not None and is_rejecting(status):
        at, reason = _local_time(status.rejected_at), rejection_text(status.rejection_reason)
        message = f"最近一次推送（{at}）被拒绝：{reason}。"
        return CheckStep(CheckKind.PUSH, title, CheckState.FAILED, message, {})
    if status is None or status.last_push_at is None:
        message = "还没有收到推送。请关注该账号并发一条消息，几秒后这里会变绿。"
        return CheckStep(CheckKind.PUSH, title, CheckState.WAITING, message, {})
    return CheckStep(
        CheckKind.PUSH,
        title,
        CheckState.OK,
        f"最近一次推送：{_local_time(status.last_push_at)}。",
        {},
    )


def is_rejecting(status: CallbackStatus) -> bool:
    """Whether the last callback of an account was rejected."""
    # by the newest one alone: after keys were mended, former rejections say nothing
    last_good = max(filter(None, (status.last_push_at, status.verified_at)), default=None)
    return status.rejected_at is not None and (last_good is None or status.rejected_at > last_good)


def _local_time(at: datetime | None) -> str:
    return f"{clock.local(at):%m-%d %H:%M}" if at else ""
