"""Callbacks: what each account's address heard of WeChat lately, good and bad.

    push ──> heard / checked / refused (memory of this process) ──write, every few seconds──> rows

A push costs no statement here: a process keeps notes and writes them together. A process that is
killed loses the notes of a few seconds, and nothing depends on them but what staff see.
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


class _Note:
    """What this process heard for one account since it last wrote it down."""

    __slots__ = ("heard", "moments", "refused", "why")

    def __init__(self) -> None:
        self.moments: dict[str, datetime] = {}
        self.heard = self.refused = 0
        self.why = ""


class _Kept:
    """The notes of this process, by account."""

    lock = threading.Lock()
    notes: ClassVar[defaultdict[int, _Note]] = defaultdict(_Note)


def heard(account: Connection, at: datetime, *, is_previous: bool) -> None:
    """Note a push that was believed, and by which keys."""
    with _Kept.lock:
        note = _Kept.notes[account.id]
        note.heard += 1
        moments = note.moments
        moments["heard_at"] = at
        if is_previous:
            moments["previous_at"] = at
        else:
            # a process may not know the newest keys yet, so it says which ones it means
            moments["current_at"], moments["keys_at"] = at, account.keys_at


def checked(account: Connection, at: datetime) -> None:
    """Note that WeChat checked the address and was content; that says nothing of the AESKey."""
    with _Kept.lock:
        _Kept.notes[account.id].moments["checked_at"] = at


def refused(account: Connection, at: datetime, *, reason: str) -> None:
    """Note a request that was not believed."""
    with _Kept.lock:
        note = _Kept.notes[account.id]
        note.refused += 1
        note.moments["refused_at"], note.why = at, reason[:64]


def forget() -> None:
    """Start as a new process does (a test needs it)."""
    _taken()


def _taken() -> dict[int, _Note]:
    with _Kept.lock:
        found, _Kept.notes = _Kept.notes, defaultdict(_Note)
    return found


def write() -> int:
    """Write the notes of this process down. Returns of how many accounts."""
    notes = _taken()
    for account_id in sorted(notes):  # in one order everywhere, so that two never wait crosswise
        _write(account_id, notes[account_id])
    return len(notes)


def _write(account_id: int, note: _Note) -> None:
    later: dict[str, Any] = {
        name: _later(getattr(Heard, name), at) for name, at in note.moments.items()
    }
    if note.why:
        later["refused_why"] = note.why
    row = {"account_id": account_id, "refused_why": note.why, **note.moments}
    session.execute(
        upsert(Heard).values(row).on_conflict_do_update(index_elements=["account_id"], set_=later)
    )
    at = max(note.moments[name] for name in _MOMENTS if name in note.moments)
    hour = {"hour": _hour(at), "heard": note.heard, "refused": note.refused}
    session.execute(
        upsert(Hour)
        .values(account_id=account_id, **hour)
        .on_conflict_do_update(
            index_elements=["account_id", "hour"],
            set_={"heard": Hour.heard + note.heard, "refused": Hour.refused + note.refused},
        )
    )


def _later(column: Any, at: datetime) -> Any:
    # another process may have written a later moment already
    return case((column > at, column), else_=at)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


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
