"""Diagnostics: an account's credentials, rights and call counters."""

from dataclasses import dataclass
from datetime import datetime

from matrix.wechat import tokens
from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import require_field
from matrix.wechat.http_client import JsonObject

_QUOTA = "/cgi-bin/openapi/quota/get"

_NO_RIGHT = 48001


@dataclass(frozen=True, slots=True)
class Quota:
    """How often a call may be made today, was made, and may still be made."""

    daily: int
    used: int
    left: int


def verify_credentials(account: Credentials) -> datetime:
    """Whether AppID, AppSecret and allow-list are right: until when the token lives that came.

    Asks WeChat each time. Raises NotAuthorised or Temporary.
    """
    return tokens.verify_credentials(account)


def has_verified_rights(account: Credentials) -> bool:
    """Whether WeChat lets the account do what only verified ones may, such as read its tags."""
    # a call that changes nothing; 48001 is here the answer, not an error
    answer: object = WeChatClient(account, tolerated={_NO_RIGHT}).tag.get()
    return not (isinstance(answer, dict) and answer.get("errcode") == _NO_RIGHT)


def get_quota(account: Credentials, path: str) -> Quota:
    """The counter of one call, by its path such as /cgi-bin/message/custom/send."""
    answer: JsonObject = WeChatClient(account).diagnostics.quota(path)
    counter = require_field(_QUOTA, answer, "quota", dict)
    return Quota(
        daily=require_field(_QUOTA, counter, "daily_limit", int),
        used=require_field(_QUOTA, counter, "used", int),
        left=require_field(_QUOTA, counter, "remain", int),
    )


def clear_quota(account: Credentials) -> None:
    """Set all counters to zero; ten times a month, then raises QuotaUsed."""
    WeChatClient(account).diagnostics.clear_quota()
