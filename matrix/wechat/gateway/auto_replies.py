"""Menus and automatic replies that staff made in WeChat's own console.

They stop working there once a server address is set (wechat-platform.md 1.1), so they are read when
an account is connected and become rules and a menu of the hub.
"""

from dataclasses import dataclass
from enum import StrEnum

from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.menus import Button, read_buttons
from matrix.wechat.http_client import JsonObject


@dataclass(frozen=True, slots=True)
class CurrentMenu:
    """The menu followers see now, however it was made."""

    is_open: bool
    buttons: tuple[Button, ...]


class AutoReplyKind(StrEnum):
    """What an automatic reply is made of."""

    TEXT = "text"
    PICTURE = "picture"
    VOICE = "voice"
    VIDEO = "video"
    NEWS = "news"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplyArticle:
    """An article of a news reply."""

    title: str
    digest: str = ""
    picture_url: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class AutoReply:
    """A text, a media id or address of a file, or articles."""

    kind: AutoReplyKind
    content: str = ""
    articles: tuple[AutoReplyArticle, ...] = ()


class AutoReplyMatch(StrEnum):
    """How a keyword must occur."""

    EQUAL = "equal"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class AutoReplyKeyword:
    """A keyword and how it must occur."""

    text: str
    match: AutoReplyMatch


class AutoReplyChoice(StrEnum):
    """Which of a rule's replies go out."""

    ALL = "all"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplyRule:
    """Keywords and the replies they trigger."""

    name: str
    pick: AutoReplyChoice
    keywords: tuple[AutoReplyKeyword, ...]
    replies: tuple[AutoReply, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplies:
    """Everything the console answers by itself. Closed parts are kept, so staff may see them."""

    welcome_is_open: bool
    replies_are_open: bool
    welcome: AutoReply | None
    fallback: AutoReply | None
    rules: tuple[AutoReplyRule, ...]


def get_current_menu(account: Credentials) -> CurrentMenu:
    """The menu followers see now."""
    # this call and not `menu/get`, which knows only menus that were
    # made by the API (wechat-platform.md 9.1)
    answer: JsonObject = WeChatClient(account).menu.get_menu_info()
    return CurrentMenu(
        answer.get("is_menu_open") == 1, read_buttons(_inner(answer, "selfmenu_info").get("button"))
    )


def get_auto_replies(account: Credentials) -> AutoReplies:
    """The automatic replies staff wrote in the console."""
    answer: JsonObject = WeChatClient(account).message.get_autoreply_info()
    return AutoReplies(
        welcome_is_open=answer.get("is_add_friend_reply_open") == 1,
        replies_are_open=answer.get("is_autoreply_open") == 1,
        welcome=_maybe_reply(answer, "add_friend_autoreply_info"),
        fallback=_maybe_reply(answer, "message_default_autoreply_info"),
        rules=tuple(_rule(one) for one in _items(answer, "keyword_autoreply_info", "list")),
    )


_KINDS = {
    "text": AutoReplyKind.TEXT,
    "img": AutoReplyKind.PICTURE,
    "image": AutoReplyKind.PICTURE,
    "voice": AutoReplyKind.VOICE,
    "video": AutoReplyKind.VIDEO,
    "news": AutoReplyKind.NEWS,
}


def _rule(raw: JsonObject) -> AutoReplyRule:
    return AutoReplyRule(
        name=_text(raw, "rule_name"),
        pick=AutoReplyChoice.RANDOM
        if raw.get("reply_mode") == "random_one"
        else AutoReplyChoice.ALL,
        keywords=tuple(
            AutoReplyKeyword(
                _text(one, "content"),
                AutoReplyMatch.EQUAL
                if one.get("match_mode") == "equal"
                else AutoReplyMatch.CONTAINS,
            )
            for one in _items(raw, "keyword_list_info")
            if one.get("type", "text") == "text"
        ),
        replies=tuple(_reply(one) for one in _items(raw, "reply_list_info")),
    )


def _maybe_reply(raw: JsonObject, name: str) -> AutoReply | None:
    inner = _inner(raw, name)
    return _reply(inner) if inner.get("type") else None


def _reply(raw: JsonObject) -> AutoReply:
    return AutoReply(
        _KINDS.get(_text(raw, "type"), AutoReplyKind.OTHER),
        _text(raw, "content"),
        tuple(_article(one) for one in _items(raw, "news_info", "list")),
    )


def _article(raw: JsonObject) -> AutoReplyArticle:
    return AutoReplyArticle(
        title=_text(raw, "title"),
        digest=_text(raw, "digest"),
        picture_url=_text(raw, "cover_url"),
        url=_text(raw, "content_url"),
    )


# The readers below take a part that is missing or has another shape for empty: one odd rule in the
# console must not keep the others from being imported.


def _text(raw: JsonObject, name: str) -> str:
    return str(raw.get(name) or "")


def _inner(raw: JsonObject, name: str) -> JsonObject:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _items(raw: JsonObject, *path: str) -> list[JsonObject]:
    for name in path[:-1]:
        raw = _inner(raw, name)
    value = raw.get(path[-1])
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
