"""Admin API: what a developer or a test can read and switch, under /simulator.

GET  state                                 accounts with counts, clock, limits, faults
GET  log?after=&what=&appid=&path=&…       everything received and sent, in order
GET, POST, DELETE  faults, DELETE faults/<id>
POST clock {"offset_seconds": n}           tokens, windows, quotas and media expire by it
POST limits {name: value}                  see `limits`
POST accounts {…}                          add one, or change its console settings
POST accounts/<appid>/check                the GET check of the callback URL
POST accounts/<appid>/kill-tokens          all its tokens become invalid
POST quotas {"appid", "path", "daily"?, "minute"?}
POST citizens {"name", "platform"?}
DELETE log
GET, POST, DELETE  robots                see `robots`
"""

from __future__ import annotations

import json
from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request

from simulator.accounts.accounts import Account, from_fields
from simulator.api.dispatch import current_platform
from simulator.core.errors import ActionRejected
from simulator.core.faults import API_KINDS, CALLBACK_KINDS
from simulator.core.json_object import JsonObject
from simulator.platform import Platform

blueprint = Blueprint("admin_api", __name__, url_prefix="/simulator")


def json_body() -> JsonObject:
    """The JSON object in the request body; ActionRejected when it is none."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ActionRejected("请求应为 JSON 对象")
    try:
        # JSON may escape half of a surrogate pair, which Python reads but neither XML nor UTF-8 can
        # carry; without this check it would fail later, in the thread of the delivery
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ActionRejected("文字里有不成对的代理字符") from error
    return body


@blueprint.get("/state")
def state() -> Response:
    """Accounts with counts, clock, limits and faults."""
    platform = current_platform()
    return jsonify(
        accounts=[_account(platform, one) for one in platform.accounts],
        citizens=[asdict(one) for one in platform.followers.list_citizens()],
        clock={"now": platform.clock.now(), "offset_seconds": platform.clock.offset},
        limits=platform.limits.as_dict(),
        faults=platform.faults.list_active(),
        pending_deliveries=platform.callbacks.pending,
        callback_base=platform.callbacks.base,
    )


def _account(platform: Platform, account: Account) -> JsonObject:
    return {
        "appid": account.appid,
        "original_id": account.original_id,
        "name": account.name,
        "department": account.department,
        "kind": account.kind,
        "verified": account.verified,
        "mode": account.mode,
        "callback": platform.callbacks.url(account),
        "followers": sum(1 for _ in platform.followers.list_subscribed(account.appid)),
        "token_fetches": dict(platform.tokens.request_counts[account.appid]),
        "tokens_issued": platform.tokens.issued_counts[account.appid],
    }


@blueprint.get("/log")
def log() -> Response:
    """Log entries newer than `after`; any other parameter must equal the entry's fact."""
    filters = request.args.to_dict()
    filters.pop("after", None)
    after = request.args.get("after", 0, int)
    return jsonify(lines=current_platform().request_log.list_entries(after=after, **filters))


@blueprint.delete("/log")
def clear_log() -> Response:
    """Delete all log entries."""
    current_platform().request_log.clear()
    return jsonify(ok=True)


@blueprint.get("/faults")
def faults() -> Response:
    """The active faults, and the kinds that exist."""
    return jsonify(
        faults=current_platform().faults.list_active(),
        api_kinds=API_KINDS,
        callback_kinds=CALLBACK_KINDS,
    )


@blueprint.post("/faults")
def add_fault() -> Response:
    """Add a fault: kind, and optionally appid, path, count, probability, seconds."""
    return jsonify(asdict(current_platform().faults.add(json_body())))


@blueprint.delete("/faults")
def clear_faults() -> Response:
    """Remove all faults."""
    current_platform().faults.clear()
    return jsonify(ok=True)


@blueprint.delete("/faults/<int:fault_id>")
def remove_fault(fault_id: int) -> Response:
    """Remove one fault."""
    current_platform().faults.remove(fault_id)
    return jsonify(ok=True)


@blueprint.post("/clock")
def clock() -> Response:
    """Shift the virtual clock to `offset_seconds` from now."""
    offset = json_body().get("offset_seconds")
    # the bound keeps time.gmtime within its range; `not … <=` also refuses NaN
    if not isinstance(offset, (int, float)) or isinstance(offset, bool) or not abs(offset) <= 1e10:
        raise ActionRejected("offset_seconds 应为数字")
    current_platform().clock.offset = float(offset)
    return jsonify(now=current_platform().clock.now(), offset_seconds=offset)


@blueprint.post("/limits")
def limits() -> Response:
    """Change some limits."""
    current_platform().limits.update(json_body())
    return jsonify(current_platform().limits.as_dict())


@blueprint.post("/accounts")
def add_account() -> Response:
    """Add an account, or change settings of a known one; fields left out keep their values."""
    platform, fields = current_platform(), json_body()
    known = platform.accounts.find(str(fields.get("appid")))
    # checked as a whole, because fields depend on each other: safe mode needs an AES key
    account = from_fields({**(asdict(known) if known else {}), **fields})
    platform.accounts.add(account)
    platform.change_signal.notify()
    return jsonify(_account(platform, account))


@blueprint.post("/accounts/<appid>/check")
def check_callback(appid: str) -> Response:
    """The GET check, as saving the settings in the console triggers it."""
    platform = current_platform()
    problem = platform.callbacks.check(platform.accounts.get(appid))
    return jsonify(ok=not problem, problem=problem)


@blueprint.post("/accounts/<appid>/kill-tokens")
def kill_tokens(appid: str) -> Response:
    """Make the account's tokens invalid (40001)."""
    platform = current_platform()
    return jsonify(killed=platform.tokens.revoke_all(platform.accounts.get(appid).appid))


@blueprint.post("/quotas")
def quotas() -> Response:
    """Set an account's daily or per-minute limit for a path."""
    body = json_body()
    appid, path = str(body.get("appid") or ""), str(body.get("path") or "")
    # an unknown account must be refused here: counters are made on first use and would hide the
    # typo
    current_platform().accounts.get(appid)
    limits = {name: body.get(name) for name in ("daily", "minute")}
    if any(not isinstance(one, int | None) or isinstance(one, bool) for one in limits.values()):
        raise ActionRejected("daily 和 minute 应为整数")
    current_platform().quotas.set_limit(appid, path, **limits)
    return jsonify(current_platform().quotas.usage(appid, path))


@blueprint.post("/citizens")
def add_citizen() -> Response:
    """Add a citizen."""
    body = json_body()
    name = str(body.get("name") or "").strip()
    if not 1 <= len(name) <= 20:
        raise ActionRejected("名字应为 1 到 20 个字")
    # 1 iOS, 2 Android: the numbers of client_platform_type in conditional menus
    platform = 1 if body.get("platform") == 1 else 2
    citizen = current_platform().followers.add_citizen(name, platform=platform)
    current_platform().change_signal.notify()
    return jsonify(asdict(citizen))
