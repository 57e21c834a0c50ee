"""Credentials: access tokens in exchange for appid and secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.accounts import Account
from simulator.api.call import OK, Answer, Ask, Call, Route
from simulator.errors import Refused


def account_of_secret(ask: Ask) -> Account:
    """The account whose secret the request knows; 41002, 41004, 40013, 40125, 40243 or 40164."""
    fields = given(ask)
    appid, secret = fields.get("appid"), fields.get("secret") or fields.get("appsecret")
    if not appid:
        raise Refused(41002, "appid missing")
    if not secret:
        raise Refused(41004, "appsecret missing")
    account = ask.world.accounts.find(str(appid))
    if account is None:
        raise Refused(40013, "invalid appid")
    if account.secret_frozen:
        raise Refused(40243, "AppSecret has been frozen, please unfreeze it before use")
    if secret != account.secret:
        raise Refused(40125, "invalid appsecret")
    if account.ip_allow_list is not None and ask.ip not in account.ip_allow_list:
        raise Refused(40164, f"invalid ip {ask.ip} ipv6 ::ffff:{ask.ip}, not in whitelist")
    return account


def given(ask: Ask) -> Mapping[str, Any]:
    """The fields of a request by secret: its query, its JSON or its form."""
    if ask.method == "GET":
        return ask.query
    if not ask.raw.lstrip().startswith(b"{"):
        return ask.form
    try:
        return ask.body
    except Refused:
        return {}


def token(call: Call) -> Answer:
    """A new token; the former lives five more minutes."""
    _check_grant(call.query.get("grant_type"))
    value, seconds = call.world.tokens.fetch(call.appid)
    return {"access_token": value, "expires_in": seconds}


def stable_token(call: Call) -> Answer:
    """The current stable token, or with `force_refresh` a new one."""
    _check_grant(call.body.get("grant_type"))
    tokens = call.world.tokens
    forced = call.body.get("force_refresh", False)
    value, seconds = tokens.force_stable(call.appid) if forced else tokens.fetch_stable(call.appid)
    return {"access_token": value, "expires_in": seconds}


def clear_quota(call: Call) -> Answer:
    """Start all counters again without a token (clear_quota/v2)."""
    call.world.quotas.clear(call.appid)
    return OK


def _check_grant(grant: object) -> None:
    if grant != "client_credential":
        raise Refused(40002, "invalid grant_type")


CALLS = (
    Route("GET", "/cgi-bin/token", token, by="secret"),
    Route("POST", "/cgi-bin/stable_token", stable_token, by="secret"),
    Route("POST", "/cgi-bin/clear_quota/v2", clear_quota, by="secret", counted=False),
)
