"""Calls for customer-service messages and the typing indicator.

Each message type is validated and turned into the bubble that the phone shows.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.accounts.accounts import Capability
from simulator.accounts.followers import Follower
from simulator.api.call import OK, ApiResult, Call, Route
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject

# the documentation gives no number, only the return code 45098 for too many
MAX_MENU_OPTIONS = 50
MAX_TITLE, MAX_DESCRIPTION = (
    64,
    120,
)  # characters; widely quoted, though the current documentation no longer states it

Body = JsonObject


def send(call: Call) -> ApiResult:
    """Send a message to a follower; errors as of `Windows.consume`, and those of its type."""
    platform, body = call.platform, call.body
    follower = _reachable(call)
    kind = body.get("msgtype")
    bubble = _BUBBLES.get(kind) if isinstance(kind, str) else None
    if bubble is None:
        raise ApiError(40008, "invalid message type")
    content = body.get(str(kind))
    if not isinstance(content, dict):
        raise ApiError(44004, "empty content")
    shown = bubble(call, content)
    agent = body.get("customservice")
    if isinstance(agent, dict) and agent.get("kf_account"):
        # the phone shows the name of this agent above the bubble
        shown["agent"] = str(agent["kf_account"])
    hint = body.get("aimsgcontext")
    if isinstance(hint, dict) and hint.get("is_ai_msg"):
        # the phone adds the label "AI generated" (one source describes the field)
        shown["is_ai"] = True
    # last, when the message is known to be valid: a refused message must not use up the window
    platform.windows.consume(call.appid, follower.openid)
    platform.chats.add(
        follower.citizen, call.appid, side="them", kind=str(kind), via="custom", body=shown
    )
    return OK


def typing(call: Call) -> ApiResult:
    """Show or hide the typing indicator; 45072 for an unknown command."""
    follower = _reachable(call)
    command = call.body.get("command")
    if command == "Typing":
        call.platform.windows.start_typing(call.appid, follower.openid)
    elif command == "CancelTyping":
        call.platform.windows.stop_typing(call.appid, follower.openid)
    else:
        raise ApiError(45072, "command field must be Typing or CancelTyping")
    call.platform.change_signal.notify()
    return OK


def _reachable(call: Call) -> Follower:
    follower = call.platform.followers.get_by_openid(call.appid, call.body.get("touser"))
    if not follower.subscribed:
        raise ApiError(43004, "require subscribe")
    if follower.refuses:
        raise ApiError(48002, "the user rejects the message")
    return follower


def _text(call: Call, content: Body) -> Body:
    text = content.get("content")
    if not isinstance(text, str) or not text:
        raise ApiError(44004, "empty content")
    if len(text.encode()) > call.platform.limits.text_bytes:
        raise ApiError(45002, "content size out of limit")
    return {"text": text}


def _medium(*kinds: str) -> Callable[[Call, Body], Body]:
    def bubble(call: Call, content: Body) -> Body:
        return {
            "media_id": call.platform.media.get_of_kind(
                call.appid, content.get("media_id"), kinds
            ).id
        }

    return bubble


def _video(call: Call, content: Body) -> Body:
    if content.get("thumb_media_id"):
        call.platform.media.get_of_kind(call.appid, content["thumb_media_id"], ("thumb", "image"))
    return {
        **_medium("video")(call, content),
        "title": _limited(content, "title", MAX_TITLE, 45003),
        "description": _limited(content, "description", MAX_DESCRIPTION, 45004),
    }


def _music(call: Call, content: Body) -> Body:
    thumb = call.platform.media.get_of_kind(
        call.appid, content.get("thumb_media_id"), ("thumb", "image")
    )
    return {
        "title": _limited(content, "title", MAX_TITLE, 45003),
        "description": _limited(content, "description", MAX_DESCRIPTION, 45004),
        "url": str(content.get("musicurl") or ""),
        "hq_url": str(content.get("hqmusicurl") or ""),
        "thumb_media_id": thumb.id,
    }


def _news(call: Call, content: Body) -> Body:
    articles = content.get("articles")
    if not isinstance(articles, list) or not articles or not isinstance(articles[0], dict):
        raise ApiError(44003, "empty news data")
    # only one article in a customer-service message, unlike passive replies (WeChat: 发送客服消息)
    if len(articles) > 1:
        raise ApiError(45008, "article size out of limit")
    one = articles[0]
    return {
        "articles": [
            {
                "title": _limited(one, "title", MAX_TITLE, 45003),
                "description": _limited(one, "description", MAX_DESCRIPTION, 45004),
                "picurl": str(one.get("picurl") or ""),
                "url": str(one.get("url") or ""),
            }
        ]
    }


def _menu(call: Call, content: Body) -> Body:
    options = content.get("list")
    if not isinstance(options, list) or not options:
        raise ApiError(44004, "empty content")
    if len(options) > MAX_MENU_OPTIONS:
        raise ApiError(45098, "msgmenu list too long")
    shown = []
    for option in options:
        if not isinstance(option, dict) or not option.get("content"):
            raise ApiError(44004, "empty content")
        if len(str(option["content"])) > MAX_DESCRIPTION:
            raise ApiError(45099, "msgmenu item too long")
        shown.append({"id": str(option.get("id", "")), "content": str(option["content"])})
    return {
        "head": str(content.get("head_content") or ""),
        "list": shown,
        "tail": str(content.get("tail_content") or ""),
    }


def _program_page(call: Call, content: Body) -> Body:
    thumb = call.platform.media.get_of_kind(
        call.appid, content.get("thumb_media_id"), ("image", "thumb")
    )
    return {"title": _limited(content, "title", MAX_TITLE, 45003), "thumb_media_id": thumb.id}


def _article(call: Call, content: Body) -> Body:
    raise ApiError(53600, "invalid article_id")  # the simulator has no published articles yet


def _card(call: Call, content: Body) -> Body:
    # no account of the simulator has vouchers
    raise ApiError(48008, "no right for this message type")


def _limited(content: Body, name: str, most: int, errcode: int) -> str:
    value = str(content.get(name) or "")
    if len(value) > most:
        raise ApiError(errcode, f"{name} size out of limit")
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

ROUTES = (
    Route("POST", "/cgi-bin/message/custom/send", send, Capability.CUSTOM),
    Route("POST", "/cgi-bin/message/custom/typing", typing, Capability.CUSTOM),
)
