"""The inbox: everything WeChat pushed, once, with the answer it got.

    push ──> record ──> new: answered now       push again ──> record ──> the stored answer

The unique key (account, dedupe key) is the guard against WeChat's retries, on any process, in
parallel or after a crash. The answer is stored in the statement that claims the message, so a
message is either unknown or answered; nothing lies between.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, BigKey, dialect, session


class Outcome(StrEnum):
    """What the hub did with a message."""

    RULE = "rule"
    EMERGENCY = "emergency"
    SUGGESTION = "suggestion"
    FALLBACK = "fallback"
    WELCOME = "welcome"
    SILENT = "silent"


class Inbound(Base):
    """One message or event of one follower."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("account_id", "dedupe_key"),
        Index("ix_inbox_account_id_openid_received_at", "account_id", "openid", "received_at"),
        Index("ix_inbox_local_day_outcome", "local_day", "outcome"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    dedupe_key: Mapped[str]
    openid: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]
    content: Mapped[dict[str, Any] | None]
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    local_day: Mapped[date]
    outcome: Mapped[Outcome]
    rule_code: Mapped[str | None]
    answer: Mapped[str]
    deliveries: Mapped[int]


@dataclass(frozen=True)
class Entry:
    """What is to be recorded of one push. `answer` is the reply's XML, empty for `success`."""

    account_id: int
    dedupe_key: str
    openid: str
    kind: str
    text: str
    content: dict[str, Any] | None
    sent_at: datetime
    received_at: datetime
    local_day: date
    outcome: Outcome
    rule_code: str | None
    answer: str


@dataclass(frozen=True)
class Recorded:
    """The row's id, the answer that counts, and whether this push was the first."""

    id: int
    answer: str
    is_new: bool


def record(entry: Entry) -> Recorded:
    """Write the push down, or find that it was written before and give the answer of then."""
    insert = postgresql.insert if dialect() == "postgresql" else sqlite.insert
    row = session.execute(
        insert(Inbound)
        .values(**vars(entry), deliveries=1)
        .on_conflict_do_update(
            index_elements=[Inbound.account_id, Inbound.dedupe_key],
            set_={"deliveries": Inbound.deliveries + 1},
        )
        .returning(Inbound.id, Inbound.answer, Inbound.deliveries)
    ).one()
    return Recorded(row.id, row.answer, row.deliveries == 1)
