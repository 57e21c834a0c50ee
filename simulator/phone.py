"""Phone: the citizen's page and what it asks for.

    GET  /                         the page
    GET  /phone/start?citizen=     citizens, accounts with the last line of each chat
    GET  /phone/chat?citizen=&appid=   one chat: entries, menu, window, codes, notices
    GET  /phone/changes?citizen=&appid=&beat=&seq=   waits for news (long poll)
    GET  /phone/exchanges?citizen=&appid=            raw deliveries of the chat
    POST /phone/act {"citizen", "appid", "do", …, "wait"?}   something the citizen does
    GET  /phone/media/<id>         a file in a bubble

With `"wait": true` an act answers when its delivery is over, with outcome and reply; so tests can
play a citizen without the page.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request

from simulator import acts
from simulator.accounts import Account
from simulator.api import qrcodes
from simulator.api.door import world_here
from simulator.callbacks import Delivery
from simulator.control import given
from simulator.errors import NotPossible
from simulator.followers import openid_of
from simulator.world import World

LONGEST_POLL = 20.0
LONGEST_WAIT = 60.0
POLICY = (
    "default-src 'self'; img-src 'self' data: blob: http: https:; media-src 'self' http: https:;"
    " object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)

blueprint = Blueprint("phone", __name__)


@blueprint.get("/")
def page() -> Response:
    """The page; everything on it is drawn by static/phone.js."""
    response = Response(render_template("phone.html"))
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@blueprint.get("/phone/start")
def start() -> Response:
    """Who can be played, and the list of accounts for the one who is."""
    world = world_here()
    citizens = world.followers.citizens()
    citizen = request.args.get("citizen") or citizens[0].id
    world.followers.citizen(citizen)
    return jsonify(
        citizens=[asdict(one) for one in citizens],
        citizen=citizen,
        accounts=[_row(world, citizen, account) for account in world.accounts],
        beat=world.pulse.beats,
        seq=world.chats.newest,
    )


def _row(world: World, citizen: str, account: Account) -> dict[str, Any]:
    follower = world.followers.of(citizen, account.appid)
    last = world.chats.last(citizen, account.appid)
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
    """Everything one open chat shows."""
    world, citizen, account = _chosen()
    appid = account.appid
    follower = world.followers.of(citizen, appid)
    openid = openid_of(citizen, appid)
    person = world.followers.citizen(citizen)
    menu = world.menus.shown_to(follower, person) if follower and follower.subscribed else []
    beat, seq = world.pulse.beats, world.chats.newest
    return jsonify(
        account={**_row(world, citizen, account), "original_id": account.original_id},
        openid=openid,
        entries=[asdict(one) for one in world.chats.of(citizen, appid)],
        menu=menu,
        window=world.windows.left(appid, openid),
        typing=world.windows.is_typing(appid, openid),
        codes=[
            {"ticket": one.ticket, "scene": one.scene, "permanent": not one.expires_at}
            for one in world.qrcodes.of(appid)[:30]
        ],
        notices=[
            {
                "id": one.id,
                "title": one.title,
                "left": follower.consents.get(one.id, 0) if follower else 0,
            }
            for one in world.notices.of(appid, notices=True)
        ],
        beat=beat,
        seq=seq,
    )


@blueprint.get("/phone/changes")
def changes() -> Response:
    """News since `beat` and `seq`, as soon as there are any."""
    world = world_here()
    citizen, appid = request.args.get("citizen", ""), request.args.get("appid", "")
    beat = world.pulse.wait(request.args.get("beat", 0, int), LONGEST_POLL)
    entries = world.chats.of(citizen, appid, after=request.args.get("seq", 0, int))
    return jsonify(
        beat=beat,
        seq=entries[-1].seq if entries else request.args.get("seq", 0, int),
        entries=[asdict(one) for one in entries],
    )


@blueprint.get("/phone/exchanges")
def exchanges() -> Response:
    """The newest deliveries of a chat with their attempts."""
    world, citizen, account = _chosen()
    found = world.callbacks.recent(citizen, account.appid)[:12]
    return jsonify(deliveries=[_delivery(one) for one in found])


@blueprint.get("/phone/media/<media_id>")
def media(media_id: str) -> Response:
    """A file, for the phone that shows it."""
    medium = world_here().media.any(media_id)
    if medium is None:
        abort(404)
    return Response(medium.data, mimetype=medium.mime)


@blueprint.get("/phone/code")
def code() -> Response:
    """The picture of a code, for the scan sheet."""
    found = world_here().qrcodes.find(request.args.get("ticket", ""))
    if found is None:
        abort(404)
    return Response(qrcodes.picture(found), mimetype="image/png")


@blueprint.post("/phone/act")
def act() -> Response:
    """Let the citizen do something; see `_ACTS` for what, and `acts` for what follows."""
    world, body = world_here(), given()
    citizen, appid = str(body.get("citizen") or ""), str(body.get("appid") or "")
    world.followers.citizen(citizen)
    world.accounts.get(appid)
    verb = _ACTS.get(str(body.get("do")))
    if verb is None:
        raise NotPossible("没有这个动作")
    with world.lock:
        delivery = verb(world, citizen, appid, body)
    if delivery is None:
        return jsonify(outcome="none")
    if body.get("wait"):
        delivery.done.wait(LONGEST_WAIT)
    return jsonify(_delivery(delivery))


def _chosen() -> tuple[World, str, Account]:
    world = world_here()
    citizen = world.followers.citizen(request.args.get("citizen", ""))
    return world, citizen.id, world.accounts.get(request.args.get("appid", ""))


def _delivery(delivery: Delivery) -> dict[str, Any]:
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
        "attempts": [asdict(one) for one in list(delivery.attempts)],
    }


Verb = Callable[[World, str, str, dict[str, Any]], Delivery | None]


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise NotPossible(f"缺少 {name}")
    return value


def _number(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= 360:
        raise NotPossible(f"{name} 应为数字")
    return value


def _image(world: World, citizen: str, appid: str, body: dict[str, Any]) -> Delivery:
    try:
        data = base64.b64decode(_text(body, "data").rpartition(",")[2], validate=True)
    except ValueError as error:
        raise NotPossible("图片数据不是 base64") from error
    base = request.host_url.rstrip("/")
    return acts.show(world, citizen, appid, str(body.get("filename", "photo.jpg")), data, base=base)


def _scan(world: World, citizen: str, appid: str, body: dict[str, Any]) -> Delivery:
    wanted = _text(body, "scene")
    found = world.qrcodes.find(wanted)
    if found is None:
        found = next((one for one in world.qrcodes.of(appid) if one.scene == wanted), None)
    if found is None:
        raise NotPossible("没有这个二维码")
    return acts.scan(world, citizen, appid, found)


def _tap(world: World, citizen: str, appid: str, body: dict[str, Any]) -> Delivery | None:
    button = body.get("button")
    if not isinstance(button, dict):
        raise NotPossible("缺少 button")
    return acts.tap(world, citizen, appid, button, result=str(body.get("result") or ""))


_ACTS: dict[str, Verb] = {
    "follow": lambda w, c, a, b: acts.follow(w, c, a),
    "unfollow": lambda w, c, a, b: acts.unfollow(w, c, a),
    "text": lambda w, c, a, b: acts.say(w, c, a, _text(b, "text")),
    "choose": lambda w, c, a, b: acts.choose(w, c, a, _text(b, "text"), _text(b, "id")),
    "voice": lambda w, c, a, b: acts.speak(
        w, c, a, _text(b, "text"), recognised=b.get("recognised") is not False
    ),
    "image": _image,
    "location": lambda w, c, a, b: acts.locate(
        w,
        c,
        a,
        latitude=_number(b, "latitude"),
        longitude=_number(b, "longitude"),
        label=str(b.get("label") or ""),
    ),
    "link": lambda w, c, a, b: acts.share(
        w,
        c,
        a,
        title=_text(b, "title"),
        description=str(b.get("description") or ""),
        url=_text(b, "url"),
    ),
    "tap": _tap,
    "scan": _scan,
    "stand": lambda w, c, a, b: acts.stand(
        w, c, a, _number(b, "latitude"), _number(b, "longitude")
    ),
    "consent": lambda w, c, a, b: acts.consent(
        w, c, a, _text(b, "id"), accepted=b.get("accepted") is True
    ),
}
