"""Citizen actions: what a citizen does on the phone, and the push that follows from it.

Each action changes the chat and the reply windows at once and returns the delivery of its push,
which is still under way. An action that a real phone would not offer (writing to an account that
is not followed, scanning an expired code) raises `ActionRejected`.
"""

from __future__ import annotations

import hashlib

from simulator.accounts.followers import Follower
from simulator.content.qrcodes import QrCode
from simulator.core.errors import ActionRejected
from simulator.core.json_object import JsonObject
from simulator.messaging import pushes
from simulator.messaging.callbacks import PushDelivery
from simulator.messaging.template_messages import LONG_TERM, LONG_TERM_SENDS
from simulator.platform import Platform

# WeChat documents no limit for what citizens type; this keeps a pasted document from the log
MAX_TEXT_LENGTH = 2_000


def follow(platform: Platform, citizen: str, appid: str) -> PushDelivery:
    """Follow an account found by search."""
    return _subscribe(platform, citizen, appid, scene="ADD_SCENE_SEARCH", fields={})


def unfollow(platform: Platform, citizen: str, appid: str) -> PushDelivery:
    """Stop following: closes the reply window and pushes `unsubscribe`."""
    with platform.lock:
        follower = _require_follower(platform, citizen, appid)
        follower.subscribed = False
        platform.followers.save(follower)
        # nothing may be sent after an unfollow; WeChat names a cancelled subscription and a closed
        # window by the same code, 45015
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
    # the magic of AMR files, as receivers tell formats by the first bytes; the rest depends on the
    # text only, so that repeated runs give the same file
    sound = b"#!AMR\n" + hashlib.sha256(text.encode()).digest() * 8
    medium = platform.media.add_temporary(appid, "voice", "voice.amr", sound)
    # WeChat announced the end of voice recognition in 2023: most accounts get no words, and must
    # answer all the same
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
    """Send a picture; `base` is the base URL of this simulator, for the picture's link."""
    medium = platform.media.add_temporary(appid, "image", filename, data)
    # the path of WeChat's own picture links, by which receivers may recognise them
    link = f"{base}/mmbiz_jpg/{medium.picture}/0"
    return _push_message(
        platform, citizen, appid, "image", {"media_id": medium.id}, PicUrl=link, MediaId=medium.id
    )


def send_location(
    platform: Platform, citizen: str, appid: str, *, latitude: float, longitude: float, label: str
) -> PushDelivery:
    """Send a location message."""
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
    platform: Platform, citizen: str, appid: str, button: JsonObject, *, result: str = ""
) -> PushDelivery | None:
    """Tap a menu button that has no children; None for kinds that push nothing.

    `result` is the text that the camera read, for buttons that scan a QR code.
    """
    follower = _require_follower(platform, citizen, appid)
    shown = platform.menus.menu_for(follower, platform.followers.get_citizen(citizen))
    leaves = [leaf for top in shown for leaf in (top.get("sub_button") or [top])]
    # real phones refresh the menu about every five minutes and may show an old one; here that would
    # let a test tap a button that no longer exists
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
    # media_id, article_id and view_limited buttons: no event is documented for them (WeChat:
    # 自定义菜单事件推送)
    if kind not in ("click", "scancode_push", "scancode_waitmsg", *_BUTTON_EVENTS):
        return None
    if kind in _BUTTON_EVENTS:
        return _push_event(platform, follower, kind, EventKey=button["key"], **_BUTTON_EVENTS[kind])
    # only click and the two scan buttons open a reply window (WeChat: 客服消息 / 下发规则)
    platform.windows.record_interaction(appid, follower.openid)
    if kind == "click":
        return _push_event(platform, follower, "CLICK", EventKey=button["key"])
    code = {"ScanType": "qrcode", "ScanResult": result or "SIMULATOR:SCAN"}
    return _push_event(platform, follower, kind, EventKey=button["key"], ScanCodeInfo=code)


