"""Blacklist: followers whom WeChat itself keeps away from an account."""

from collections.abc import Sequence

from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials

# WeChat's limit for one call (wechat-platform.md 8)
MAX_BATCH = 20


def block_followers(account: Credentials, openids: Sequence[str]) -> None:
    """Keep up to 20 followers away. Raises ValueError for more."""
    _check(openids)
    if openids:
        WeChatClient(account).tag.batch_black_list(list(openids))


def unblock_followers(account: Credentials, openids: Sequence[str]) -> None:
    """Let up to 20 followers write again. Raises ValueError for more."""
    _check(openids)
    if openids:
        WeChatClient(account).tag.batch_unblack_list(list(openids))


def _check(openids: Sequence[str]) -> None:
    if len(openids) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} followers at once")
