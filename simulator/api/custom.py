"""Custom: customer-service messages and the typing indicator.

Each message kind is checked and turned into the bubble that the phone shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.accounts import Capability
from simulator.api.call import OK, Answer, Call, Route
from simulator.errors import Refused
from simulator.followers import Follower

MENU_OPTIONS = 50
TITLE, DESCRIPTION = 64, 120  # characters; often quoted, not on the current page

Body = dict[str, Any]


def send(call: Call) -> Answer:
    """Send one message to a follower whose window is open."""
    world, body = call.world, call.body
    follower = _reachable(call)
    kind = body.get("msgtype")
    bubble = _BUBBLES.get(kind) if isinstance(kind, str) else None
    if bubble is None:
        raise Refused(40008, "invalid message type")
    content = body.get(str(kind))
    if not isinstance(content, dict):
        raise Refused(44004, "empty content")
    shown = bubble(call, content)
    agent = body.get("customservice")
    if isinstance(agent, dict) and agent.get("kf_account"):
        shown["agent"] = str(agent["kf_account"])
    hint = body.get("aimsgcontext")
    if isinstance(hint, dict) and hint.get("is_ai_msg"):
        shown["is_ai"] = True
    world.windows.use(call.appid, follower.openid)
    world.chats.add(
        follower.citizen, call.appid, side="them", kind=str(kind), via="custom", body=shown
    )
    return OK


def typing(call: Call) -> Answer:
    """Show or hide the typing indicator; 45072 for another command."""
    follower = _reachable(call)
    command = call.body.get("command")
    if command == "Typing":
        call.world.windows.type(call.appid, follower.openid)
    elif command == "CancelTyping":
        call.world.windows.stop_typing(call.appid, follower.openid)
    else:
        raise Refused(45072, "command field must be Typing or CancelTyping")
    call.world.pulse.beat()
    return OK


def _reachable(call: Call) -> Follower:
    follower = call.world.followers.known(call.appid, call.body.get("touser"))
    if not follower.subscribed:
        raise Refused(43004, "require subscribe")
    if follower.refuses:
        raise Refused(48002, "the user rejects the message")
    return follower


def _text(call: Call, content: Body) -> Body:
    text = content.get("content")
    if not isinstance(text, str) or not text:
        raise Refused(44004, "empty content")
    if len(text.encode()) > call.world.limits.text_bytes:
        raise Refused(45002, "content size out of limit")
    return {"text": text}


def _medium(*kinds: str) -> Callable[[Call, Body], Body]:
    def bubble(call: Call, content: Body) -> Body:
        return {"media_id": call.world.media.check(call.appid, content.get("media_id"), kinds).id}

    return bubble


def _video(call: Call, content: Body) -> Body:
    if content.get("thumb_media_id"):
        call.world.media.check(call.appid, content["thumb_media_id"], ("thumb", "image"))
    return {
        **_medium("video")(call, content),
        "title": _short(content, "title", TITLE, 45003),
        "description": _short(content, "description", DESCRIPTION, 45004),
    }


def _music(call: Call, content: Body) -> Body:
    thumb = call.world.media.check(call.appid, content.get("thumb_media_id"), ("thumb", "image"))
    return {
        "title": _short(content, "title", TITLE, 45003),
        "description": _short(content, "description", DESCRIPTION, 45004),
        "url": str(content.get("musicurl") or ""),
        "hq_url": str(content.get("hqmusicurl") or ""),
        "thumb_media_id": thumb.id,
    }


def _news(call: Call, content: Body) -> Body:
    articles = content.get("articles")
    if not isinstance(articles, list) or not articles or not isinstance(articles[0], dict):
        raise Refused(44003, "empty news data")
    if len(articles) > 1:
        raise Refused(45008, "article size out of limit")
    one = articles[0]
    return {
        "articles": [
            {
                "title": _short(one, "title", TITLE, 45003),
                "description": _short(one, "description", DESCRIPTION, 45004),
                "picurl": str(one.get("picurl") or ""),
                "url": str(one.get("url") or ""),
            }
        ]
    }


def _menu(call: Call, content: Body) -> Body:
    options = content.get("list")
    if not isinstance(options, list) or not options:
        raise Refused(44004, "empty content")
    if len(options) > MENU_OPTIONS:
        raise Refused(45098, "msgmenu list too long")
    shown = []
    for option in options:
        if not isinstance(option, dict) or not option.get("content"):
            raise Refused(44004, "empty content")
        if len(str(option["content"])) > DESCRIPTION:
            raise Refused(45099, "msgmenu item too long")
        shown.append({"id": str(option.get("id", "")), "content": str(option["content"])})
    return {
        "head": str(content.get("head_content") or ""),
        "list": shown,
        "tail": str(content.get("tail_content") or ""),
    }


def _program_page(call: Call, content: Body) -> Body:
    thumb = call.world.media.check(call.appid, content.get("thumb_media_id"), ("image", "thumb"))
    return {"title": _short(content, "title", TITLE, 45003), "thumb_media_id": thumb.id}


def _article(call: Call, content: Body) -> Body:
    raise Refused(53600, "invalid article_id")  # nothing can be published here yet


def _card(call: Call, content: Body) -> Body:
    raise Refused(48008, "no right for this message type")


def _short(content: Body, name: str, most: int, errcode: int) -> str:
    value = str(content.get(name) or "")
    if len(value) > most:
        raise Refused(errcode, f"{name} size out of limit")
    return value


_BUBBLES: dict[str, Callable[[Call, Body], Body]] = {
    "text": _text,
    "image": _medium("image"),
    "voice": _medium("voice"),
    "video": _video,
    "music": _music,
    "news": _news,
    "mpnews": _article,
    "mpnewsarticle": _article,
    "msgmenu": _menu,
    "miniprogrampage": _program_page,
    "wxcard": _card,
}

CALLS = (
    Route("POST", "/cgi-bin/message/custom/send", send, Capability.CUSTOM),
    Route("POST", "/cgi-bin/message/custom/typing", typing, Capability.CUSTOM),
)
