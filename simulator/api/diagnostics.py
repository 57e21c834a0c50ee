"""Openapi: counters, diagnosis and addresses."""

from __future__ import annotations

from simulator.api.call import OK, ApiResult, Call, Route
from simulator.core.errors import ApiError

NETWORK = "127.0.0.1"


def get_quota(call: Call) -> ApiResult:
    """How much of a path's day is used."""
    return {**OK, **call.platform.quotas.usage(call.appid, _path(call))}


def clear_path(call: Call) -> ApiResult:
    """Start one path's counter again."""
    call.platform.quotas.clear_path(call.appid, _path(call))
    return OK


def clear(call: Call) -> ApiResult:
    """Start all counters again; the body must name the token's own account."""
    if call.body.get("appid") != call.appid:
        raise ApiError(40013, "invalid appid")
    call.platform.quotas.clear(call.appid)
    return OK


def explain_rid(call: Call) -> ApiResult:
    """What happened in a call; 76001 for an unknown rid, 76002 for another account's."""
    line = call.platform.request_log.find_by_rid(str(call.body.get("rid") or ""))
    if line is None:
        raise ApiError(76001, "rid not found")
    if line["appid"] != call.appid:
        raise ApiError(76002, "rid belongs to another account")
    return {
        **OK,
        "request": {
            "invoke_time": int(line["at"]),
            "cost_in_ms": line["ms"],
            "request_url": line["path"],
            "request_body": line["request"],
            "response_body": line["answer"],
            "client_ip": line["ip"],
        },
    }


def callback_ips(call: Call) -> ApiResult:
    """Where pushes come from."""
    return {"ip_list": [NETWORK]}


def api_ips(call: Call) -> ApiResult:
    """Where the API lives."""
    return {"ip_list": [NETWORK]}


def check_network(call: Call) -> ApiResult:
    """Look the callback's host up and ping it; here both always succeed."""
    action = call.body.get("action")
    if action not in ("dns", "ping", "all"):
        raise ApiError(40201, "invalid action")
    if call.body.get("check_operator", "DEFAULT") not in ("CHINANET", "UNICOM", "CAP", "DEFAULT"):
        raise ApiError(40202, "invalid check_operator")
    dns = [{"ip": NETWORK, "real_operator": "DEFAULT"}]
    ping = [{"ip": NETWORK, "from_operator": "DEFAULT", "package_loss": "0%", "time": "1.000ms"}]
    return {
        "dns": dns if action in ("dns", "all") else [],
        "ping": ping if action in ("ping", "all") else [],
    }


def _path(call: Call) -> str:
    path = call.body.get("cgi_path")
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        raise ApiError(76003, "invalid cgi_path")
    if path.startswith("/sns/"):
        raise ApiError(76022, "could not use this cgi_path, no permission")
    return path


CALLS = (
    Route("POST", "/cgi-bin/openapi/quota/get", get_quota, counts_quota=False),
    Route("POST", "/cgi-bin/openapi/quota/clear", clear_path, counts_quota=False),
    Route("POST", "/cgi-bin/openapi/rid/get", explain_rid, counts_quota=False),
    Route("POST", "/cgi-bin/clear_quota", clear, counts_quota=False),
    Route("GET", "/cgi-bin/getcallbackip", callback_ips),
    Route("GET", "/cgi-bin/get_api_domain_ip", api_ips),
    Route("POST", "/cgi-bin/callback/check", check_network),
)
