"""Sending: messages to one follower that answer no request.

Customer-service messages are allowed for 48 hours after a citizen wrote and a minute after a
tap, in limited numbers; counting them is the followers' business, WeChat's own count raises
Refused. They have no id and no key against doubles: an Unconfirmed one may have arrived.
Template messages carry `client_msg_id`, which WeChat remembers for ten minutes, so within that
time the same notice may be sent again without a double.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from matrix.wechat.apis import MessageAPI
from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import require_field
from matrix.wechat.http_client import JsonObject
from matrix.wechat.passive_replies import Article, Image, Music, News, Text, Video, Voice

_TEMPLATE = "/cgi-bin/message/template/send"

# The citizen is not in the chat, or sees the sign already.
_TYPING_NOT_NEEDED = frozenset({45080, 45081})


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


Message = (
    Text | Image | Voice | Video | Music | News | PublishedArticle | OptionMenu | MiniProgramPage
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
    api = WeChatClient(account).message
    match message:
        case Text():
            api.send_text(openid, message.content, agent)
        case Image():
            api.send_image(openid, message.media_id, agent)
        case Voice():
            api.send_voice(openid, message.media_id, agent)
        case News():
            # One card; WeChat answers 45008 to more.
            api.send_articles(openid, [_article(message.articles[0])], agent)
        case PublishedArticle():
            api.send_published_article(openid, message.article_id, agent)
        case OptionMenu():
            api.send_msg_menu(openid, _options(message), agent)
        case Video() | Music() | MiniProgramPage():
            _send_with_thumb(api, openid, message, agent)
        case _:
            assert_never(message)


def _send_with_thumb(
    api: MessageAPI, openid: str, message: Video | Music | MiniProgramPage, agent: str | None
) -> None:
    match message:
        case Video():
            api.send_video(openid, _video(message), agent)
        case Music():
            api.send_music(
                openid,
                message.url,
                message.hq_url or message.url,
                message.thumb_media_id,
                message.title,
                message.description,
                agent,
            )
        case MiniProgramPage():
            api.send_mini_program_page(openid, _page(message), agent)
        case _:
            assert_never(message)


def show_typing(account: Credentials, openid: str) -> None:
    """Show the citizen that an answer is being written."""
    WeChatClient(account, tolerated=_TYPING_NOT_NEEDED).message.typing(openid, "Typing")


def hide_typing(account: Credentials, openid: str) -> None:
    """Take the sign away again."""
    WeChatClient(account, tolerated=_TYPING_NOT_NEEDED).message.typing(openid, "CancelTyping")


def send_template_message(account: Credentials, openid: str, notice: TemplateMessage) -> str:
    """Send a template message. Returns the job id that `TemplateFinished` will name."""
    body: dict[str, object] = {
        "touser": openid,
        "template_id": notice.template_id,
        # WeChat drops a second message of this id for ten minutes, which makes a
        # retry harmless (wechat-platform.md 6.2)
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
    answer: JsonObject = WeChatClient(account).message.send_template(body)
    # as text: the event that reports the end carries it as text
    return str(require_field(_TEMPLATE, answer, "msgid", int))


def _article(article: Article) -> dict[str, str]:
    return {
        "title": article.title,
        "description": article.description,
        "url": article.url,
        "picurl": article.picture_url,
    }


def _video(video: Video) -> dict[str, str]:
    return {
        "media_id": video.media_id,
        "thumb_media_id": video.thumb_media_id,
        "title": video.title,
        "description": video.description,
    }


def _options(menu: OptionMenu) -> dict[str, object]:
    return {
        "head_content": menu.head,
        "list": [{"id": option.id, "content": option.text} for option in menu.options],
        "tail_content": menu.tail,
    }


def _page(page: MiniProgramPage) -> dict[str, str]:
    return {
        "title": page.title,
        "appid": page.appid,
        "pagepath": page.page,
        "thumb_media_id": page.thumb_media_id,
    }
