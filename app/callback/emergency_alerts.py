"""The alert that a citizen's message raises when it tells of danger to life.

There is one for each conversation: who writes again adds to it, and the alert of one citizen, taken
or resolved, never hides that of another.
"""

from datetime import datetime

from config import alerts
from config.security.masking import mask_pii
from matrix import followers
from matrix.accounts import AccountSnapshot
from matrix.inbox import InboxAlert


def raise_emergency(
    account: AccountSnapshot, openid: str, text: str, *, word: str, inbox_id: int, now: datetime
) -> None:
    """Raise the alert of a follower's message, or add to the one that is not resolved yet.

    `text` is the whole message, `word` what makes it an emergency. The follower must be known.
    """
    follower = followers.find(account.id, openid)
    if follower is None:
        raise LookupError("a push is recorded with its follower")
    alerts.raise_alert(
        InboxAlert.EMERGENCY,
        # the follower and not the message, so that a second message does not make a second alert
        follower.id,
        f"{account.name}收到疑似紧急求助，含“{word}”",
        now=now,
        department_id=account.department_id,
        account_id=account.id,
        urgent=True,
        object_id=follower.id,
        # masked, because it leaves the hub in notifications; who must call the citizen finds the
        # number in the conversation
        text=mask_pii(text),
        inbox_id=inbox_id,
    )
