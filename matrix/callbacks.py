"""Callbacks: what each account's address heard of WeChat lately, good and bad.

    push ──> heard / checked / refused (memory of this process) ──write, every few seconds──> rows

A push costs no statement here: a process keeps notes and writes them together. A process that is
killed loses the notes of a few seconds, and nothing depends on them but what staff see.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, case, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session, upsert
from matrix.accounts import Connection

KEPT = timedelta(days=8)  # of the counts by hour

_MOMENTS = ("checked_at", "heard_at", "refused_at")
_WHY = {
    "signature": "签名不符，Token 可能填错",
    "stale": "时间戳相差过大，请核对服务器时间",
    "plaintext": "收到明文，而账号登记为安全模式",
    "other_account": "原始 ID 与登记的不符",
    "cipher": "无法解密，EncodingAESKey 可能填错",
}


class Heard(Base):
    """The last of each kind that one account's address heard.

    `current_at` and `previous_at`: with the keys of the time, with those from before a change.
    `keys_at`: when the newest keys were made that WeChat used.
    """

    __tablename__ = "account_callbacks"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    checked_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    current_at: Mapped[datetime | None]
    keys_at: Mapped[datetime | None]
    previous_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    refused_why: Mapped[str] = mapped_column(default="")


class Hour(Base):
    """How many pushes an account heard and refused in one hour."""

    __tablename__ = "account_hours"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    heard: Mapped[int]
    refused: Mapped[int]


@dataclass(frozen=True)
class Rate:
    """Pushes of about the last hour and of the last day."""

    heard_hour: int = 0
    refused_hour: int = 0
    heard_day: int = 0
    refused_day: int = 0


class _Notes:
    """What this process has heard since it last wrote it down: by account, values and counts."""

    lock = threading.Lock()
    last: dict[int, dict[str, Any]]
    counts: dict[int, list[int]]

    def __init__(self) -> None:
        self.last, self.counts = {}, {}

    def put(self, account_id: int, heard: int, refused: int, values: dict[str, Any]) -> None:
        with self.lock:
            self.last.setdefault(account_id, {}).update(values)
            count = self.counts.setdefault(account_id, [0, 0])
            count[0] += heard
            count[1] += refused

    def taken(self) -> tuple[dict[int, dict[str, Any]], dict[int, list[int]]]:
        with self.lock:
            found = self.last, self.counts
            self.last, self.counts = {}, {}
        return found


_notes = _Notes()


def heard(account: Connection, at: datetime, *, is_previous: bool) -> None:
    """Note a push that was believed, and by which keys."""
    if is_previous:
        _notes.put(account.id, 1, 0, {"heard_at": at, "previous_at": at})
    else:
        # a process may not know the newest keys yet, so it says which ones it means
        _notes.put(account.id, 1, 0, {"heard_at": at, "current_at": at, "keys_at": account.keys_at})


def checked(account: Connection, at: datetime) -> None:
    """Note that WeChat checked the address and was content; that says nothing of the AESKey."""
    _notes.put(account.id, 0, 0, {"checked_at": at})


def refused(account: Connection, at: datetime, *, reason: str) -> None:
    """Note a request that was not believed."""
    _notes.put(account.id, 0, 1, {"refused_at": at, "refused_why": reason[:64]})


def write() -> int:
    """Write the notes of this process down. Returns of how many accounts."""
    last, counts = _notes.taken()
    for account_id in sorted(last):  # in one order everywhere, so that two never wait crosswise
        _write(account_id, last[account_id], counts[account_id])
    return len(last)


def _write(account_id: int, values: dict[str, Any], count: list[int]) -> None:
    row = {"account_id": account_id, "refused_why": "", **values}
    later = {name: _later(getattr(Heard, name), value) for name, value in values.items()}
    session.execute(
        upsert(Heard).values(row).on_conflict_do_update(index_elements=["account_id"], set_=later)
    )
    at = max(values[name] for name in _MOMENTS if name in values)
    hour = {"account_id": account_id, "hour": _hour(at), "heard": count[0], "refused": count[1]}
    session.execute(
        upsert(Hour)
        .values(hour)
        .on_conflict_do_update(
            index_elements=["account_id", "hour"],
            set_={"heard": Hour.heard + count[0], "refused": Hour.refused + count[1]},
        )
    )


def _later(column: Any, value: Any) -> Any:
    # another process may have written a later moment already
    return case((column > value, column), else_=value) if isinstance(value, datetime) else value


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def forget() -> None:
    """Start as a new process does (a test needs it)."""
    _notes.taken()


def forget_hours(*, before: datetime) -> None:
    """Remove counts older than an instant."""
    session.execute(delete(Hour).where(Hour.hour < before))


def of_accounts(account_ids: Iterable[int]) -> dict[int, Heard]:
    """What was heard, by account; one that never heard anything is missing."""
    rows = session.scalars(select(Heard).where(Heard.account_id.in_(set(account_ids))))
    return {row.account_id: row for row in rows}


def rates(account_ids: Iterable[int], *, now: datetime) -> Mapping[int, Rate]:
    """How many pushes were heard and refused, by account; hours are counted whole."""
    lately = Hour.hour >= _hour(now - timedelta(hours=1))
    counts = (
        func.sum(case((lately, Hour.heard), else_=0)),
        func.sum(case((lately, Hour.refused), else_=0)),
        func.sum(Hour.heard),
        func.sum(Hour.refused),
    )
    since = Hour.hour >= _hour(now - timedelta(days=1))
    rows = select(Hour.account_id, *counts).where(since, Hour.account_id.in_(set(account_ids)))
    found = session.execute(rows.group_by(Hour.account_id)).all()
    return {key: Rate(*map(int, numbers)) for key, *numbers in found}


def why(reason: str) -> str:
    """Why a request was refused, for staff."""
    return _WHY.get(reason.partition(":")[0], "请求不完整，不像是微信发来的")
