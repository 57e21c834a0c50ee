"""Menus: the buttons below a chat.

An account has at most one default menu and any number of conditional ones; of those that match a
follower the newest wins. Menus are validated as strictly as on the platform.
(WeChat: 自定义菜单, 个性化菜单.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from simulator.accounts.followers import Citizen, Follower
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject
from simulator.core.storage import Storage

Button = JsonObject
KEY_TYPES = frozenset(
    {
        "click",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)
OTHER_TYPES = {
    "view": ("url",),
    # a url as well: old versions of WeChat open it instead of the mini program
    "miniprogram": ("appid", "pagepath", "url"),
    "media_id": ("media_id",),
    "view_limited": ("media_id",),
    "article_id": ("article_id",),
    "article_view_limited": ("article_id",),
}
# real ids have nine digits; small numbers would hide columns that are too narrow
FIRST_MENU_ID = 418_000_000


@dataclass
class AccountMenu:
    """The menus of one account; conditional ones with the oldest first."""

    appid: str
    buttons: list[Button] = field(default_factory=list)
    menu_id: int = 0
    conditional: list[JsonObject] = field(default_factory=list)
    last_id: int = FIRST_MENU_ID


class Menus:
    """The menus of all accounts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._by_appid = {body["appid"]: AccountMenu(**body) for body in storage.load_all("menu")}

    def create(self, appid: str, body: JsonObject) -> None:
        """Replace the default menu; raises 40015 to 40028, 40033, 40055."""
        buttons = validate_buttons(body.get("button"))
        menu = self._get_or_create(appid)
        menu.buttons = buttons
        # never used twice, as a deleted conditional menu must not be mistaken for a new one
        menu.menu_id = menu.last_id = menu.last_id + 1
        self._save(menu)

    def get(self, appid: str) -> JsonObject:
        """The answer of menu/get; 46003 when there is no menu."""
        menu = self._get_or_create(appid)
        if not menu.buttons:
            raise ApiError(46003, "menu no exist")
        answer: JsonObject = {"menu": {"button": menu.buttons, "menuid": menu.menu_id}}
        if menu.conditional:
            # newest first, the order in which the platform tries them
            answer["conditionalmenu"] = menu.conditional[::-1]
        return answer

    def delete(self, appid: str) -> None:
        """Delete the default and all conditional menus."""
        menu = self._get_or_create(appid)
        # menu/delete takes the conditional menus with it, which surprises callers
        menu.buttons, menu.conditional = [], []
        self._save(menu)

    def add_conditional(self, appid: str, body: JsonObject) -> int:
        """Add a conditional menu; 65303 without a default menu, 65304 without a match rule."""
        menu = self._get_or_create(appid)
        if not menu.buttons:
            raise ApiError(65303, "there is no default menu")
        rule = body.get("matchrule")
        conditions = {name: str(rule[name]) for name in rule} if isinstance(rule, dict) else {}
        # sex, region and language no longer work as conditions (65320 on the platform)
        if not any(conditions.get(name) for name in ("tag_id", "client_platform_type")):
            raise ApiError(65304, "matchrule is empty")
        buttons = validate_buttons(body.get("button"))
        menu.last_id += 1
        menu.conditional.append(
            {"button": buttons, "matchrule": conditions, "menuid": menu.last_id}
        )
        self._save(menu)
        return menu.last_id

    def delete_conditional(self, appid: str, menu_id: object) -> None:
        """Delete one conditional menu; 65301 when it does not exist."""
        menu = self._get_or_create(appid)
        remaining = [one for one in menu.conditional if str(one["menuid"]) != str(menu_id)]
        if len(remaining) == len(menu.conditional):
            raise ApiError(65301, "there is no such conditional menu")
        menu.conditional = remaining
        self._save(menu)

    def menu_for(self, follower: Follower, citizen: Citizen) -> list[Button]:
        """The buttons on this follower's phone."""
        menu = self._get_or_create(follower.appid)
        # the newest that matches wins (WeChat: 个性化菜单)
        for one in reversed(menu.conditional):
            rule = one["matchrule"]
            tag, platform = rule.get("tag_id"), rule.get("client_platform_type")
            if tag and tag not in map(str, follower.tags):
                continue
            if platform and platform != str(citizen.platform):
                continue
            buttons: list[Button] = one["button"]
            return buttons
        return menu.buttons

    def current(self, appid: str, console: JsonObject) -> JsonObject:
        """The answer of get_current_selfmenu_info: the API's menu, else the console's."""
        menu = self._get_or_create(appid)
        buttons = menu.buttons or console.get("button", [])
        listed = [
            # this call nests children one level deeper than menu/get does
            {"name": one["name"], "sub_button": {"list": one["sub_button"]}}
            if one.get("sub_button")
            else {name: value for name, value in one.items() if name != "sub_button"}
            for one in buttons
        ]
        return {"is_menu_open": int(bool(listed)), "selfmenu_info": {"button": listed}}

    def _get_or_create(self, appid: str) -> AccountMenu:
        return self._by_appid.setdefault(appid, AccountMenu(appid))

    def _save(self, menu: AccountMenu) -> None:
        self._storage.put("menu", menu.appid, asdict(menu))


def validate_buttons(buttons: object) -> list[Button]:
    """The buttons as they will be stored; raises ApiError with the platform's code when invalid."""
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise ApiError(40016, "invalid button size")
    return [_validate_top_button(button) for button in buttons]


def _validate_top_button(button: object) -> Button:
    if not isinstance(button, dict):
        raise ApiError(40017, "invalid button type")
    # bytes, not characters: five Chinese characters fit; children may have 60 bytes
    _validate_name(button, 16, 40018)
    children = button.get("sub_button")
    if not children:
        return {**_validate_action(button, (40017, 40019, 40020)), "sub_button": []}
    if not isinstance(children, list) or len(children) > 5:
        raise ApiError(40023, "invalid sub button size")
    stored = []
    for child in children:
        if not isinstance(child, dict):
            raise ApiError(40024, "invalid sub button type")
        if child.get("sub_button"):
            raise ApiError(40022, "invalid sub menu level")
        _validate_name(child, 60, 40025)
        stored.append({**_validate_action(child, (40024, 40026, 40027)), "sub_button": []})
    return {"name": button["name"], "sub_button": stored}


def _validate_name(button: Button, most: int, errcode: int) -> None:
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= most:
        raise ApiError(errcode, "invalid button name size")


def _validate_action(button: Button, codes: tuple[int, int, int]) -> Button:
    bad_type, bad_key, bad_url = codes
    kind = button.get("type")
    stored = {"type": kind, "name": button["name"]}
    if kind in KEY_TYPES:
        key = button.get("key")
        if not isinstance(key, str) or not 1 <= len(key.encode()) <= 128:
            raise ApiError(bad_key, "invalid button key size")
        return {**stored, "key": key}
    if kind not in OTHER_TYPES:
        raise ApiError(bad_type, "invalid button type")
    for name in OTHER_TYPES[kind]:
        value = button.get(name)
        if not isinstance(value, str) or not value:
            # no return code is documented for the other fields; 40035 is the general one
            code = bad_url if name == "url" else 40007 if name == "media_id" else 40035
            raise ApiError(code, f"invalid button {name}")
        stored[name] = value
    if "url" in stored:
        if len(stored["url"].encode()) > 1024:
            raise ApiError(bad_url, "invalid button url size")
        if urlsplit(stored["url"]).scheme not in ("http", "https"):
            raise ApiError(40055, "invalid button url domain")
    return stored
