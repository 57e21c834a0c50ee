"""Menus: up to three buttons under the chat, each with up to five below it.

    Button(name, kind, value)            a button that does something
    Button(name, children=(…, …))        a button that opens a list

A conditional menu is shown to those its audience names, the latest one first; it needs a menu
for everybody else. Deleting the menu deletes the conditional ones too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import objects, require_field
from matrix.wechat.http_client import JsonObject

_GET = "/cgi-bin/menu/get"
_ADD_CONDITIONAL = "/cgi-bin/menu/addconditional"

# codes that are an answer: there is no menu; what was to be deleted is gone
_NO_MENU = 46003
_NO_SUCH_CONDITIONAL_MENU = 65301


class ButtonKind(StrEnum):
    """What a tap does. The last six are made in WeChat's console only."""

    ASK = "ask"
    LINK = "link"
    SCAN = "scan"
    SCAN_AND_WAIT = "scan_and_wait"
    CAMERA = "camera"
    CAMERA_OR_ALBUM = "camera_or_album"
    ALBUM = "album"
    LOCATION = "location"
    MEDIA = "media"
    ARTICLE = "article"
    ARTICLE_CARD = "article_card"
    MINI_PROGRAM = "mini_program"
    TEXT = "text"
    PICTURE = "picture"
    VOICE = "voice"
    VIDEO = "video"
    NEWS = "news"
    OTHER = "other"


