"""Acts: what a citizen does on the phone, and the push that follows from it.

Each act changes the chat and the windows at once and returns the delivery that is under way. An
act that makes no push (an unfollowed account, an ended code) raises `NotPossible`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from simulator.accounts.followers import Follower
from simulator.content.qrcodes import QrCode
from simulator.core.errors import ActionRejected
from simulator.messaging import pushes
from simulator.messaging.callbacks import PushDelivery
from simulator.messaging.template_messages import LONG_TERM, LONG_TERM_SENDS
from simulator.platform import Platform

MAX_TEXT_LENGTH = 2_000


def follow(platform: Platform, citizen: str, appid: str) -> PushDelivery:
    """Follow an account found by search."""
    return _subscribe(platform, citizen, appid, scene="ADD_SCENE_SEARCH", fields={})


def unfollow(platform: Platform, citizen: str, appid: str) -> PushDelivery:
    """Stop following; the window closes and the account is told."""
    with platform.lock:
        follower = _require_follower(platform, citizen, appid)
        follower.subscribed = False
        platform.followers.save(follower)
        platform.windows.close(appid, follower.openid)
        _add_system_note(platform, follower, "你已取消关注该公众号")
    return _push_event(platform, follower, "unsubscribe", EventKey="")


def send_text(platform: Platform, citizen: str, appid: str, text: str) -> PushDelivery:
    """Send a text."""
    if not text.strip() or len(text) > MAX_TEXT_LENGTH:
        raise ActionRejected(f"文字应为 1 到 {MAX_TEXT_LENGTH} 个字")
    return _push_message(platform, citizen, appid, "text", {"text": text}, Content=text)


def choose_option(
    platform: Platform, citizen: str, appid: str, text: str, menu_id: str
) -> PushDelivery:
    """Tap an option of a msgmenu message or a bizmsgmenu link in a text."""
    return _push_message(
        platform, citizen, appid, "text", {"text": text}, Content=text, bizmsgmenuid=menu_id
    )


def send_voice(
    platform: Platform, citizen: str, appid: str, text: str, *, transcribed: bool
) -> PushDelivery:
    """Send a voice message; its words are pushed when the account's recognition is on."""
    sound = b"#!AMR\n" + hashlib.sha256(text.encode()).digest() * 8
    medium = platform.media.add_temporary(appid, "voice", "voice.amr", sound)
    transcript = {"Recognition": text} if transcribed else {}
    return _push_message(
        platform,
        citizen,
        appid,
        "voice",
        {"text": text, "media_id": medium.id, "seconds": max(1, len(text) // 4)},
        MediaId=medium.id,
        Format="amr",
        **transcript,
    )


def send_image(
    platform: Platform, citizen: str, appid: str, filename: str, data: bytes, *, base: str
) -> PushDelivery:
    """Send a picture; `base` is where picture links of this platform start."""
    medium = platform.media.add_temporary(appid, "image", filename, data)
    link = f"{base}/mmbiz_jpg/{medium.picture}/0"
    return _push_message(
        platform, citizen, appid, "image", {"media_id": medium.id}, PicUrl=link, MediaId=medium.id
    )


def send_location(
    platform: Platform, citizen: str, appid: str, *, latitude: float, longitude: float, label: str
) -> PushDelivery:
    """Send a place."""
    return _push_message(
        platform,
        citizen,
        appid,
        "location",
        {"latitude": latitude, "longitude": longitude, "label": label},
        Location_X=latitude,
        Location_Y=longitude,
        Scale=16,
        Label=label,
    )


def send_link(
    platform: Platform, citizen: str, appid: str, *, title: str, description: str, url: str
) -> PushDelivery:
    """Send a link."""
    return _push_message(
        platform,
        citizen,
        appid,
        "link",
        {"title": title, "description": description, "url": url},
        Title=title,
        Description=description,
        Url=url,
    )


def tap_button(
    platform: Platform, citizen: str, appid: str, button: dict[str, Any], *, result: str = ""
) -> PushDelivery | None:
    """Tap a menu button that has no children; some kinds tell the account nothing (None).

    `result` is what the camera read, for the buttons that scan.
    """
    follower = _require_follower(platform, citizen, appid)
    shown = platform.menus.menu_for(follower, platform.followers.get_citizen(citizen))
    leaves = [leaf for top in shown for leaf in (top.get("sub_button") or [top])]
    if button not in leaves:
        raise ActionRejected("菜单已更新，请重新打开")
    kind = button.get("type", "")
    menu_id = platform.menus.get(appid)["menu"]["menuid"]
    if kind == "view":
        return _push_event(platform, follower, "VIEW", EventKey=button["url"], MenuId=menu_id)
    if kind == "miniprogram":
        return _push_event(
            platform, follower, "view_miniprogram", EventKey=button["pagepath"], MenuId=menu_id
        )
    if kind not in ("click", "scancode_push", "scancode_waitmsg", *_BUTTON_EVENTS):
        return None
    if kind in _BUTTON_EVENTS:
        return _push_event(platform, follower, kind, EventKey=button["key"], **_BUTTON_EVENTS[kind])
    platform.windows.record_interaction(appid, follower.openid)
    if kind == "click":
        return _push_event(platform, follower, "CLICK", EventKey=button["key"])
    code = {"ScanType": "qrcode", "ScanResult": result or "SIMULATOR:SCAN"}
    return _push_event(platform, follower, kind, EventKey=button["key"], ScanCodeInfo=code)


_PICTURES = {
    "SendPicsInfo": {"Count": 1, "PicList": [{"PicMd5Sum": "0cc175b9c0f1b6a831c399e269772661"}]}
}
_PLACE = {
    "SendLocationInfo": {
        "Location_X": "34.566079",
        "Location_Y": "110.092078",
        "Scale": "16",
        "Label": "陕西省渭南市华阴市",
        "Poiname": "",
    }
}
_BUTTON_EVENTS: dict[str, dict[str, Any]] = {
    "pic_sysphoto": _PICTURES,
    "pic_photo_or_album": _PICTURES,
    "pic_weixin": _PICTURES,
    "location_select": _PLACE,
}


def scan_qrcode(platform: Platform, citizen: str, appid: str, code: QrCode) -> PushDelivery:
    """Scan a code: a stranger follows by it, a follower only reports the scene."""
    if code.appid != appid:
        raise ActionRejected("这个二维码属于另一个公众号")
    if platform.qrcodes.is_expired(code):
        raise ActionRejected("二维码已过期")
    follower = platform.followers.find(citizen, appid)
    if follower is not None and follower.subscribed:
        platform.windows.record_interaction(appid, follower.openid)
        return _push_event(platform, follower, "SCAN", EventKey=code.scene, Ticket=code.ticket)
    fields = {"EventKey": f"qrscene_{code.scene}", "Ticket": code.ticket}
    return _subscribe(platform, citizen, appid, scene="ADD_SCENE_QR_CODE", fields=fields, code=code)


def report_location(
    platform: Platform, citizen: str, appid: str, latitude: float, longitude: float
) -> PushDelivery:
    """Let the account know where the citizen is (LOCATION, on entering the chat)."""
    follower = _require_follower(platform, citizen, appid)
    return _push_event(
        platform, follower, "LOCATION", Latitude=latitude, Longitude=longitude, Precision=30.0
    )


def answer_consent(
    platform: Platform, citizen: str, appid: str, template_id: str, *, accepted: bool
) -> PushDelivery:
    """Answer the dialog of a subscription notice."""
    follower = _require_follower(platform, citizen, appid)
    template = platform.templates.get(appid, template_id, notice=True)
    consents_before = follower.consents.get(template_id, 0)
    if not accepted:
        follower.consents[template_id] = 0
    else:
        follower.consents[template_id] = (
            LONG_TERM_SENDS if template.kind == LONG_TERM else consents_before + 1
        )
    platform.followers.save(follower)
    template_row = {
        "TemplateId": template_id,
        "SubscribeStatusString": "accept" if accepted else "reject",
        "PopupScene": 1,
    }
    return _push_event(
        platform,
        follower,
        "subscribe_msg_popup_event",
        SubscribeMsgPopupEvent={"List": template_row},
    )


def _subscribe(
    platform: Platform,
    citizen: str,
    appid: str,
    *,
    scene: str,
    fields: dict[str, str],
    code: QrCode | None = None,
) -> PushDelivery:
    platform.accounts.get(appid)
    platform.followers.get_citizen(citizen)
    with platform.lock:
        before = platform.followers.find(citizen, appid)
        if before is not None and before.subscribed:
            raise ActionRejected("已经关注了")
        now = platform.clock.now()
        follower = platform.followers.follow(citizen, appid, now=now, scene=scene)
        if code is not None:
            follower.qr_scene = int(code.scene) if code.is_number else 0
            follower.qr_scene_str = "" if code.is_number else code.scene
            platform.followers.save(follower)
        platform.windows.record_interaction(appid, follower.openid)
        _add_system_note(platform, follower, "你已关注该公众号")
    return _push_event(platform, follower, "subscribe", **(fields or {"EventKey": ""}))


def _require_follower(platform: Platform, citizen: str, appid: str) -> Follower:
    platform.accounts.get(appid)
    follower = platform.followers.find(citizen, appid)
    if follower is None or not follower.subscribed:
        raise ActionRejected("请先关注公众号")
    return follower


def _push_message(
    platform: Platform, citizen: str, appid: str, kind: str, bubble: dict[str, Any], **fields: Any
) -> PushDelivery:
    follower = _require_follower(platform, citizen, appid)
    account = platform.accounts.get(appid)
    push = pushes.message(appid, account.original_id, follower.openid, citizen, kind, **fields)
    if "bizmsgmenuid" in fields and platform.limits.msgmenu_rule == "menu":
        platform.windows.record_interaction(appid, follower.openid)
    else:
        platform.windows.record_message(appid, follower.openid)
    body = {**bubble, "message_id": str(push.message_id)}
    platform.chats.add(citizen, appid, side="me", kind=kind, via="sent", body=body)
    return platform.callbacks.deliver(push)


def _push_event(platform: Platform, follower: Follower, name: str, **fields: Any) -> PushDelivery:
    account = platform.accounts.get(follower.appid)
    push = pushes.event(
        account.appid, account.original_id, follower.openid, follower.citizen, name, **fields
    )
    return platform.callbacks.deliver(push)


def _add_system_note(platform: Platform, follower: Follower, text: str) -> None:
    platform.chats.add(
        follower.citizen,
        follower.appid,
        side="system",
        kind="note",
        via="note",
        body={"text": text},
    )
