"""The alerts that a citizen's message raises when it tells of danger to life.

There is one for each conversation and tier: who writes again adds to it, and the alert of one
citizen, taken or resolved, never hides that of another.
"""

from datetime import datetime
from typing import Any

from config import alerts
from config.security.masking import mask_pii
from keywords.matching.emergencies import Danger
from matrix import followers
from matrix.accounts import AccountSnapshot
from matrix.inbox import InboxAlert


def raise_danger(
    account: AccountSnapshot,
    openid: str,
    text: str,
    *,
    danger: Danger,
    inbox_id: int,
    now: datetime,
) -> None:
    """Raise the alert of a follower's message, or add to the one that is not resolved yet.

    `text` is the whole message, `danger` what was found in it. The follower must be known.
    """
    follower = followers.find(account.id, openid)
    if follower is None:
        raise LookupError("a push is recorded with its follower")
    about: dict[str, Any] = {
        "department_id": account.department_id,
        "account_id": account.id,
        "object_id": follower.id,
        # masked, because it leaves the hub in notifications; who must call the citizen finds the
        # number in the conversation
        "text": mask_pii(text),
        "inbox_id": inbox_id,
    }
    if danger.is_certain:
        alerts.raise_alert(
            InboxAlert.EMERGENCY,
            # not the message: a second message does not make a second alert
            follower.id,
            f"{account.name}收到疑似紧急求助，含“{mask_pii(danger.reason)}”",
            now=now,
            urgent=True,
            **about,
        )
    else:
        alerts.raise_alert(
            InboxAlert.POSSIBLE_DANGER,
            follower.id,
            f"{account.name}收到的消息可能有危险，含“{mask_pii(danger.reason)}”",
            now=now,
            **about,
        )
