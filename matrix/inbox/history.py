"""History: the last pushes of one follower, for an answer that depends on what was said before.

The callback reads it only where nothing in memory answers (a follow-up question, a refusal), past
the session, because one push in three is such a message (docs/decisions/0032). It uses the index of
the unique key, which begins with account and openid.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import bindparam, select

from matrix.inbox import InboxMessage, Outcome, fast_store


@dataclass(frozen=True, slots=True)
class PastPush:
    """One earlier push of a follower; `answer` is the XML of the reply, "" for none."""

    kind: str
    received_at: datetime
    outcome: Outcome
    rule_slug: str | None
    answer: str


_STATEMENT = fast_store.CompiledStatement(
    select(*(getattr(InboxMessage, name) for name in PastPush.__dataclass_fields__))
    .where(
        InboxMessage.account_id == bindparam("account_id"),
        InboxMessage.openid == bindparam("openid"),
        InboxMessage.received_at >= bindparam("since"),
    )
    # `id + 0` keeps the planner from walking the primary key backwards through the whole inbox
    .order_by((InboxMessage.id + 0).desc())
    .limit(bindparam("at_most"))
)


def list_recent(account_id: int, openid: str, *, since: datetime, at_most: int) -> list[PastPush]:
    """The pushes a follower sent to an account since an instant, the newest first.

    Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    values = {"account_id": account_id, "openid": openid, "since": since, "at_most": at_most}
    return [
        PastPush(kind, _instant(received_at), Outcome(outcome), rule_slug, answer)
        for kind, received_at, outcome, rule_slug, answer in fast_store.fetch_all(
            _STATEMENT, values
        )
    ]


def _instant(value: datetime | str) -> datetime:
    """A time as the driver gives it: SQLite's is a text in UTC, without a zone."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
