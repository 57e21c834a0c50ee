"""Upkeep: an account's rights and counters, and whether WeChat can reach us."""

from dataclasses import dataclass
from datetime import datetime

from matrix.wechat import tokens
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import request, require_field
from matrix.wechat.http_client import ApiCall

_NO_RIGHT = 48001
_TAGS = ApiCall("GET", "/cgi-bin/tags/get", tolerated=frozenset({_NO_RIGHT}))
_QUOTA = ApiCall("POST", "/cgi-bin/openapi/quota/get")
_CLEAR = ApiCall("POST", "/cgi-bin/clear_quota", repeatable=False)
_CHECK = ApiCall("POST", "/cgi-bin/callback/check")
_ADDRESSES = ApiCall("GET", "/cgi-bin/getcallbackip")


@dataclass(frozen=True, slots=True)
class Quota:
    """How often a call may be made today, was made, and may still be made."""

    daily: int
    used: int
    left: int


@dataclass(frozen=True, slots=True)
class Ping:
    """How one of WeChat's networks reaches our address; loss and time as WeChat words them."""

    ip: str
    operator: str
    loss: str
    time: str


@dataclass(frozen=True, slots=True)
class NetworkCheck:
    """What WeChat's name servers say of our address, and how its networks reach it."""

    resolved: tuple[str, ...]
    pings: tuple[Ping, ...]


def verify_credentials(account: Credentials) -> datetime:
    """Whether AppID, AppSecret and allow-list are right: until when the token lives that came.

    Asks WeChat each time. Raises NotAuthorised or Temporary.
    """
    return tokens.verify_credentials(account)


def has_verified_rights(account: Credentials) -> bool:
    """Whether WeChat lets the account do what only verified ones may, such as read its tags."""
    return request(account, _TAGS).get("errcode") != _NO_RIGHT


def get_quota(account: Credentials, path: str) -> Quota:
    """The counter of one call, by its path such as /cgi-bin/message/custom/send."""
    counter = require_field(
        _QUOTA, request(account, _QUOTA, body={"cgi_path": path}), "quota", dict
    )
    return Quota(
        daily=require_field(_QUOTA, counter, "daily_limit", int),
        used=require_field(_QUOTA, counter, "used", int),
        left=require_field(_QUOTA, counter, "remain", int),
    )


def clear_quota(account: Credentials) -> None:
    """Set all counters to zero; ten times a month, then raises QuotaUsed."""
    request(account, _CLEAR, body={"appid": account.appid})


def check_network(account: Credentials) -> NetworkCheck:
    """Let WeChat look up and ping the callback address of this account."""
    answer = request(account, _CHECK, body={"action": "all", "check_operator": "DEFAULT"})
    return NetworkCheck(
        tuple(str(one.get("ip", "")) for one in _items(answer.get("dns"))),
        tuple(
            Ping(
                str(one.get("ip", "")),
                str(one.get("from_operator", "")),
                str(one.get("package_loss", "")),
                str(one.get("time", "")),
            )
            for one in _items(answer.get("ping"))
        ),
    )


def list_callback_addresses(account: Credentials) -> tuple[str, ...]:
    """Addresses and networks that callbacks come from; a hint for firewalls, never a proof."""
    found = require_field(_ADDRESSES, request(account, _ADDRESSES), "ip_list", list)
    return tuple(str(address) for address in found)


def _items(raw: object) -> list[dict[str, object]]:
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
