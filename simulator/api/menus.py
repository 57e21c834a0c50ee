"""Menus: default and conditional menus, and what the console says about menu and replies."""

from __future__ import annotations

from typing import Any

from simulator.accounts.accounts import Capability
from simulator.api.call import OK, ApiResult, Call, Route
from simulator.core.errors import ApiError

NO_AUTOREPLY: dict[str, Any] = {"is_add_friend_reply_open": 0, "is_autoreply_open": 0}


def create(call: Call) -> ApiResult:
    """Replace the default menu."""
    call.platform.menus.create(call.appid, call.body)
    call.platform.change_signal.notify()
    return OK


def get(call: Call) -> ApiResult:
    """The menus that were made by the API."""
    return call.platform.menus.get(call.appid)


def delete(call: Call) -> ApiResult:
    """Remove all menus."""
    call.platform.menus.delete(call.appid)
    call.platform.change_signal.notify()
    return OK


def add_conditional(call: Call) -> ApiResult:
    """A menu for followers with a tag or on a platform."""
    menu_id = call.platform.menus.add_conditional(call.appid, call.body)
    call.platform.change_signal.notify()
    return {"menuid": str(menu_id)}


def delete_conditional(call: Call) -> ApiResult:
    """Remove one of them."""
    call.platform.menus.delete_conditional(call.appid, call.body.get("menuid"))
    call.platform.change_signal.notify()
    return OK


def try_match(call: Call) -> ApiResult:
    """The menu one follower sees; 65302 for somebody unknown."""
    try:
        follower = call.platform.followers.get_by_openid(call.appid, call.body.get("user_id"))
    except ApiError as error:
        raise ApiError(65302, "there is no such user") from error
    citizen = call.platform.followers.get_citizen(follower.citizen)
    return {"button": call.platform.menus.menu_for(follower, citizen)}


def current(call: Call) -> ApiResult:
    """The menu in use, also when it was made in the console."""
    return call.platform.menus.current(call.appid, call.account.console.get("menu") or {})


def autoreply(call: Call) -> ApiResult:
    """The automatic replies that were set up in the console."""
    return call.account.console.get("autoreply") or NO_AUTOREPLY


CALLS = (
    Route("POST", "/cgi-bin/menu/create", create, Capability.MENU),
    Route("GET", "/cgi-bin/menu/get", get, Capability.MENU),
    Route("GET", "/cgi-bin/menu/delete", delete, Capability.MENU),
    Route("POST", "/cgi-bin/menu/addconditional", add_conditional, Capability.CONDITIONAL_MENU),
    Route("POST", "/cgi-bin/menu/delconditional", delete_conditional, Capability.CONDITIONAL_MENU),
    Route("POST", "/cgi-bin/menu/trymatch", try_match, Capability.CONDITIONAL_MENU),
    Route("GET", "/cgi-bin/get_current_selfmenu_info", current),
    Route("GET", "/cgi-bin/get_current_autoreply_info", autoreply),
)
