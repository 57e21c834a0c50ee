"""Control: what a developer or a test may turn and read, under /simulator.

GET  state                                 accounts with counts, clock, limits, faults
GET  log?after=&what=&appid=&path=&…       everything received and sent, in order
GET, POST, DELETE  faults, DELETE faults/<id>
POST clock {"offset_seconds": n}           tokens, windows, quotas and media live by it
POST limits {name: value}                  see `limits`
POST accounts {…}                          add one, or change its console settings
POST accounts/<appid>/check                the GET check of the callback URL
POST accounts/<appid>/kill-tokens          all its tokens become invalid
POST quotas {"appid", "path", "daily"?, "minute"?}
POST citizens {"name", "platform"?}
DELETE log
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.accounts import Account, from_fields
from simulator.api.door import world_here
from simulator.errors import NotPossible
from simulator.faults import API_KINDS, CALLBACK_KINDS
from simulator.world import World

blueprint = Blueprint("control", __name__, url_prefix="/simulator")


def given() -> dict[str, Any]:
    """The JSON object that was sent."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise NotPossible("请求应为 JSON 对象")
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise NotPossible("文字里有不成对的代理字符") from error
    return body


@blueprint.get("/state")
def state() -> Response:
    """Everything worth knowing at a glance."""
    world = world_here()
    return jsonify(
        accounts=[_account(world, one) for one in world.accounts],
        citizens=[asdict(one) for one in world.followers.citizens()],
        clock={"now": world.clock.now(), "offset_seconds": world.clock.offset},
        limits=world.limits.as_dict(),
        faults=world.faults.all(),
        pending_deliveries=world.callbacks.pending,
        callback_base=world.callbacks.base,
    )


def _account(world: World, account: Account) -> dict[str, Any]:
    return {
        "appid": account.appid,
        "original_id": account.original_id,
        "name": account.name,
        "department": account.department,
        "kind": account.kind,
        "verified": account.verified,
        "mode": account.mode,
        "callback": world.callbacks.url(account),
        "followers": sum(1 for _ in world.followers.subscribed(account.appid)),
        "token_fetches": dict(world.tokens.asked[account.appid]),
        "tokens_issued": world.tokens.issued[account.appid],
    }


@blueprint.get("/log")
def log() -> Response:
    """Journal lines newer than `after`; any other parameter must equal the line's fact."""
    wanted = request.args.to_dict()
    wanted.pop("after", None)
    after = request.args.get("after", 0, int)
    return jsonify(lines=world_here().journal.lines(after=after, **wanted))


@blueprint.delete("/log")
def clear_log() -> Response:
    """Forget all lines."""
    world_here().journal.clear()
    return jsonify(ok=True)


@blueprint.get("/faults")
def faults() -> Response:
    """The switches that are on, and the kinds there are."""
    return jsonify(
        faults=world_here().faults.all(), api_kinds=API_KINDS, callback_kinds=CALLBACK_KINDS
    )


@blueprint.post("/faults")
def add_fault() -> Response:
    """Switch one on: kind, and optionally appid, path, count, probability, seconds."""
    return jsonify(asdict(world_here().faults.add(given())))


@blueprint.delete("/faults")
def clear_faults() -> Response:
    """Switch all off."""
    world_here().faults.clear()
    return jsonify(ok=True)


@blueprint.delete("/faults/<int:fault_id>")
def remove_fault(fault_id: int) -> Response:
    """Switch one off."""
    world_here().faults.remove(fault_id)
    return jsonify(ok=True)


@blueprint.post("/clock")
def clock() -> Response:
    """Shift the virtual clock to `offset_seconds` from now."""
    offset = given().get("offset_seconds")
    if not isinstance(offset, (int, float)) or isinstance(offset, bool) or not abs(offset) <= 1e10:
        raise NotPossible("offset_seconds 应为数字")
    world_here().clock.offset = float(offset)
    return jsonify(now=world_here().clock.now(), offset_seconds=offset)


@blueprint.post("/limits")
def limits() -> Response:
    """Change some limits."""
    world_here().limits.change(given())
    return jsonify(world_here().limits.as_dict())


@blueprint.post("/accounts")
def add_account() -> Response:
    """Add an account, or give a known one new settings (fields left out stay as they were)."""
    world, fields = world_here(), given()
    known = world.accounts.find(str(fields.get("appid")))
    account = from_fields({**(asdict(known) if known else {}), **fields})
    world.accounts.add(account)
    world.pulse.beat()
    return jsonify(_account(world, account))


@blueprint.post("/accounts/<appid>/check")
def check_callback(appid: str) -> Response:
    """The GET check, as saving the settings in the console triggers it."""
    world = world_here()
    problem = world.callbacks.check(world.accounts.get(appid))
    return jsonify(ok=not problem, problem=problem)


@blueprint.post("/accounts/<appid>/kill-tokens")
def kill_tokens(appid: str) -> Response:
    """Make the account's tokens invalid (40001)."""
    world = world_here()
    return jsonify(killed=world.tokens.kill(world.accounts.get(appid).appid))


@blueprint.post("/quotas")
def quotas() -> Response:
    """Give an account another daily or per-minute limit for a path."""
    body = given()
    appid, path = str(body.get("appid") or ""), str(body.get("path") or "")
    world_here().accounts.get(appid)
    limits = {name: body.get(name) for name in ("daily", "minute")}
    if any(not isinstance(one, int | None) or isinstance(one, bool) for one in limits.values()):
        raise NotPossible("daily 和 minute 应为整数")
    world_here().quotas.set(appid, path, **limits)
    return jsonify(world_here().quotas.left(appid, path))


@blueprint.post("/citizens")
def add_citizen() -> Response:
    """A further person with a phone."""
    body = given()
    name = str(body.get("name") or "").strip()
    if not 1 <= len(name) <= 20:
        raise NotPossible("名字应为 1 到 20 个字")
    platform = 1 if body.get("platform") == 1 else 2
    citizen = world_here().followers.add_citizen(name, platform=platform)
    world_here().pulse.beat()
    return jsonify(asdict(citizen))
