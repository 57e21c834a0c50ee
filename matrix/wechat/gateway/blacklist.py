"""Blacklist: followers whom WeChat itself keeps away from an account."""

from collections.abc import Sequence

from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import request
from matrix.wechat.http_client import ApiCall

MAX_BATCH = 20

_BLOCK = ApiCall("POST", "/cgi-bin/tags/members/batchblacklist")
_UNBLOCK = ApiCall("POST", "/cgi-bin/tags/members/batchunblacklist")


def block_followers(account: Credentials, openids: Sequence[str]) -> None:
    """Keep up to 20 followers away. Raises ValueError for more."""
    _tell(account, _BLOCK, openids)


def unblock_followers(account: Credentials, openids: Sequence[str]) -> None:
    """Let up to 20 followers write again. Raises ValueError for more."""
    _tell(account, _UNBLOCK, openids)


def _tell(account: Credentials, call: ApiCall, openids: Sequence[str]) -> None:
    if len(openids) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} followers at once")
    if openids:
        request(account, call, body={"openid_list": list(openids)})
