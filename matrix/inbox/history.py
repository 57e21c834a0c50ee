"""History: the last pushes of one follower, for an answer that depends on what was said before.

The callback reads it only where nothing in memory answers (a follow-up question, a repeated
refusal). It uses the index of the unique key, which begins with account and openid.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from config.database import session
from matrix.inbox import InboxMessage, Outcome


@dataclass(frozen=True, slots=True)
class PastPush:
    """One earlier push of a follower; `answer` is the XML of the reply, "" for none."""

    id: int
    kind: str
    text: str
    received_at: datetime
    outcome: Outcome
    rule_slug: str | None
    answer: str


def list_recent(account_id: int, openid: str, *, since: datetime, at_most: int) -> list[PastPush]:
    """The pushes a follower sent to an account since an instant, the newest first."""
    columns = [getattr(InboxMessage, name) for name in PastPush.__dataclass_fields__]
    rows = session.execute(
        select(*columns)
        .where(
            InboxMessage.account_id == account_id,
            InboxMessage.openid == openid,
            InboxMessage.received_at >= since,
        )
        # `id + 0` keeps the planner from walking the primary key backwards through the whole inbox
        .order_by((InboxMessage.id + 0).desc())
        .limit(at_most)
    )
    return [PastPush(*row) for row in rows]
