"""Door: what every API call goes through before and after its family's verb.

    fault? -> method -> who asks (token or secret) -> capability -> quota -> verb -> journal

Answers are JSON with HTTP 200, also refusals, whose errmsg ends with a rid; files are raw bytes.
"""

from __future__ import annotations

import json
import time
from itertools import chain

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.datastructures import FileStorage

from simulator.accounts import Account
from simulator.api import credentials, custom, media, menus, notices, openapi, qrcodes, users
from simulator.api.call import Answer, Ask, Call, File, Route, Upload
from simulator.errors import Refused
from simulator.faults import Fault
from simulator.journal import new_rid
from simulator.world import World

FAMILIES = (credentials, custom, media, menus, notices, openapi, qrcodes, users)
ROUTES: dict[str, Route] = {
    route.path: route for route in chain.from_iterable(family.CALLS for family in FAMILIES)
}
PREFIXES = ("cgi-bin", "wxaapi", "wxa", "customservice", "sns", "datacube")
FALSE_REFUSALS = {
    "busy": (-1, "system error"),
    "wrong_token": (40001, "invalid credential, access_token is invalid or not latest"),
    "token_expired": (42001, "access_token expired"),
    "quota_used": (45009, "reach max api daily quota limit"),
    "frequency": (45011, "api minute-quota reach limit, must slower, retry next minute"),
    "unauthorised": (48001, "api unauthorized"),
}
TOKEN_FAULTS = ("wrong_token", "token_expired")

blueprint = Blueprint("api", __name__)


def world_here() -> World:
    """The world of the app that serves this request."""
    world: World = current_app.extensions["world"]
    return world


@blueprint.get("/cgi-bin/showqrcode")
def show_qrcode() -> Response:
    """The picture of a code, without a token (mp.weixin.qq.com/cgi-bin/showqrcode)."""
    code = world_here().qrcodes.find(request.args.get("ticket", ""))
    if code is None:
        abort(404)
    return Response(qrcodes.picture(code), mimetype="image/png")


@blueprint.get("/mmbiz_jpg/<name>/0")
def picture(name: str) -> Response:
    """A picture or video by its public link."""
    medium = world_here().media.picture(name)
    if medium is None:
        abort(404)
    return Response(medium.data, mimetype=medium.mime)


def enter(rest: str) -> Response:
    """Any call of the API."""
    started = time.monotonic()
    world, rid = world_here(), new_rid()
    ask = _ask(world)
    appid = _claimed(ask)
    slow = world.faults.take("slow", appid=appid, path=ask.path)
    if slow is not None:
        time.sleep(slow.seconds)
    if world.faults.take("http_502", appid=appid, path=ask.path) is not None:
        response = Response("<html><h1>502 Bad Gateway</h1></html>", 502, mimetype="text/html")
    else:
        mute = world.faults.take("timeout_after_accepting", appid=appid, path=ask.path)
        response = _response(_answer(ask, appid, rid))
        _write_down(ask, appid, rid, response, started)
        _hold(mute)
        return response
    _write_down(ask, appid, rid, response, started)
    return response


for _prefix in PREFIXES:
    blueprint.add_url_rule(
        f"/{_prefix}/<path:rest>", f"enter_{_prefix}", enter, methods=["GET", "POST"]
    )


def _hold(mute: Fault | None) -> None:
    if mute is not None:
        time.sleep(mute.seconds)


def _answer(ask: Ask, appid: str, rid: str) -> Answer:
    try:
        route = _route(ask)
        _strike(ask, appid, route)
        account = _entitled(ask, route)
        with ask.world.lock:
            if route.counted:
                ask.world.quotas.use(account.appid, ask.path)
            return route.verb(Call.of(ask, account))
    except Refused as refusal:
        return {"errcode": refusal.errcode, "errmsg": f"{refusal.errmsg} rid: {rid}"}


def _route(ask: Ask) -> Route:
    route = ROUTES.get(ask.path)
    if route is None:
        raise Refused(404, "404 not found, no such api")
    if route.method != ask.method:
        code = 43001 if route.method == "GET" else 43002
        raise Refused(code, f"require {route.method} method")
    return route


def _entitled(ask: Ask, route: Route) -> Account:
    if route.by == "secret":
        return credentials.account_of_secret(ask)
    appid = ask.world.tokens.owner(ask.query.get("access_token", ""))
    account = ask.world.accounts.find(appid)
    if account is None:
        raise Refused(40013, "invalid appid")
    if route.needs is not None and not account.may(route.needs):
        raise Refused(48001, "api unauthorized")
    return account


def _strike(ask: Ask, appid: str, route: Route) -> None:
    for kind, (errcode, errmsg) in FALSE_REFUSALS.items():
        if kind in TOKEN_FAULTS and route.by != "token":
            continue
        if ask.world.faults.take(kind, appid=appid, path=ask.path) is not None:
            raise Refused(errcode, errmsg)


def _ask(world: World) -> Ask:
    return Ask(
        world=world,
        method=request.method,
        path=request.path,
        query=request.args,
        raw=b"" if request.mimetype == "multipart/form-data" else request.get_data(),
        form=request.form,
        uploads={name: _upload(file) for name, file in request.files.items()},
        base=request.host_url.rstrip("/"),
        ip=request.remote_addr or "",
    )


def _upload(file: FileStorage) -> Upload:
    return Upload(file.filename or "", file.read())


def _claimed(ask: Ask) -> str:
    """The appid a request speaks for, believed without proof; for faults and the journal."""
    token = ask.query.get("access_token", "")
    if token:
        return ask.world.tokens.peek(token) or ""
    return str(credentials.given(ask).get("appid") or "")


def _response(answer: Answer) -> Response:
    if isinstance(answer, File):
        response = Response(answer.data, mimetype=answer.mime)
        response.headers.set("Content-disposition", "attachment", filename=answer.filename)
        return response
    text = json.dumps(answer, ensure_ascii=False)
    return Response(text, content_type="application/json; encoding=utf-8")


def _write_down(ask: Ask, appid: str, rid: str, response: Response, started: float) -> None:
    is_json = response.mimetype == "application/json"
    answer = response.get_data(as_text=True) if is_json else f"<{response.mimetype}>"
    uploads = [f"<{one.filename}, {len(one.data)} bytes>" for one in ask.uploads.values()]
    has_secret = b"secret" in ask.raw or "token" in ask.path
    ask.world.journal.add(
        "api",
        appid=appid,
        method=ask.method,
        path=ask.path,
        query={k: v for k, v in ask.query.items() if k not in ("access_token", "secret")},
        request="" if has_secret else " ".join([ask.raw.decode(errors="replace"), *uploads]),
        status=response.status_code,
        errcode=json.loads(answer).get("errcode", 0) if is_json else 0,
        answer="" if has_secret else answer,
        rid=rid,
        ip=ask.ip,
        ms=round((time.monotonic() - started) * 1000),
    )
