"""The addresses of group robots, and a page that shows what came.

    POST /cgi-bin/webhook/send?key=…                         企业微信
    POST /robot/send?access_token=…[&timestamp=…&sign=…]     DingTalk
    GET  /robots                                             a page of robots and messages
    GET, POST, DELETE /simulator/robots                      the same as JSON; add one; forget

Answers have HTTP 200 and a return code, as the real ones. The faults slow, http_502, busy,
frequency and timeout_after_accepting of /simulator/faults hold here too, by path.
"""

from __future__ import annotations

import time
from dataclasses import asdict

from flask import Blueprint, Response, jsonify, render_template, request

from simulator.admin_api import json_body
from simulator.api.dispatch import current_platform
from simulator.core.json_object import JsonObject
from simulator.messaging.robots import DINGTALK, WECOM, Robot, is_signed

MAX_WECOM_BYTES = 2048  # of a text; longer ones are refused
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'"

blueprint = Blueprint("robots", __name__)

# per kind: the address or token is unknown, too many in a minute, the message is malformed
_UNKNOWN = {WECOM: (93000, "invalid webhook url"), DINGTALK: (300005, "token is not exist")}
_TOO_MANY = {WECOM: (45009, "api freq out of limit"), DINGTALK: (410100, "send too fast")}
_MALFORMED = {WECOM: (40008, "invalid message type"), DINGTALK: (400402, "msgtype is invalid")}


@blueprint.post("/cgi-bin/webhook/send")
def send_wecom() -> Response:
    """A message to a group of 企业微信."""
    return _send(WECOM, request.args.get("key", ""))


@blueprint.post("/robot/send")
def send_dingtalk() -> Response:
    """A message to a group of DingTalk."""
    return _send(DINGTALK, request.args.get("access_token", ""))


def _send(kind: str, key: str) -> Response:
    platform = current_platform()
    faults, path = platform.faults, request.path
    slow = faults.consume("slow", appid="", path=path)
    if slow is not None:
        time.sleep(slow.seconds)
    if faults.consume("http_502", appid="", path=path) is not None:
        response = Response("<h1>502 Bad Gateway</h1>", 502, mimetype="text/html")
    else:
        # the message is in the group and its answer comes too late: the caller cannot know
        mute = faults.consume("timeout_after_accepting", appid="", path=path)
        errcode, errmsg = _take(kind, key)
        response = jsonify(errcode=errcode, errmsg=errmsg)
        if mute is not None:
            time.sleep(mute.seconds)
    # without the key: whoever has it can write into the group
    platform.request_log.add("robot", kind=kind, path=path, status=response.status_code)
    return response


def _take(kind: str, key: str) -> tuple[int, str]:
    platform = current_platform()
    if platform.faults.consume("busy", appid="", path=request.path) is not None:
        return -1, "system error"
    if platform.faults.consume("frequency", appid="", path=request.path) is not None:
        return _TOO_MANY[kind]
    robot = platform.robots.find(kind, key)
    if robot is None:
        return _UNKNOWN[kind]
    content = _content()
    if content is None or (kind == WECOM and len(content.encode()) > MAX_WECOM_BYTES):
        return _MALFORMED[kind]
    timestamp, sign = request.args.get("timestamp", ""), request.args.get("sign", "")
    if not is_signed(robot, timestamp=timestamp, sign=sign, now=platform.clock.real()):
        return 310000, "sign not match"
    if robot.keyword not in content:
        return 310000, "keywords not in content"
    return (0, "ok") if platform.robots.take(robot, content) else _TOO_MANY[kind]


def _content() -> str | None:
    """The text of the message; None when the body has another shape."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or body.get("msgtype") != "text":
        return None
    text = body.get("text")
    content = text.get("content") if isinstance(text, dict) else None
    return content if isinstance(content, str) and content.strip() else None


# ---- for developers and tests ----


@blueprint.get("/robots")
def page() -> Response:
    """The robots with their addresses, and the messages of their groups."""
    robots = current_platform().robots
    response = Response(
        render_template(
            "robots.html",
            robots=[(one, _address(one)) for one in robots.list_all()],
            messages=[
                (one, time.strftime("%H:%M:%S", time.localtime(one.at)))
                for one in reversed(robots.list_messages())
            ],
        )
    )
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _address(robot: Robot) -> str:
    path = "cgi-bin/webhook/send?key=" if robot.kind == WECOM else "robot/send?access_token="
    return f"{request.host_url}{path}{robot.key}"


@blueprint.get("/simulator/robots")
def list_messages() -> Response:
    """The robots, and the messages newer than number `after`."""
    robots = current_platform().robots
    messages = robots.list_messages(after=request.args.get("after", 0, int))
    return jsonify(
        robots=[_as_json(one) for one in robots.list_all()],
        messages=[asdict(one) for one in messages],
    )


def _as_json(robot: Robot) -> JsonObject:
    return {
        "kind": robot.kind,
        "name": robot.name,
        "address": _address(robot),
        "secret": robot.secret,
        "keyword": robot.keyword,
    }


@blueprint.post("/simulator/robots")
def add_robot() -> Response:
    """Add a robot: kind, key, name, and optionally secret and keyword."""
    body = json_body()
    kind, key, name, secret, keyword = (
        str(body.get(field) or "") for field in ("kind", "key", "name", "secret", "keyword")
    )
    robot = Robot(kind, key, name, secret, keyword)
    current_platform().robots.add(robot)
    return jsonify(_as_json(robot))


@blueprint.delete("/simulator/robots")
def clear_messages() -> Response:
    """Forget all messages."""
    current_platform().robots.clear_messages()
    return jsonify(ok=True)
