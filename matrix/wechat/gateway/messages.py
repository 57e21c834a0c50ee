"""Sending: messages to one follower that answer no request.

Customer-service messages are allowed for 48 hours after a citizen wrote and a minute after a
tap, in limited numbers; counting them is the followers' business, WeChat's own count raises
Refused. They have no id and no key against doubles: an Unconfirmed one may have arrived.
Template messages carry `client_msg_id`, which WeChat remembers for ten minutes, so within that
time the same notice may be sent again without a double.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import request, require_field
from matrix.wechat.http_client import ApiCall
from matrix.wechat.passive_replies import Image, Music, News, Text, Video, Voice

_SEND = ApiCall("POST", "/cgi-bin/message/custom/send", repeatable=False)
# 45080 and 45081: the citizen is not in the chat, or sees the sign already.
_TYPING = ApiCall("POST", "/cgi-bin/message/custom/typing", tolerated=frozenset({45080, 45081}))
_TEMPLATE = ApiCall("POST", "/cgi-bin/message/template/send")


@dataclass(frozen=True, slots=True)
class PublishedArticle:
    """A card of an article the account has published, by its article id."""

    article_id: str


@dataclass(frozen=True, slots=True)
class MenuOption:
    """One line to tap; a tap comes back as a text with this id."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class OptionMenu:
    """A question with lines to tap."""

    options: tuple[MenuOption, ...]
    head: str = ""
    tail: str = ""


@dataclass(frozen=True, slots=True)
class MiniProgramPage:
    """A card that opens a page of a linked mini program."""

    title: str
    appid: str
    page: str
    thumb_media_id: str


@dataclass(frozen=True, slots=True)
class Coupon:
    """A card of WeChat's coupon system."""

    card_id: str


Message = (
    Text
    | Image
    | Voice
    | Video
    | Music
    | News
    | PublishedArticle
    | OptionMenu
    | MiniProgramPage
    | Coupon
)


@dataclass(frozen=True, slots=True)
class MiniProgramTarget:
    """Where a template message leads in a mini program."""

    appid: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class TemplateMessage:
    """A template message: values by the template's keys, and what a tap opens.

    `key` keeps doubles away: the same for every try of the same notice, 32 characters at most.
    """

    template_id: str
    values: Mapping[str, str]
    key: str
    url: str = ""
    mini_program: MiniProgramTarget | None = None


def send(account: Credentials, openid: str, message: Message, *, agent: str | None = None) -> None:
    """Send a customer-service message, shown as coming from `agent` where given.

    Raises Refused when the window is closed, its count used, or the citizen cannot be reached;
    Unconfirmed when nobody knows whether it arrived.
    """
    kind, write = _WRITERS[type(message)]
    body: dict[str, object] = {"touser": openid, "msgtype": kind, kind: write(message)}
    if agent:
        body["customservice"] = {"kf_account": agent}
    request(account, _SEND, body=body)


def show_typing(account: Credentials, openid: str) -> None:
    """Show the citizen that an answer is being written."""
    request(account, _TYPING, body={"touser": openid, "command": "Typing"})


def hide_typing(account: Credentials, openid: str) -> None:
    """Take the sign away again."""
    request(account, _TYPING, body={"touser": openid, "command": "CancelTyping"})


def send_template_message(account: Credentials, openid: str, notice: TemplateMessage) -> str:
    """Send a template message. Returns the job id that `TemplateFinished` will name."""
    body: dict[str, object] = {
        "touser": openid,
        "template_id": notice.template_id,
        "client_msg_id": notice.key,
        "data": {name: {"value": value} for name, value in notice.values.items()},
    }
    if notice.url:
        body["url"] = notice.url
    if notice.mini_program:
        body["miniprogram"] = {
            "appid": notice.mini_program.appid,
            "pagepath": notice.mini_program.page,
        }
    return str(require_field(_TEMPLATE, request(account, _TEMPLATE, body=body), "msgid", int))


_Body = dict[str, Any]


def _media(message: Image | Voice) -> _Body:
    return {"media_id": message.media_id}


def _video(message: Video) -> _Body:
    return {
        "media_id": message.media_id,
        "thumb_media_id": message.thumb_media_id,
        "title": message.title,
        "description": message.description,
    }


def _music(message: Music) -> _Body:
    return {
        "title": message.title,
        "description": message.description,
        "musicurl": message.url,
        "hqmusicurl": message.hq_url or message.url,
        "thumb_media_id": message.thumb_media_id,
    }


def _news(message: News) -> _Body:
    # One card; WeChat answers 45008 to more.
    article = message.articles[0]
    return {
        "articles": [
            {
                "title": article.title,
                "description": article.description,
                "url": article.url,
                "picurl": article.picture_url,
            }
        ]
    }


def _options(message: OptionMenu) -> _Body:
    return {
        "head_content": message.head,
        "list": [{"id": option.id, "content": option.text} for option in message.options],
        "tail_content": message.tail,
    }


def _page(message: MiniProgramPage) -> _Body:
    return {
        "title": message.title,
        "appid": message.appid,
        "pagepath": message.page,
        "thumb_media_id": message.thumb_media_id,
    }


_WRITERS: dict[type[Message], tuple[str, Callable[..., _Body]]] = {
    Text: ("text", lambda message: {"content": message.content}),
    Image: ("image", _media),
    Voice: ("voice", _media),
    Video: ("video", _video),
    Music: ("music", _music),
    News: ("news", _news),
    PublishedArticle: ("mpnewsarticle", lambda message: {"article_id": message.article_id}),
    OptionMenu: ("msgmenu", _options),
    MiniProgramPage: ("miniprogrampage", _page),
    Coupon: ("wxcard", lambda message: {"card_id": message.card_id}),
}
