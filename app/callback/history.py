"""The history of one follower, for the dialogue: what memory knows at once, the rest when asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from matrix.inbox import awaited_replies, history
from matrix.inbox.history import PastPush

# how far back an answer may depend on what was said
_SPAN = timedelta(minutes=30)
_MAX_PUSHES = 10


@dataclass(frozen=True)
class FollowerHistory:
    """What went before between an account and a follower, as of `now`."""

    account_id: int
    openid: str
    now: datetime

    def recent(self) -> Sequence[PastPush]:
        """The follower's last pushes of half an hour, the newest first. One query at most.

        Raises sqlalchemy.exc.DBAPIError when the database cannot be read.
        """
        return self._pushes

    def question_id(self) -> int | None:
        """The inbox id of the question whose answer asked for more; reads memory only."""
        return awaited_replies.find_question(self.account_id, self.openid, now=self.now)

    @cached_property
    def _pushes(self) -> Sequence[PastPush]:
        return history.list_recent(
            self.account_id, self.openid, since=self.now - _SPAN, at_most=_MAX_PUSHES
        )
