"""Calls for default and conditional menus, and for the console's own menu and replies."""

from __future__ import annotations

from simulator.accounts.accounts import Capability
from simulator.api.call import OK, ApiResult, Call, Route
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject

NO_AUTOREPLY: JsonObject = {"is_add_friend_reply_open": 0, "is_autoreply_open": 0}


def create(call: Call) -> ApiResult:
    """Replace the default menu."""
    call.platform.menus.create(call.appid, call.body)
    # real phones show a new menu after some five minutes; here at once, so that developers need not
    # wait
    call.platform.change_signal.notify()
    return OK


def get(call: Call) -> ApiResult:
    """The menus made by the API."""
    return call.platform.menus.get(call.appid)


def delete(call: Call) -> ApiResult:
    """Delete all menus."""
    call.platform.menus.delete(call.appid)
    call.platform.change_signal.notify()
    return OK


def add_conditional(call: Call) -> ApiResult:
    """Add a conditional menu for a tag or a phone platform."""
    menu_id = call.platform.menus.add_conditional(call.appid, call.body)
    call.platform.change_signal.notify()
    # a text here, though menu/get gives the same id as a number
    return {"menuid": str(menu_id)}


def delete_conditional(call: Call) -> ApiResult:
    """Delete one conditional menu."""
    call.platform.menus.delete_conditional(call.appid, call.body.get("menuid"))
    call.platform.change_signal.notify()
    return OK


def try_match(call: Call) -> ApiResult:
    """The menu that one follower sees; 65302 for an unknown openid."""
    try:
        follower = call.platform.followers.get_by_openid(call.appid, call.body.get("user_id"))
    except ApiError as error:
        raise ApiError(65302, "there is no such user") from error
    citizen = call.platform.followers.get_citizen(follower.citizen)
    return {"button": call.platform.menus.menu_for(follower, citizen)}


def current(call: Call) -> ApiResult:
    """The menu in use, whether made by the API or in the console."""
    return call.platform.menus.current(call.appid, call.account.console.get("menu") or {})


def autoreply(call: Call) -> ApiResult:
    """The automatic replies that were set up in the console."""
    return call.account.console.get("autoreply") or NO_AUTOREPLY


ROUTES = (
    Route("POST", "/cgi-bin/menu/create", create, Capability.MENU),
    Route("GET", "/cgi-bin/menu/get", get, Capability.MENU),
    Route("GET", "/cgi-bin/menu/delete", delete, Capability.MENU),
    Route("POST", "/cgi-bin/menu/addconditional", add_conditional, Capability.CONDITIONAL_MENU),
    Route("POST", "/cgi-bin/menu/delconditional", delete_conditional, Capability.CONDITIONAL_MENU),
    Route("POST", "/cgi-bin/menu/trymatch", try_match, Capability.CONDITIONAL_MENU),
    Route("GET", "/cgi-bin/get_current_selfmenu_info", current),
    Route("GET", "/cgi-bin/get_current_autoreply_info", autoreply),
)
