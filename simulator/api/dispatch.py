"""Dispatch of API calls: the checks that every call passes before its own function.

    fault -> method -> authentication (token or secret) -> capability -> quota -> call -> log

Answers are JSON with HTTP 200, errors included; the errmsg of an error ends with a rid by which it
can be looked up. Files are answered as raw bytes.
"""

from __future__ import annotations

import json
import time
from itertools import chain

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.datastructures import FileStorage

from simulator.accounts.accounts import Account
from simulator.api import (
    credentials,
    customer_service,
    diagnostics,
    media,
    menus,
    qrcodes,
    template_messages,
    users,
)
from simulator.api.call import ApiRequest, ApiResult, Call, FileResult, Route, Upload
from simulator.core.errors import ApiError
from simulator.core.faults import Fault
from simulator.core.request_log import new_rid
from simulator.platform import Platform

FAMILIES = (
    credentials,
    customer_service,
    media,
    menus,
    template_messages,
    diagnostics,
    qrcodes,
    users,
)
# by path alone, so that a wrong method is 43001 or 43002 and not "no such api"
ROUTES: dict[str, Route] = {
    route.path: route for route in chain.from_iterable(family.ROUTES for family in FAMILIES)
}
PREFIXES = ("cgi-bin", "wxaapi", "wxa", "customservice", "sns", "datacube")
FAULT_ERRORS = {
    "busy": (-1, "system error"),
    "wrong_token": (40001, "invalid credential, access_token is invalid or not latest"),
    "token_expired": (42001, "access_token expired"),
    "quota_used": (45009, "reach max api daily quota limit"),
    "frequency": (45011, "api minute-quota reach limit, must slower, retry next minute"),
    "unauthorised": (48001, "api unauthorized"),
}
TOKEN_FAULTS = ("wrong_token", "token_expired")

blueprint = Blueprint("api", __name__)


def current_platform() -> Platform:
    """The platform of the app that serves this request."""
    platform: Platform = current_app.extensions["platform"]
    return platform


@blueprint.get("/cgi-bin/showqrcode")
def show_qrcode() -> Response:
    """The picture of a QR code; needs no token (mp.weixin.qq.com/cgi-bin/showqrcode)."""
    code = current_platform().qrcodes.find(request.args.get("ticket", ""))
    if code is None:
        abort(404)
    return Response(qrcodes.picture(code), mimetype="image/png")


@blueprint.get("/mmbiz_jpg/<name>/0")
def picture(name: str) -> Response:
    """An image or video by its public link."""
    medium = current_platform().media.find_by_picture(name)
    if medium is None:
        abort(404)
    return Response(medium.data, mimetype=medium.mime)


def dispatch(rest: str) -> Response:
    """Answer any call of the API."""
    started = time.monotonic()
    platform, rid = current_platform(), new_rid()
    api_request = _build_request(platform)
    appid = _claimed_appid(api_request)
    slow = platform.faults.consume("slow", appid=appid, path=api_request.path)
    # before the lock: other calls must not wait for the slow one
    if slow is not None:
        time.sleep(slow.seconds)
    if platform.faults.consume("http_502", appid=appid, path=api_request.path) is not None:
        response = Response("<html><h1>502 Bad Gateway</h1></html>", 502, mimetype="text/html")
    else:
        # the call takes effect and its answer comes too late: the caller cannot know which
        mute = platform.faults.consume(
            "timeout_after_accepting", appid=appid, path=api_request.path
        )
        response = _response(_handle(api_request, appid, rid))
        _log_request(api_request, appid, rid, response, started)
        _delay(mute)
        return response
    _log_request(api_request, appid, rid, response, started)
    return response


for _prefix in PREFIXES:
    blueprint.add_url_rule(
        f"/{_prefix}/<path:rest>", f"dispatch_{_prefix}", dispatch, methods=["GET", "POST"]
    )


def _delay(mute: Fault | None) -> None:
    if mute is not None:
        time.sleep(mute.seconds)


