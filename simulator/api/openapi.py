"""Openapi: counters, diagnosis and addresses."""

from __future__ import annotations

from simulator.api.call import OK, Answer, Call, Route
from simulator.errors import Refused

NETWORK = "127.0.0.1"


def quota(call: Call) -> Answer:
    """How much of a path's day is used."""
    return {**OK, **call.world.quotas.left(call.appid, _path(call))}


def clear_path(call: Call) -> Answer:
    """Start one path's counter again."""
    call.world.quotas.clear_path(call.appid, _path(call))
    return OK


def clear(call: Call) -> Answer:
    """Start all counters again; the body must name the token's own account."""
    if call.body.get("appid") != call.appid:
        raise Refused(40013, "invalid appid")
    call.world.quotas.clear(call.appid)
    return OK


def rid(call: Call) -> Answer:
    """What happened in a call; 76001 for an unknown rid, 76002 for another account's."""
    line = call.world.journal.by_rid(str(call.body.get("rid") or ""))
    if line is None:
        raise Refused(76001, "rid not found")
    if line["appid"] != call.appid:
        raise Refused(76002, "rid belongs to another account")
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


def callback_ips(call: Call) -> Answer:
    """Where pushes come from."""
    return {"ip_list": [NETWORK]}


def api_ips(call: Call) -> Answer:
    """Where the API lives."""
    return {"ip_list": [NETWORK]}


def check_network(call: Call) -> Answer:
    """Look the callback's host up and ping it; here both always succeed."""
    action = call.body.get("action")
    if action not in ("dns", "ping", "all"):
        raise Refused(40201, "invalid action")
    if call.body.get("check_operator", "DEFAULT") not in ("CHINANET", "UNICOM", "CAP", "DEFAULT"):
        raise Refused(40202, "invalid check_operator")
    dns = [{"ip": NETWORK, "real_operator": "DEFAULT"}]
    ping = [{"ip": NETWORK, "from_operator": "DEFAULT", "package_loss": "0%", "time": "1.000ms"}]
    return {
        "dns": dns if action in ("dns", "all") else [],
        "ping": ping if action in ("ping", "all") else [],
    }


def _path(call: Call) -> str:
    path = call.body.get("cgi_path")
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        raise Refused(76003, "invalid cgi_path")
    if path.startswith("/sns/"):
        raise Refused(76022, "could not use this cgi_path, no permission")
    return path


CALLS = (
    Route("POST", "/cgi-bin/openapi/quota/get", quota, counted=False),
    Route("POST", "/cgi-bin/openapi/quota/clear", clear_path, counted=False),
    Route("POST", "/cgi-bin/openapi/rid/get", rid, counted=False),
    Route("POST", "/cgi-bin/clear_quota", clear, counted=False),
    Route("GET", "/cgi-bin/getcallbackip", callback_ips),
    Route("GET", "/cgi-bin/get_api_domain_ip", api_ips),
    Route("POST", "/cgi-bin/callback/check", check_network),
)
