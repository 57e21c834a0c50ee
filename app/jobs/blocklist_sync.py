"""The job that repeats our blocklist on WeChat's own blacklist of an account."""

from datetime import datetime

from config.database import read_only, transaction
from matrix import accounts, blocklist
from matrix.wechat import gateway


def update_blacklist(*, follower_id: int, now: datetime) -> None:
    """Put a follower on WeChat's blacklist, or take one off. Raises Temporary to be tried again."""
    with read_only():
        # Read from the row and not from the payload: staff may have blocked and unblocked since,
        # and what is wanted now counts.
        task = blocklist.find_pending_task(follower_id)
        credentials = accounts.credentials(task.account_id) if task else None
    if task is None or credentials is None:
        return
    call = gateway.block_followers if task.add else gateway.unblock_followers
    problem = None
    try:
        call(credentials, [task.openid])
    except (gateway.Refused, gateway.NotAuthorised) as error:
        # trying again would not help; our own blocklist holds without WeChat's
        problem = str(error)
    with transaction():
        # the task is passed along, so that a wish that changed during the call stays pending
        blocklist.mark_done(follower_id, task, problem=problem)
