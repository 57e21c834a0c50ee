"""Passive replies: what an account answers within the callback request, as XML.

Rules of "被动回复用户消息" (wechat-platform.md 1.6): field names are case-sensitive; a text has at
most 2048 bytes, so the rest of a longer one follows as customer-service message; news has one
article in reply to a message and up to eight in reply to an event; only a message can be
transferred to WeChat's own customer-service desk. `adapt_to` makes a reply fit what it answers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from matrix.wechat.messages import Inbound, Message

MAX_ARTICLES = 8

# characters that XML 1.0 cannot represent, including lone surrogates; WeChat rejects the reply
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Text:
    """Text; `<a href="…">` makes a link."""

    content: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, by media id."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice recording, by media id."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Video:
    """A video, by media id; the thumbnail is used in customer-service messages only."""

    media_id: str
    title: str = ""
    description: str = ""
    thumb_media_id: str = ""


@dataclass(frozen=True, slots=True)
class Music:
    """A piece of music by URL, with a thumbnail by media id."""

    thumb_media_id: str
    url: str = ""
    hq_url: str = ""
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """A card that opens a page."""

    title: str
    description: str
    url: str
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """One to eight cards."""

    articles: tuple[Article, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.articles) <= MAX_ARTICLES:
            raise ValueError("news has one to eight articles")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Transfers the message to WeChat's own customer-service desk: to this agent, or to any."""

    agent: str | None = None


Reply = Text | Image | Voice | Video | Music | News | Transfer


def adapt_to(reply: Reply, inbound: Inbound) -> Reply | None:
    """The reply as `inbound` can get it; None when WeChat would show nothing."""
    if not inbound.awaits_reply:
        return None
    if isinstance(inbound, Message):
        # more than one article in reply to a message is dropped or fails
        # since 2018 (wechat-platform.md 1.6)
        return News(reply.articles[:1]) if isinstance(reply, News) else reply
    # an event cannot be handed to an agent (wechat-platform.md 1.6)
    return None if isinstance(reply, Transfer) else reply


def render(reply: Reply, *, openid: str, original_id: str, created_at: datetime) -> str:
    """The reply as XML, from the account (its gh_ id) to the follower.

    A text is not shortened here, see `text_parts.split_text`.
    """
    kind, writer = _WRITERS[type(reply)]
    return (
        f"<xml>{_tag('ToUserName', openid)}{_tag('FromUserName', original_id)}"
        f"<CreateTime>{int(created_at.timestamp())}</CreateTime>{_tag('MsgType', kind)}"
        f"{writer(reply)}</xml>"
    )


def _tag(name: str, value: str) -> str:
    # a CDATA section cannot contain its own end mark, so that is split over two sections
    clean = _ILLEGAL.sub("", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{clean}]]></{name}>"


def _tags(**values: str) -> str:
    return "".join(_tag(name, value) for name, value in values.items() if value)


def _text(reply: Text) -> str:
    return _tag("Content", reply.content)


def _image(reply: Image) -> str:
    return f"<Image>{_tag('MediaId', reply.media_id)}</Image>"


def _voice(reply: Voice) -> str:
    return f"<Voice>{_tag('MediaId', reply.media_id)}</Voice>"


def _video(reply: Video) -> str:
    optional = _tags(Title=reply.title, Description=reply.description)
    return f"<Video>{_tag('MediaId', reply.media_id)}{optional}</Video>"


def _music(reply: Music) -> str:
    optional = _tags(
        Title=reply.title,
        Description=reply.description,
        # spelled as in WeChat's sample; its table of fields says MusicURL (wechat-platform.md 1.6)
        MusicUrl=reply.url,
        HQMusicUrl=reply.hq_url,
    )
    return f"<Music>{optional}{_tag('ThumbMediaId', reply.thumb_media_id)}</Music>"


def _news(reply: News) -> str:
    items = "".join(
        f"<item>{_tag('Title', article.title)}{_tag('Description', article.description)}"
        f"{_tag('PicUrl', article.picture_url)}{_tag('Url', article.url)}</item>"
        for article in reply.articles
    )
    return f"<ArticleCount>{len(reply.articles)}</ArticleCount><Articles>{items}</Articles>"


def _transfer(reply: Transfer) -> str:
    return f"<TransInfo>{_tag('KfAccount', reply.agent)}</TransInfo>" if reply.agent else ""


_WRITERS: dict[type[Reply], tuple[str, Callable[..., str]]] = {
    Text: ("text", _text),
    Image: ("image", _image),
    Voice: ("voice", _voice),
    Video: ("video", _video),
    Music: ("music", _music),
    News: ("news", _news),
    Transfer: ("transfer_customer_service", _transfer),
}
