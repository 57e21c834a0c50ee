"""Fields of events about followers (development guide, "receive event pushes", "menu events").

Event names are in lower case here, since documents and pushes disagree about it.
"""

import re
from collections.abc import Callable

from matrix.wechat.messages import events
from matrix.wechat.messages.kinds import Inbound
from matrix.wechat.messages.reading import (
    Common,
    Tree,
    branch,
    branches,
    degrees,
    integer,
    maybe,
    maybe_integer,
    text,
)

EventReader = Callable[[Tree, Common], Inbound]


def _followed(tree: Tree, common: Common) -> Inbound:
    key = maybe(tree, "EventKey") or ""
    scene = key.removeprefix("qrscene_") if key.startswith("qrscene_") else None
    return events.Followed(scene=scene, ticket=maybe(tree, "Ticket"), **common)


def _scanned(tree: Tree, common: Common) -> Inbound:
    return events.Scanned(scene=text(tree, "EventKey"), ticket=maybe(tree, "Ticket"), **common)


def _located(tree: Tree, common: Common) -> Inbound:
    return events.Located(
        latitude=degrees(tree, "Latitude", 90),
        longitude=degrees(tree, "Longitude", 180),
        precision=degrees(tree, "Precision", 100_000_000),
        **common,
    )


def _menu_link(tree: Tree, common: Common) -> Inbound:
    return events.MenuLinkOpened(
        key=text(tree, "EventKey"), menu_id=maybe(tree, "MenuId"), **common
    )


def _menu_mini_program(tree: Tree, common: Common) -> Inbound:
    return events.MenuMiniProgramOpened(
        key=text(tree, "EventKey"), menu_id=maybe(tree, "MenuId"), **common
    )


def _menu_code(make: type[events.MenuCodeScanned]) -> EventReader:
    def reader(tree: Tree, common: Common) -> Inbound:
        scan = branch(tree, "ScanCodeInfo")
        return make(
            key=text(tree, "EventKey"),
            code_kind=text(scan, "ScanType"),
            code=text(scan, "ScanResult"),
            **common,
        )

    return reader


def _menu_pictures(source: events.PictureSource) -> EventReader:
    def reader(tree: Tree, common: Common) -> Inbound:
        sent = branch(tree, "SendPicsInfo")
        items = branches(branch(sent, "PicList"), "item")
        return events.MenuPicturesChosen(
            key=text(tree, "EventKey"),
            source=source,
            count=maybe_integer(sent, "Count") or len(items),
            digests=tuple(text(item, "PicMd5Sum") for item in items),
            **common,
        )

    return reader


def _menu_location(tree: Tree, common: Common) -> Inbound:
    place = branch(tree, "SendLocationInfo")
    return events.MenuLocationChosen(
        key=text(tree, "EventKey"),
        latitude=degrees(place, "Location_X", 90),
        longitude=degrees(place, "Location_Y", 180),
        scale=maybe_integer(place, "Scale"),
        label=maybe(place, "Label") or "",
        place=maybe(place, "Poiname") or "",
        **common,
    )


_ASKED_IN = {"1": "page", "2": "article"}


def _notice_list(tree: Tree) -> list[Tree]:
    # The documents once printed the popup's tag for the change event as well.
    for tag in ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"):
        if tag in tree:
            return branches(branch(tree, tag), "List")
    return []


def _notices_chosen(make: type[events.NoticesChosen]) -> EventReader:
    def reader(tree: Tree, common: Common) -> Inbound:
        choices = tuple(
            events.NoticeChoice(
                template_id=text(item, "TemplateId"),
                accepted=text(item, "SubscribeStatusString") == "accept",
                asked_in=_ASKED_IN.get(maybe(item, "PopupScene") or ""),
            )
            for item in _notice_list(tree)
        )
        return make(choices=choices, **common)

    return reader


def _notices_sent(tree: Tree, common: Common) -> Inbound:
    results = tuple(
        events.NoticeResult(
            template_id=text(item, "TemplateId"),
            notice_id=text(item, "MsgID"),
            error=integer(item, "ErrorCode"),
            status=maybe(item, "ErrorStatus") or "",
        )
        for item in _notice_list(tree)
    )
    return events.NoticesSent(results=results, **common)


def _agent(make: type[events.AgentSessionOpened]) -> EventReader:
    return lambda tree, common: make(agent=text(tree, "KfAccount"), **common)


def _agent_moved(tree: Tree, common: Common) -> Inbound:
    return events.AgentSessionMoved(
        from_agent=text(tree, "FromKfAccount"), to_agent=text(tree, "ToKfAccount"), **common
    )


_SCOPES = {
    "201": "address",
    "202": "invoice",
    "203": "card",
    "204": "microphone",
    "205": "profile",
    "206": "location",
    "207": "album",
}


def _consent(make: Callable[..., Inbound]) -> EventReader:
    def reader(tree: Tree, common: Common) -> Inbound:
        codes = re.findall(r"\w+", maybe(tree, "RevokeInfo") or "")
        return make(
            person=maybe(tree, "OpenID") or common["openid"],
            union_id=maybe(tree, "UnionID"),
            scopes=tuple(_SCOPES.get(code, code) for code in codes),
            **common,
        )

    return reader


EVENTS: dict[str, EventReader] = {
    "subscribe": _followed,
    "unsubscribe": lambda _tree, common: events.Unfollowed(**common),
    "scan": _scanned,
    "location": _located,
    "click": lambda tree, common: events.MenuClicked(key=text(tree, "EventKey"), **common),
    "view": _menu_link,
    "view_miniprogram": _menu_mini_program,
    "scancode_push": _menu_code(events.MenuCodeScanned),
    "scancode_waitmsg": _menu_code(events.MenuCodeSubmitted),
    "pic_sysphoto": _menu_pictures(events.PictureSource.CAMERA),
    "pic_photo_or_album": _menu_pictures(events.PictureSource.CAMERA_OR_ALBUM),
    "pic_weixin": _menu_pictures(events.PictureSource.ALBUM),
    "location_select": _menu_location,
    "subscribe_msg_popup_event": _notices_chosen(events.NoticesChosen),
    "subscribe_msg_change_event": _notices_chosen(events.NoticesSwitchedOff),
    "subscribe_msg_sent_event": _notices_sent,
    "kf_create_session": _agent(events.AgentSessionOpened),
    "kf_close_session": _agent(events.AgentSessionClosed),
    "kf_switch_session": _agent_moved,
    "user_info_modified": _consent(events.ConsentChanged),
    "user_authorization_revoke": _consent(events.ConsentRevoked),
    "user_authorization_cancellation": _consent(events.PersonLeft),
}
