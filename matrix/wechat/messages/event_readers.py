"""Readers of events about followers: from WeChat's fields to the classes of `events`.

Sources: "接收事件推送" and "自定义菜单事件推送" (wechat-platform.md 2.3). Event names are in
lower case here, because WeChat's documents and its pushes disagree about their case.
"""

import re
from collections.abc import Callable

from matrix.wechat.messages import events
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.xml import (
    CommonFields,
    XmlTree,
    child,
    children,
    degrees,
    integer,
    optional,
    optional_integer,
    text,
)

EventReader = Callable[[XmlTree, CommonFields], Inbound]


def _followed(tree: XmlTree, common: CommonFields) -> Inbound:
    key = optional(tree, "EventKey") or ""
    # following in another way (e.g. after a payment) sets EventKey to something else
    scene = key.removeprefix("qrscene_") if key.startswith("qrscene_") else None
    return events.Followed(scene=scene, ticket=optional(tree, "Ticket"), **common)


def _scanned(tree: XmlTree, common: CommonFields) -> Inbound:
    return events.Scanned(scene=text(tree, "EventKey"), ticket=optional(tree, "Ticket"), **common)


def _located(tree: XmlTree, common: CommonFields) -> Inbound:
    return events.LocationReported(
        latitude=degrees(tree, "Latitude", 90),
        longitude=degrees(tree, "Longitude", 180),
        precision=degrees(tree, "Precision", 100_000_000),
        **common,
    )


def _menu_link(tree: XmlTree, common: CommonFields) -> Inbound:
    return events.MenuLinkOpened(key=text(tree, "EventKey"), **common)


def _menu_mini_program(tree: XmlTree, common: CommonFields) -> Inbound:
    return events.MenuMiniProgramOpened(key=text(tree, "EventKey"), **common)


def _menu_code(event_class: type[events.MenuQrCodeScanned]) -> EventReader:
    def reader(tree: XmlTree, common: CommonFields) -> Inbound:
        scan = child(tree, "ScanCodeInfo")
        return event_class(
            key=text(tree, "EventKey"),
            code_content=text(scan, "ScanResult"),
            **common,
        )

    return reader


def _menu_pictures(source: events.PictureSource) -> EventReader:
    def reader(tree: XmlTree, common: CommonFields) -> Inbound:
        pictures = child(tree, "SendPicsInfo")
        items = children(child(pictures, "PicList"), "item")
        return events.MenuPicturesChosen(
            key=text(tree, "EventKey"),
            source=source,
            # the pictures themselves follow as messages of their own (wechat-platform.md 2.3)
            count=optional_integer(pictures, "Count") or len(items),
            **common,
        )

    return reader


def _menu_location(tree: XmlTree, common: CommonFields) -> Inbound:
    location = child(tree, "SendLocationInfo")
    return events.MenuLocationChosen(
        key=text(tree, "EventKey"),
        latitude=degrees(location, "Location_X", 90),
        longitude=degrees(location, "Location_Y", 180),
        scale=optional_integer(location, "Scale"),
        label=optional(location, "Label") or "",
        place=optional(location, "Poiname") or "",
        **common,
    )


def _notice_list(tree: XmlTree) -> list[XmlTree]:
    # older documents show the popup's tag for the change event too, so each tag is accepted
    for tag in ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"):
        if tag in tree:
            return children(child(tree, tag), "List")
    return []


def _notices_chosen(event_class: type[events.NoticesChosen]) -> EventReader:
    def reader(tree: XmlTree, common: CommonFields) -> Inbound:
        choices = tuple(
            events.NoticeChoice(
                template_id=text(item, "TemplateId"),
                accepted=text(item, "SubscribeStatusString") == "accept",
            )
            for item in _notice_list(tree)
        )
        return event_class(choices=choices, **common)

    return reader


def _notices_sent(tree: XmlTree, common: CommonFields) -> Inbound:
    results = tuple(
        events.NoticeResult(
            template_id=text(item, "TemplateId"),
            notice_id=text(item, "MsgID"),
            return_code=integer(item, "ErrorCode"),
            status=optional(item, "ErrorStatus") or "",
        )
        for item in _notice_list(tree)
    )
    return events.NoticesSent(results=results, **common)


def _agent(event_class: type[events.AgentSessionOpened]) -> EventReader:
    return lambda tree, common: event_class(agent=text(tree, "KfAccount"), **common)


def _agent_moved(tree: XmlTree, common: CommonFields) -> Inbound:
    return events.AgentSessionMoved(
        from_agent=text(tree, "FromKfAccount"), to_agent=text(tree, "ToKfAccount"), **common
    )


# kinds of data, by WeChat's number in RevokeInfo
_SCOPES = {
    "201": "address",
    "202": "invoice",
    "203": "card",
    "204": "microphone",
    "205": "profile",
    "206": "location",
    "207": "album",
}


def _consent(event_class: Callable[..., Inbound]) -> EventReader:
    def reader(tree: XmlTree, common: CommonFields) -> Inbound:
        codes = re.findall(r"\w+", optional(tree, "RevokeInfo") or "")
        return event_class(
            # FromUserName is a user of the platform itself in these events; the citizen is
            # in OpenID (wechat-platform.md 17)
            citizen_openid=optional(tree, "OpenID") or common["openid"],
            union_id=optional(tree, "UnionID"),
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
    "scancode_push": _menu_code(events.MenuQrCodeScanned),
    "scancode_waitmsg": _menu_code(events.MenuQrCodeSubmitted),
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
    "user_authorization_cancellation": _consent(events.WeChatAccountClosed),
}