_PICTURES = {
    # the phone sends no picture after this event; on the real platform image messages follow
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
_BUTTON_EVENTS: dict[str, JsonObject] = {
    "pic_sysphoto": _PICTURES,
    "pic_photo_or_album": _PICTURES,
    "pic_weixin": _PICTURES,
    "location_select": _PLACE,
}


def scan_qrcode(platform: Platform, citizen: str, appid: str, code: QrCode) -> PushDelivery:
    """Scan a QR code: followers push SCAN, others follow by it (`subscribe` with the scene)."""
    # a real scan opens the account of the code; in the simulator the chat that is open would be
    # wrong
    if code.appid != appid:
        raise ActionRejected("这个二维码属于另一个公众号")
    if platform.qrcodes.is_expired(code):
        raise ActionRejected("二维码已过期")
    follower = platform.followers.find(citizen, appid)
    if follower is not None and follower.subscribed:
        platform.windows.record_interaction(appid, follower.openid)
        # followers get SCAN with the bare scene, others `subscribe` with the prefix qrscene_
        return _push_event(platform, follower, "SCAN", EventKey=code.scene, Ticket=code.ticket)
    fields = {"EventKey": f"qrscene_{code.scene}", "Ticket": code.ticket}
    return _subscribe(platform, citizen, appid, scene="ADD_SCENE_QR_CODE", fields=fields, code=code)


def report_location(
    platform: Platform, citizen: str, appid: str, latitude: float, longitude: float
) -> PushDelivery:
    """Report the position on entering the chat (event LOCATION)."""
    follower = _require_follower(platform, citizen, appid)
    return _push_event(
        platform, follower, "LOCATION", Latitude=latitude, Longitude=longitude, Precision=30.0
    )


def answer_consent(
    platform: Platform, citizen: str, appid: str, template_id: str, *, accepted: bool
) -> PushDelivery:
    """Answer the consent dialog of a subscription notice."""
    follower = _require_follower(platform, citizen, appid)
    template = platform.templates.get(appid, template_id, notice=True)
    consents_before = follower.consents.get(template_id, 0)
    # a refusal also withdraws consents that were given before (WeChat: 订阅通知)
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
            # user/info answers number and text scenes in different fields
            follower.qr_scene = int(code.scene) if code.is_number else 0
            follower.qr_scene_str = "" if code.is_number else code.scene
            platform.followers.save(follower)
        platform.windows.record_interaction(appid, follower.openid)
        _add_system_note(platform, follower, "你已关注该公众号")
    # a follow without a QR code pushes an EventKey all the same, an empty one
    return _push_event(platform, follower, "subscribe", **(fields or {"EventKey": ""}))


def _require_follower(platform: Platform, citizen: str, appid: str) -> Follower:
    platform.accounts.get(appid)
    follower = platform.followers.find(citizen, appid)
    if follower is None or not follower.subscribed:
        raise ActionRejected("请先关注公众号")
    return follower


def _push_message(
    platform: Platform, citizen: str, appid: str, kind: str, bubble: JsonObject, **fields: object
) -> PushDelivery:
    follower = _require_follower(platform, citizen, appid)
    account = platform.accounts.get(appid)
    push = pushes.message(appid, account.original_id, follower.openid, citizen, kind, **fields)
    # a tapped option of a msgmenu arrives as a text, but counts like a menu click
    if "bizmsgmenuid" in fields and platform.limits.msgmenu_rule == "menu":
        platform.windows.record_interaction(appid, follower.openid)
    else:
        platform.windows.record_message(appid, follower.openid)
    body = {**bubble, "message_id": str(push.message_id)}
    # the bubble first: a fast account may reply before this thread goes on
    platform.chats.add(citizen, appid, side="me", kind=kind, via="sent", body=body)
    return platform.callbacks.deliver(push)


def _push_event(
    platform: Platform, follower: Follower, name: str, **fields: object
) -> PushDelivery:
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
