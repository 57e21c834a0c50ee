"""The phone: the page on which a developer plays a citizen, and the requests it makes.

    GET  /                         the page
    GET  /phone/start?citizen=     citizens, accounts with the last line of each chat
    GET  /phone/chat?citizen=&appid=   one chat: entries, menu, window, codes, notices
    GET  /phone/changes?citizen=&appid=&beat=&seq=   waits for changes (long poll)
    GET  /phone/exchanges?citizen=&appid=            raw deliveries of the chat
    POST /phone/act {"citizen", "appid", "do", …, "wait"?}   something the citizen does
    GET  /phone/media/<id>         a file in a bubble

With `"wait": true` an action is answered when its delivery has ended, with outcome and reply, so
tests can act as a citizen without the page.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict

from flask import Blueprint, Response, abort, jsonify, render_template, request

from simulator import citizen_actions
from simulator.accounts.accounts import Account
from simulator.accounts.followers import openid_of
from simulator.admin_api import json_body
from simulator.api import qrcodes
from simulator.api.dispatch import current_platform
from simulator.core.errors import ActionRejected
from simulator.core.json_object import JsonObject
from simulator.messaging.callbacks import PushDelivery
from simulator.platform import Platform

# Ends by itself before a proxy or tunnel in between closes a silent request: nginx does so after 60
# seconds by default, Heroku's router after 30.
MAX_POLL_SECONDS = 20.0
# three attempts of five seconds and their pauses, with room for raised limits
MAX_WAIT_SECONDS = 60.0
# pictures and films of replies may come from any host, as on a real phone; scripts may not
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob: http: https:; media-src 'self' http: https:;"
    " object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)

blueprint = Blueprint("phone", __name__)


@blueprint.get("/")
def page() -> Response:
    """The page; its content is drawn by static/phone.js."""
    response = Response(render_template("phone.html"))
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@blueprint.get("/phone/start")
def start() -> Response:
    """The citizens to choose from, and the list of accounts of the chosen one."""
    platform = current_platform()
    citizens = platform.followers.list_citizens()
    citizen = request.args.get("citizen") or citizens[0].id
    platform.followers.get_citizen(citizen)
    return jsonify(
        citizens=[asdict(one) for one in citizens],
        citizen=citizen,
        accounts=[_account_summary(platform, citizen, account) for account in platform.accounts],
        # the page gives both numbers back to /phone/changes and so learns only what is new
        beat=platform.change_signal.count,
        seq=platform.chats.last_seq,
    )


def _account_summary(platform: Platform, citizen: str, account: Account) -> JsonObject:
    follower = platform.followers.find(citizen, account.appid)
    last = platform.chats.last(citizen, account.appid)
    return {
        "appid": account.appid,
        "name": account.name,
        "department": account.department,
        "kind": account.kind,
        "verified": account.verified,
        "mode": account.mode,
        "following": follower is not None and follower.subscribed,
        "last": asdict(last) if last else None,
    }


@blueprint.get("/phone/chat")
def chat() -> Response:
    """Everything that one open chat shows."""
    platform, citizen, account = _selected_chat()
    appid = account.appid
    follower = platform.followers.find(citizen, appid)
    openid = openid_of(citizen, appid)
    person = platform.followers.get_citizen(citizen)
    menu = platform.menus.menu_for(follower, person) if follower and follower.subscribed else []
    # read before the answer is put together further down: a change in between is then reported once
    # more instead of never
    change_count, seq = platform.change_signal.count, platform.chats.last_seq
    return jsonify(
        account={
            **_account_summary(platform, citizen, account),
            "original_id": account.original_id,
        },
        openid=openid,
        entries=[asdict(one) for one in platform.chats.list_entries(citizen, appid)],
        menu=menu,
        window=platform.windows.remaining(appid, openid),
        typing=platform.windows.is_typing(appid, openid),
        codes=[
            {"ticket": one.ticket, "scene": one.scene, "permanent": not one.expires_at}
            for one in platform.qrcodes.list_active(appid)[:30]
        ],
        notices=[
            {
                "id": one.id,
                "title": one.title,
                "left": follower.consents.get(one.id, 0) if follower else 0,
            }
            for one in platform.templates.list_of(appid, notices=True)
        ],
        beat=change_count,
        seq=seq,
    )


@blueprint.get("/phone/changes")
def changes() -> Response:
    """Changes since `beat` (whole phone) and `seq` (this chat), as soon as there are any."""
    platform = current_platform()
    citizen, appid = request.args.get("citizen", ""), request.args.get("appid", "")
    change_count = platform.change_signal.wait(request.args.get("beat", 0, int), MAX_POLL_SECONDS)
    entries = platform.chats.list_entries(citizen, appid, after=request.args.get("seq", 0, int))
    return jsonify(
        beat=change_count,
        seq=entries[-1].seq if entries else request.args.get("seq", 0, int),
        entries=[asdict(one) for one in entries],
    )


@blueprint.get("/phone/exchanges")
def exchanges() -> Response:
    """The newest deliveries of a chat with their attempts."""
    platform, citizen, account = _selected_chat()
    # a dozen fill the developer's panel, and each carries the XML of all its attempts
    found = platform.callbacks.recent(citizen, account.appid)[:12]
    return jsonify(deliveries=[_delivery(one) for one in found])


@blueprint.get("/phone/media/<media_id>")
def media(media_id: str) -> Response:
    """A media file, for a bubble of the phone."""
    medium = current_platform().media.find(media_id)
    # expired files are shown all the same: a chat keeps its pictures after the media id is dead
    if medium is None:
        abort(404)
    return Response(medium.data, mimetype=medium.mime)


@blueprint.get("/phone/code")
def qrcode_image() -> Response:
    """The picture of a QR code, for the scan dialog."""
    found = current_platform().qrcodes.find(request.args.get("ticket", ""))
    if found is None:
        abort(404)
    return Response(qrcodes.picture(found), mimetype="image/png")


@blueprint.post("/phone/act")
def perform_action() -> Response:
    """Perform an action of the citizen: those of `_ACTIONS`, explained in `citizen_actions`."""
    platform, body = current_platform(), json_body()
    citizen, appid = str(body.get("citizen") or ""), str(body.get("appid") or "")
    platform.followers.get_citizen(citizen)
    platform.accounts.get(appid)
    action = _ACTIONS.get(str(body.get("do")))
    if action is None:
        raise ActionRejected("没有这个动作")
    # not held while waiting for the delivery below: the account's server calls the API meanwhile
    # and would wait for this request
    with platform.lock:
        delivery = action(platform, citizen, appid, body)
    if delivery is None:
        return jsonify(outcome="none")
    if body.get("wait"):
        delivery.done.wait(MAX_WAIT_SECONDS)
    return jsonify(_delivery(delivery))


def _selected_chat() -> tuple[Platform, str, Account]:
    platform = current_platform()
    citizen = platform.followers.get_citizen(request.args.get("citizen", ""))
    return platform, citizen.id, platform.accounts.get(request.args.get("appid", ""))


def _delivery(delivery: PushDelivery) -> JsonObject:
    push, reply = delivery.push, delivery.reply
    return {
        "delivery": delivery.id,
        "kind": push.kind,
        "openid": push.openid,
        "message_id": str(push.message_id) if push.message_id else "",
        "created": push.created,
        "mode": delivery.mode,
        "outcome": delivery.outcome,
        "xml": push.xml,
        "reply": {"kind": reply.kind, "body": reply.body} if reply else None,
        # copied, because the delivery's thread may append to it at this moment
        "attempts": [asdict(one) for one in list(delivery.attempts)],
    }


Action = Callable[[Platform, str, str, JsonObject], PushDelivery | None]


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise ActionRejected(f"缺少 {name}")
    return value


def _number(body: JsonObject, name: str) -> float:
    value = body.get(name)
    # degrees only; `not … <=` refuses NaN, which JSON parsers of Python accept
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= 360:
        raise ActionRejected(f"{name} 应为数字")
    return value


def _image(platform: Platform, citizen: str, appid: str, body: JsonObject) -> PushDelivery:
    try:
        # the page sends a data URL; tests send bare base64, in which there is no comma
        data = base64.b64decode(_text(body, "data").rpartition(",")[2], validate=True)
    except ValueError as error:
        raise ActionRejected("图片数据不是 base64") from error
    base = request.host_url.rstrip("/")
    return citizen_actions.send_image(
        platform, citizen, appid, str(body.get("filename", "photo.jpg")), data, base=base
    )


def _scan(platform: Platform, citizen: str, appid: str, body: JsonObject) -> PushDelivery:
    scene = _text(body, "scene")
    # ticket or link as a scanner reads it; tests name the scene instead
    found = platform.qrcodes.find(scene)
    if found is None:
        found = next(
            (one for one in platform.qrcodes.list_active(appid) if one.scene == scene), None
        )
    if found is None:
        raise ActionRejected("没有这个二维码")
    return citizen_actions.scan_qrcode(platform, citizen, appid, found)


def _tap(platform: Platform, citizen: str, appid: str, body: JsonObject) -> PushDelivery | None:
    button = body.get("button")
    if not isinstance(button, dict):
        raise ActionRejected("缺少 button")
    return citizen_actions.tap_button(
        platform, citizen, appid, button, result=str(body.get("result") or "")
    )


_ACTIONS: dict[str, Action] = {
    "follow": lambda w, c, a, b: citizen_actions.follow(w, c, a),
    "unfollow": lambda w, c, a, b: citizen_actions.unfollow(w, c, a),
    "text": lambda w, c, a, b: citizen_actions.send_text(w, c, a, _text(b, "text")),
    "choose": lambda w, c, a, b: citizen_actions.choose_option(
        w, c, a, _text(b, "text"), _text(b, "id")
    ),
    "voice": lambda w, c, a, b: citizen_actions.send_voice(
        w, c, a, _text(b, "text"), transcribed=b.get("recognised") is not False
    ),
    "image": _image,
    "location": lambda w, c, a, b: citizen_actions.send_location(
        w,
        c,
        a,
        latitude=_number(b, "latitude"),
        longitude=_number(b, "longitude"),
        label=str(b.get("label") or ""),
    ),
    "link": lambda w, c, a, b: citizen_actions.send_link(
        w,
        c,
        a,
        title=_text(b, "title"),
        description=str(b.get("description") or ""),
        url=_text(b, "url"),
    ),
    "tap": _tap,
    "scan": _scan,
    "stand": lambda w, c, a, b: citizen_actions.report_location(
        w, c, a, _number(b, "latitude"), _number(b, "longitude")
    ),
    "consent": lambda w, c, a, b: citizen_actions.answer_consent(
        w, c, a, _text(b, "id"), accepted=b.get("accepted") is True
    ),
}
