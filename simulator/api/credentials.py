"""Calls that give access tokens for appid and secret."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.accounts.accounts import Account
from simulator.api.call import OK, ApiRequest, ApiResult, Call, Route
from simulator.core.errors import ApiError


def account_of_secret(api_request: ApiRequest) -> Account:
    """The account of appid and secret; raises 41002, 41004, 40013, 40125, 40243 or 40164."""
    fields = request_fields(api_request)
    # clear_quota/v2 calls the same field appsecret
    appid, secret = fields.get("appid"), fields.get("secret") or fields.get("appsecret")
    if not appid:
        raise ApiError(41002, "appid missing")
    if not secret:
        raise ApiError(41004, "appsecret missing")
    account = api_request.platform.accounts.find(str(appid))
    if account is None:
        raise ApiError(40013, "invalid appid")
    if account.secret_frozen:
        raise ApiError(40243, "AppSecret has been frozen, please unfreeze it before use")
    if secret != account.secret:
        raise ApiError(40125, "invalid appsecret")
    if account.ip_allow_list is not None and api_request.ip not in account.ip_allow_list:
        raise ApiError(
            40164, f"invalid ip {api_request.ip} ipv6 ::ffff:{api_request.ip}, not in whitelist"
        )
    return account


def request_fields(api_request: ApiRequest) -> Mapping[str, object]:
    """The fields of a request by secret, from its query, JSON body or form."""
    if api_request.method == "GET":
        return api_request.query
    # clear_quota/v2 takes a form as well as JSON
    if not api_request.raw.lstrip().startswith(b"{"):
        return api_request.form
    try:
        return api_request.body
    except ApiError:
        return {}


def token(call: Call) -> ApiResult:
    """A new token; the previous one stays valid for five minutes."""
    _check_grant(call.query.get("grant_type"))
    value, seconds = call.platform.tokens.issue_token(call.appid)
    return {"access_token": value, "expires_in": seconds}


def stable_token(call: Call) -> ApiResult:
    """The current stable token; with `force_refresh` a new one."""
    _check_grant(call.body.get("grant_type"))
    tokens = call.platform.tokens
    # forced refreshes have limits of their own, because each of them breaks all other holders of
    # the token at once
    forced = call.body.get("force_refresh", False)
    value, seconds = tokens.renew_stable(call.appid) if forced else tokens.get_stable(call.appid)
    return {"access_token": value, "expires_in": seconds}


def clear_quota(call: Call) -> ApiResult:
    """Reset all call counters, authenticated by secret (clear_quota/v2)."""
    call.platform.quotas.clear(call.appid)
    return OK


def _check_grant(grant: object) -> None:
    if grant != "client_credential":
        raise ApiError(40002, "invalid grant_type")


ROUTES = (
    Route("GET", "/cgi-bin/token", token, authentication="secret"),
    Route("POST", "/cgi-bin/stable_token", stable_token, authentication="secret"),
    Route(
        "POST", "/cgi-bin/clear_quota/v2", clear_quota, authentication="secret", counts_quota=False
    ),
)
