"""Callback statistics: what each account's callback address received lately, accepted or rejected.

A push must not cost an extra statement, so a process counts in memory (`record_…`) and writes
everything every few seconds (`flush`). A process that is killed loses the counts of those seconds;
only what staff see depends on them.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, case, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert
from matrix.accounts import AccountSnapshot

# staff look at a week; one day more makes every weekday complete
RETENTION = timedelta(days=8)  # of the counts by hour

_TIME_FIELDS = ("verified_at", "last_push_at", "rejected_at")
# keys: the part of CallbackRejected.reason before the colon
_REJECTION_TEXTS = {
    "signature": "签名不符，Token 可能填错",
    "stale": "时间戳相差过大，请核对服务器时间",
    "plaintext": "收到明文，而账号登记为安全模式",
    "other_account": "原始 ID 与登记的不符",
    "cipher": "无法解密，EncodingAESKey 可能填错",
}


class CallbackStatus(Base):
    """The last time of each kind of callback to one account's address.

    `current_at` is the last push with the current keys and `previous_at` the last with keys from
    before a rotation; `keys_at` is when the newest keys that WeChat has used were made.
    """

    __tablename__ = "account_callback_status"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    verified_at: Mapped[datetime | None]
    last_push_at: Mapped[datetime | None]
    current_at: Mapped[datetime | None]
    keys_at: Mapped[datetime | None]
    previous_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    rejection_reason: Mapped[str] = mapped_column(default="")


class CallbackHour(Base):
    """How many pushes an account accepted and rejected in one hour (UTC, whole hours)."""

    __tablename__ = "account_callback_hours"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    accepted: Mapped[int]
    rejected: Mapped[int]


@dataclass(frozen=True)
class PushRates:
    """Pushes of about the last hour and of about the last day; whole hours are counted."""

    accepted_hour: int = 0
    rejected_hour: int = 0
    accepted_day: int = 0
    rejected_day: int = 0


class _Counters:
    """What this process counted for one account since the last flush."""

    __slots__ = ("accepted", "rejected", "rejection_reason", "times")

    def __init__(self) -> None:
        self.times: dict[str, datetime] = {}
        self.accepted = self.rejected = 0
        self.rejection_reason = ""


class _Pending:
    """The counters of this process by account id, and the lock that guards them."""

    # held for a dictionary update, about a microsecond of a push
    lock = threading.Lock()
    counters: ClassVar[defaultdict[int, _Counters]] = defaultdict(_Counters)


def record_push(account: AccountSnapshot, at: datetime, *, is_previous: bool) -> None:
    """Count an accepted push, and note with which keys it came."""
    with _Pending.lock:
        counters = _Pending.counters[account.id]
        counters.accepted += 1
        times = counters.times
        times["last_push_at"] = at
        if is_previous:
            times["previous_at"] = at
        else:
            # this process may not have reloaded the newest keys yet, so it says which it means
            times["current_at"], times["keys_at"] = at, account.keys_at


def record_verification(account: AccountSnapshot, at: datetime) -> None:
    """Note that WeChat's GET check of the address succeeded.

    It proves the Token only; the EncodingAESKey is used for the first time by a push.
    """
    with _Pending.lock:
        _Pending.counters[account.id].times["verified_at"] = at


def record_rejection(account: AccountSnapshot, at: datetime, *, reason: str) -> None:
    """Count a rejected request; `reason` is that of CallbackRejected."""
    with _Pending.lock:
        counters = _Pending.counters[account.id]
        counters.rejected += 1
        counters.times["rejected_at"], counters.rejection_reason = at, reason[:64]


def reset() -> None:
    """Forget the counters, for tests."""
    _take_pending()


def _take_pending() -> dict[int, _Counters]:
    with _Pending.lock:
        # swapped under the lock and written outside of it: a push never waits for the database
        found, _Pending.counters = _Pending.counters, defaultdict(_Counters)
    return found


def flush() -> int:
    """Write the counters of this process. Returns for how many accounts."""
    pending = _take_pending()
    # one order in all processes, so that two flushes cannot deadlock
    for account_id in sorted(pending):
        _save(account_id, pending[account_id])
    return len(pending)


def _save(account_id: int, counters: _Counters) -> None:
    later: dict[str, Any] = {
        name: _latest(getattr(CallbackStatus, name), at) for name, at in counters.times.items()
    }
    if counters.rejection_reason:
        later["rejection_reason"] = counters.rejection_reason
    row = {
        "account_id": account_id,
        "rejection_reason": counters.rejection_reason,
        **counters.times,
    }
    session.execute(
        upsert(CallbackStatus)
        .values(row)
        .on_conflict_do_update(index_elements=["account_id"], set_=later)
    )
    # Counted under the hour of the last callback of these few seconds. At the turn of an hour a
    # few count for the later one, which no figure shows.
    at = max(counters.times[name] for name in _TIME_FIELDS if name in counters.times)
    hour = {"hour": _hour(at), "accepted": counters.accepted, "rejected": counters.rejected}
    session.execute(
        upsert(CallbackHour)
        .values(account_id=account_id, **hour)
        .on_conflict_do_update(
            index_elements=["account_id", "hour"],
            set_={
                "accepted": CallbackHour.accepted + counters.accepted,
                "rejected": CallbackHour.rejected + counters.rejected,
            },
        )
    )


def _latest(column: Any, at: datetime) -> Any:
    # another process may have written a later time already
    return case((column > at, column), else_=at)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def delete_hours_older_than(*, before: datetime) -> None:
    """Delete hourly counts older than an instant."""
    session.execute(delete(CallbackHour).where(CallbackHour.hour < before))


def by_account(account_ids: Iterable[int]) -> dict[int, CallbackStatus]:
    """Status by account id; an account that never received a callback is missing."""
    rows = session.scalars(
        select(CallbackStatus).where(CallbackStatus.account_id.in_(set(account_ids)))
    )
    return {row.account_id: row for row in rows}


def rates(account_ids: Iterable[int], *, now: datetime) -> Mapping[int, PushRates]:
    """Push rates by account id; an account without a push in the last day is missing."""
    # Sums over whole hours: up to 24 rows an account, instead of the pushes of a day.
    lately = CallbackHour.hour >= _hour(now - timedelta(hours=1))
    counts = (
        func.sum(case((lately, CallbackHour.accepted), else_=0)),
        func.sum(case((lately, CallbackHour.rejected), else_=0)),
        func.sum(CallbackHour.accepted),
        func.sum(CallbackHour.rejected),
    )
    since = CallbackHour.hour >= _hour(now - timedelta(days=1))
    rows = select(CallbackHour.account_id, *counts).where(
        since, CallbackHour.account_id.in_(set(account_ids))
    )
    found = session.execute(rows.group_by(CallbackHour.account_id)).all()
    return {key: PushRates(*map(int, numbers)) for key, *numbers in found}


def rejection_text(reason: str) -> str:
    """A rejection's reason in Chinese, for staff."""
    return _REJECTION_TEXTS.get(reason.partition(":")[0], "请求不完整，不像是微信发来的")