# kind: WeChat's type, and the field that holds the value
_TYPES = {
    ButtonKind.ASK: ("click", "key"),
    ButtonKind.LINK: ("view", "url"),
    ButtonKind.SCAN: ("scancode_push", "key"),
    ButtonKind.SCAN_AND_WAIT: ("scancode_waitmsg", "key"),
    ButtonKind.CAMERA: ("pic_sysphoto", "key"),
    ButtonKind.CAMERA_OR_ALBUM: ("pic_photo_or_album", "key"),
    ButtonKind.ALBUM: ("pic_weixin", "key"),
    ButtonKind.LOCATION: ("location_select", "key"),
    ButtonKind.MEDIA: ("media_id", "media_id"),
    ButtonKind.ARTICLE: ("article_id", "article_id"),
    ButtonKind.ARTICLE_CARD: ("article_view_limited", "article_id"),
    ButtonKind.MINI_PROGRAM: ("miniprogram", "url"),
}
_KINDS = {name: kind for kind, (name, _) in _TYPES.items()} | {
    "text": ButtonKind.TEXT,
    "img": ButtonKind.PICTURE,
    "photo": ButtonKind.PICTURE,
    "voice": ButtonKind.VOICE,
    "video": ButtonKind.VIDEO,
    "news": ButtonKind.NEWS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button with a deed, or with buttons below it.

    `value` is the key, address, media id or article id the kind speaks of; for a mini program
    the address that opens where the mini program cannot.
    """

    name: str
    kind: ButtonKind | None = None
    value: str = ""
    appid: str = ""
    page: str = ""
    children: tuple["Button", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom a conditional menu is for. `platform`: 1 iOS, 2 Android, 3 other."""

    # Sex, region and language are refused by now (65320); of the rest, WeChat's page still names
    # the tag (wechat-platform.md 17).
    tag_id: int | None = None
    platform: int | None = None


@dataclass(frozen=True, slots=True)
class ConditionalMenu:
    """A menu for some followers."""

    menu_id: str
    buttons: tuple[Button, ...]
    audience: Audience


@dataclass(frozen=True, slots=True)
class MenuSet:
    """The menu for everybody and the conditional ones, as made by calls."""

    buttons: tuple[Button, ...]
    conditional: tuple[ConditionalMenu, ...] = ()


def create_menu(account: Credentials, buttons: Iterable[Button]) -> None:
    """Show this menu to everybody. Raises Refused when WeChat finds it wrong."""
    WeChatClient(account).menu.create({"button": [_written(button) for button in buttons]})


def find_menu(account: Credentials) -> MenuSet | None:
    """The menu made by calls; None when there is none."""
    answer: JsonObject = WeChatClient(account, tolerated={_NO_MENU}).menu.get()
    # a tolerated 46003 has no menu either
    made = answer.get("menu")
    if not isinstance(made, dict):
        return None
    conditional = answer.get("conditionalmenu")
    return MenuSet(
        read_buttons(made.get("button")),
        tuple(_conditional(one) for one in objects(_GET, conditional or [])),
    )


def delete_menu(account: Credentials) -> None:
    """Take away the menu, the conditional ones too."""
    WeChatClient(account).menu.delete()


def add_conditional_menu(
    account: Credentials, buttons: Iterable[Button], audience: Audience
) -> str:
    """Show this menu to some. Returns its id."""
    rule = {"tag_id": audience.tag_id, "client_platform_type": audience.platform}
    body = {
        "button": [_written(button) for button in buttons],
        "matchrule": {name: str(value) for name, value in rule.items() if value is not None},
    }
    answer: JsonObject = WeChatClient(account).menu.add_conditional(body)
    menu_id = answer.get("menuid")
    return (
        str(menu_id)
        if isinstance(menu_id, int)
        else require_field(_ADD_CONDITIONAL, answer, "menuid", str)
    )


def delete_conditional_menu(account: Credentials, menu_id: str) -> None:
    """Take one conditional menu away; one that is not there is gone already."""
    WeChatClient(account, tolerated={_NO_SUCH_CONDITIONAL_MENU}).menu.del_conditional(menu_id)


def preview_menu(account: Credentials, person: str) -> tuple[Button, ...]:
    """The menu a follower sees, by openid or WeChat id."""
    answer: JsonObject = WeChatClient(account).menu.try_match(person)
    # documented as the buttons alone; with `menu` around them they are read as well
    inner = answer.get("menu")
    return read_buttons((inner if isinstance(inner, dict) else answer).get("button"))


def read_buttons(raw: object) -> tuple[Button, ...]:
    """Buttons as WeChat lists them: plainly, or as {"list": […]} when made in the console."""
    if isinstance(raw, dict):
        raw = raw.get("list")
    if not isinstance(raw, list):
        return ()
    return tuple(_read(one) for one in raw if isinstance(one, dict))


def _read(raw: Mapping[str, object]) -> Button:
    name = str(raw.get("name", ""))
    children = read_buttons(raw.get("sub_button"))
    # a button that opens a list has no type; without children it is an empty list
    if children or "type" not in raw:
        return Button(name=name, children=children)
    kind = _KINDS.get(str(raw["type"]), ButtonKind.OTHER)
    _, field = _TYPES.get(kind, ("", "value"))
    return Button(
        name=name,
        kind=kind,
        value=str(raw.get(field) or raw.get("value") or ""),
        appid=str(raw.get("appid", "")),
        page=str(raw.get("pagepath", "")),
    )


def _written(button: Button) -> dict[str, object]:
    if button.children:
        return {"name": button.name, "sub_button": [_written(one) for one in button.children]}
    if button.kind not in _TYPES:
        raise ValueError(f"a button of kind {button.kind} can only be made in WeChat's console")
    name, field = _TYPES[button.kind]
    written: dict[str, object] = {"type": name, "name": button.name, field: button.value}
    if button.kind is ButtonKind.MINI_PROGRAM:
        written |= {"appid": button.appid, "pagepath": button.page}
    return written


def _conditional(raw: Mapping[str, object]) -> ConditionalMenu:
    rule = raw.get("matchrule")
    rule = rule if isinstance(rule, dict) else {}
    return ConditionalMenu(
        menu_id=str(raw.get("menuid", "")),
        buttons=read_buttons(raw.get("button")),
        audience=Audience(
            # menus of former years say group_id
            tag_id=_number(rule.get("tag_id") or rule.get("group_id")),
            platform=_number(rule.get("client_platform_type")),
        ),
    )


def _number(value: object) -> int | None:
    text = str(value or "")
    return int(text) if text.isdecimal() else None
