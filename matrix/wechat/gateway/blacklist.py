"""Blacklist: followers whom WeChat itself keeps away from an account."""

from collections.abc import Sequence

from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.calls import ask
from matrix.wechat.wire import Call

MOST_AT_ONCE = 20

_BLOCK = Call("POST", "/cgi-bin/tags/members/batchblacklist")
_UNBLOCK = Call("POST", "/cgi-bin/tags/members/batchunblacklist")


def block_followers(account: Credentials, openids: Sequence[str]) -> None:
    """Keep up to 20 followers away. Raises ValueError for more."""
    _tell(account, _BLOCK, openids)


def unblock_followers(account: Credentials, openids: Sequence[str]) -> None:
    """Let up to 20 followers write again. Raises ValueError for more."""
    _tell(account, _UNBLOCK, openids)


def _tell(account: Credentials, call: Call, openids: Sequence[str]) -> None:
    if len(openids) > MOST_AT_ONCE:
        raise ValueError(f"at most {MOST_AT_ONCE} followers at once")
    if openids:
        ask(account, call, body={"openid_list": list(openids)})
