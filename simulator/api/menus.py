"""Menus: default and conditional menus, and what the console says about menu and replies."""

from __future__ import annotations

from typing import Any

from simulator.accounts import Capability
from simulator.api.call import OK, Answer, Call, Route
from simulator.errors import Refused

NO_AUTOREPLY: dict[str, Any] = {"is_add_friend_reply_open": 0, "is_autoreply_open": 0}


def create(call: Call) -> Answer:
    """Replace the default menu."""
    call.world.menus.create(call.appid, call.body)
    call.world.pulse.beat()
    return OK


def get(call: Call) -> Answer:
    """The menus that were made by the API."""
    return call.world.menus.get(call.appid)


def delete(call: Call) -> Answer:
    """Remove all menus."""
    call.world.menus.delete(call.appid)
    call.world.pulse.beat()
    return OK


def add_conditional(call: Call) -> Answer:
    """A menu for followers with a tag or on a platform."""
    menu_id = call.world.menus.add_conditional(call.appid, call.body)
    call.world.pulse.beat()
    return {"menuid": str(menu_id)}


def delete_conditional(call: Call) -> Answer:
    """Remove one of them."""
    call.world.menus.delete_conditional(call.appid, call.body.get("menuid"))
    call.world.pulse.beat()
    return OK


def try_match(call: Call) -> Answer:
    """The menu one follower sees; 65302 for somebody unknown."""
    try:
        follower = call.world.followers.known(call.appid, call.body.get("user_id"))
    except Refused as error:
        raise Refused(65302, "there is no such user") from error
    citizen = call.world.followers.citizen(follower.citizen)
    return {"button": call.world.menus.shown_to(follower, citizen)}


def current(call: Call) -> Answer:
    """The menu in use, also when it was made in the console."""
    return call.world.menus.current(call.appid, call.account.console.get("menu") or {})


def autoreply(call: Call) -> Answer:
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