def _handle(api_request: ApiRequest, appid: str, rid: str) -> ApiResult:
    try:
        route = _route(api_request)
        _raise_faults(api_request, appid, route)
        account = _authorize(api_request, route)
        # one call at a time: a handler may change several stores
        with api_request.platform.lock:
            if route.counts_quota:
                api_request.platform.quotas.consume(account.appid, api_request.path)
            return route.handler(Call.authenticated(api_request, account))
    except ApiError as refusal:
        return {"errcode": refusal.errcode, "errmsg": f"{refusal.errmsg} rid: {rid}"}


def _route(api_request: ApiRequest) -> Route:
    route = ROUTES.get(api_request.path)
    if route is None:
        # without this clear answer, a call the simulator lacks would look like an error of the
        # caller's data
        raise ApiError(404, "404 not found, no such api")
    if route.method != api_request.method:
        # 43001: GET required; 43002: POST required
        code = 43001 if route.method == "GET" else 43002
        raise ApiError(code, f"require {route.method} method")
    return route


def _authorize(api_request: ApiRequest, route: Route) -> Account:
    if route.authentication == "secret":
        return credentials.account_of_secret(api_request)
    appid = api_request.platform.tokens.get_owner(api_request.query.get("access_token", ""))
    account = api_request.platform.accounts.find(appid)
    if account is None:
        raise ApiError(40013, "invalid appid")
    if route.capability is not None and not account.is_allowed(route.capability):
        raise ApiError(48001, "api unauthorized")
    return account


def _raise_faults(api_request: ApiRequest, appid: str, route: Route) -> None:
    for kind, (errcode, errmsg) in FAULT_ERRORS.items():
        # an error of access tokens would make no sense for a call that gets one
        if kind in TOKEN_FAULTS and route.authentication != "token":
            continue
        if (
            api_request.platform.faults.consume(kind, appid=appid, path=api_request.path)
            is not None
        ):
            raise ApiError(errcode, errmsg)


def _build_request(platform: Platform) -> ApiRequest:
    return ApiRequest(
        platform=platform,
        method=request.method,
        path=request.path,
        query=request.args,
        # reading the raw body would leave nothing for the parser of forms
        raw=b"" if request.mimetype == "multipart/form-data" else request.get_data(),
        form=request.form,
        uploads={name: _upload(file) for name, file in request.files.items()},
        base=request.host_url.rstrip("/"),
        ip=request.remote_addr or "",
    )


def _upload(file: FileStorage) -> Upload:
    return Upload(file.filename or "", file.read())


def _claimed_appid(api_request: ApiRequest) -> str:
    """The appid that a request claims, before authentication; for faults and the log."""
    token = api_request.query.get("access_token", "")
    if token:
        return api_request.platform.tokens.find_owner(token) or ""
    return str(credentials.request_fields(api_request).get("appid") or "")


def _response(answer: ApiResult) -> Response:
    if isinstance(answer, FileResult):
        response = Response(answer.data, mimetype=answer.mime)
        response.headers.set("Content-disposition", "attachment", filename=answer.filename)
        return response
    text = json.dumps(answer, ensure_ascii=False)
    # "encoding", not "charset", as the platform spells it: clients must not take the charset from
    # this header but decode UTF-8
    return Response(text, content_type="application/json; encoding=utf-8")


def _log_request(
    api_request: ApiRequest, appid: str, rid: str, response: Response, started: float
) -> None:
    is_json = response.mimetype == "application/json"
    answer = response.get_data(as_text=True) if is_json else f"<{response.mimetype}>"
    uploads = [f"<{one.filename}, {len(one.data)} bytes>" for one in api_request.uploads.values()]
    # no secret and no token may appear in the log, in any form
    # the bodies of both token calls: the request holds the secret, the answer the token
    has_secret = b"secret" in api_request.raw or "token" in api_request.path
    api_request.platform.request_log.add(
        "api",
        appid=appid,
        method=api_request.method,
        path=api_request.path,
        query={k: v for k, v in api_request.query.items() if k not in ("access_token", "secret")},
        request=""
        if has_secret
        else " ".join([api_request.raw.decode(errors="replace"), *uploads]),
        status=response.status_code,
        errcode=json.loads(answer).get("errcode", 0) if is_json else 0,
        answer="" if has_secret else answer,
        rid=rid,
        ip=api_request.ip,
        ms=round((time.monotonic() - started) * 1000),
    )
