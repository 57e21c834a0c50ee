"""Acts: what a citizen does on the phone, and the push that follows from it.

Each act changes the chat and the windows at once and returns the delivery that is under way. An
act that makes no push (an unfollowed account, an ended code) raises `NotPossible`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from simulator import pushes
from simulator.callbacks import Delivery
from simulator.errors import NotPossible
from simulator.followers import Follower
from simulator.notices import LONG_TERM, LONG_TERM_SENDS
from simulator.qrcodes import QrCode
from simulator.world import World

LONGEST_TEXT = 2_000


def follow(world: World, citizen: str, appid: str) -> Delivery:
    """Follow an account found by search."""
    return _subscribe(world, citizen, appid, scene="ADD_SCENE_SEARCH", fields={})


def unfollow(world: World, citizen: str, appid: str) -> Delivery:
    """Stop following; the window closes and the account is told."""
    with world.lock:
        follower = _present(world, citizen, appid)
        follower.subscribed = False
        world.followers.keep(follower)
        world.windows.close(appid, follower.openid)
        _note(world, follower, "你已取消关注该公众号")
    return _happened(world, follower, "unsubscribe", EventKey="")


def say(world: World, citizen: str, appid: str, text: str) -> Delivery:
    """Send a text."""
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise NotPossible(f"文字应为 1 到 {LONGEST_TEXT} 个字")
    return _send(world, citizen, appid, "text", {"text": text}, Content=text)


def choose(world: World, citizen: str, appid: str, text: str, menu_id: str) -> Delivery:
    """Tap an option of a msgmenu message or a bizmsgmenu link in a text."""
    return _send(world, citizen, appid, "text", {"text": text}, Content=text, bizmsgmenuid=menu_id)


def speak(world: World, citizen: str, appid: str, text: str, *, recognised: bool) -> Delivery:
    """Send a voice message; its words are pushed when the account's recognition is on."""
    sound = b"#!AMR\n" + hashlib.sha256(text.encode()).digest() * 8
    medium = world.media.add_temporary(appid, "voice", "voice.amr", sound)
    words = {"Recognition": text} if recognised else {}
    return _send(
        world,
        citizen,
        appid,
        "voice",
        {"text": text, "media_id": medium.id, "seconds": max(1, len(text) // 4)},
        MediaId=medium.id,
        Format="amr",
        **words,
    )


def show(
    world: World, citizen: str, appid: str, filename: str, data: bytes, *, base: str
) -> Delivery:
    """Send a picture; `base` is where picture links of this platform start."""
    medium = world.media.add_temporary(appid, "image", filename, data)
    link = f"{base}/mmbiz_jpg/{medium.picture}/0"
    return _send(
        world, citizen, appid, "image", {"media_id": medium.id}, PicUrl=link, MediaId=medium.id
    )


def locate(
    world: World, citizen: str, appid: str, *, latitude: float, longitude: float, label: str
) -> Delivery:
    """Send a place."""
    return _send(
        world,
        citizen,
        appid,
        "location",
        {"latitude": latitude, "longitude": longitude, "label": label},
        Location_X=latitude,
        Location_Y=longitude,
        Scale=16,
        Label=label,
    )


def share(
    world: World, citizen: str, appid: str, *, title: str, description: str, url: str
) -> Delivery:
    """Send a link."""
    return _send(
        world,
        citizen,
        appid,
        "link",
        {"title": title, "description": description, "url": url},
        Title=title,
        Description=description,
        Url=url,
    )


def tap(
    world: World, citizen: str, appid: str, button: dict[str, Any], *, result: str = ""
) -> Delivery | None:
    """Tap a menu button that has no children; some kinds tell the account nothing (None).

    `result` is what the camera read, for the buttons that scan.
    """
    follower = _present(world, citizen, appid)
    shown = world.menus.shown_to(follower, world.followers.citizen(citizen))
    leaves = [leaf for top in shown for leaf in (top.get("sub_button") or [top])]
    if button not in leaves:
        raise NotPossible("菜单已更新，请重新打开")
    kind = button.get("type", "")
    menu_id = world.menus.get(appid)["menu"]["menuid"]
    if kind == "view":
        return _happened(world, follower, "VIEW", EventKey=button["url"], MenuId=menu_id)
    if kind == "miniprogram":
        return _happened(
            world, follower, "view_miniprogram", EventKey=button["pagepath"], MenuId=menu_id
        )
    if kind not in ("click", "scancode_push", "scancode_waitmsg", *_TOOLS):
        return None
    if kind in _TOOLS:
        return _happened(world, follower, kind, EventKey=button["key"], **_TOOLS[kind])
    world.windows.touched(appid, follower.openid)
    if kind == "click":
        return _happened(world, follower, "CLICK", EventKey=button["key"])
    code = {"ScanType": "qrcode", "ScanResult": result or "SIMULATOR:SCAN"}
    return _happened(world, follower, kind, EventKey=button["key"], ScanCodeInfo=code)


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
_TOOLS: dict[str, dict[str, Any]] = {
    "pic_sysphoto": _PICTURES,
    "pic_photo_or_album": _PICTURES,
    "pic_weixin": _PICTURES,
    "location_select": _PLACE,
}


def scan(world: World, citizen: str, appid: str, code: QrCode) -> Delivery:
    """Scan a code: a stranger follows by it, a follower only reports the scene."""
    if code.appid != appid:
        raise NotPossible("这个二维码属于另一个公众号")
    if world.qrcodes.is_over(code):
        raise NotPossible("二维码已过期")
    follower = world.followers.of(citizen, appid)
    if follower is not None and follower.subscribed:
        world.windows.touched(appid, follower.openid)
        return _happened(world, follower, "SCAN", EventKey=code.scene, Ticket=code.ticket)
    fields = {"EventKey": f"qrscene_{code.scene}", "Ticket": code.ticket}
    return _subscribe(world, citizen, appid, scene="ADD_SCENE_QR_CODE", fields=fields, code=code)


def stand(world: World, citizen: str, appid: str, latitude: float, longitude: float) -> Delivery:
    """Let the account know where the citizen is (LOCATION, on entering the chat)."""
    follower = _present(world, citizen, appid)
    return _happened(
        world, follower, "LOCATION", Latitude=latitude, Longitude=longitude, Precision=30.0
    )


def consent(
    world: World, citizen: str, appid: str, template_id: str, *, accepted: bool
) -> Delivery:
    """Answer the dialog of a subscription notice."""
    follower = _present(world, citizen, appid)
    template = world.notices.get(appid, template_id, notice=True)
    had = follower.consents.get(template_id, 0)
    if not accepted:
        follower.consents[template_id] = 0
    else:
        follower.consents[template_id] = LONG_TERM_SENDS if template.kind == LONG_TERM else had + 1
    world.followers.keep(follower)
    row = {
        "TemplateId": template_id,
        "SubscribeStatusString": "accept" if accepted else "reject",
        "PopupScene": 1,
    }
    return _happened(
        world, follower, "subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": row}
    )


def _subscribe(
    world: World,
    citizen: str,
    appid: str,
    *,
    scene: str,
    fields: dict[str, str],
    code: QrCode | None = None,
) -> Delivery:
    world.accounts.get(appid)
    world.followers.citizen(citizen)
    with world.lock:
        before = world.followers.of(citizen, appid)
        if before is not None and before.subscribed:
            raise NotPossible("已经关注了")
        now = world.clock.now()
        follower = world.followers.follow(citizen, appid, now=now, scene=scene)
        if code is not None:
            follower.qr_scene = int(code.scene) if code.is_number else 0
            follower.qr_scene_str = "" if code.is_number else code.scene
            world.followers.keep(follower)
        world.windows.touched(appid, follower.openid)
        _note(world, follower, "你已关注该公众号")
    return _happened(world, follower, "subscribe", **(fields or {"EventKey": ""}))


def _present(world: World, citizen: str, appid: str) -> Follower:
    world.accounts.get(appid)
    follower = world.followers.of(citizen, appid)
    if follower is None or not follower.subscribed:
        raise NotPossible("请先关注公众号")
    return follower


def _send(
    world: World, citizen: str, appid: str, kind: str, shown: dict[str, Any], **fields: Any
) -> Delivery:
    follower = _present(world, citizen, appid)
    account = world.accounts.get(appid)
    push = pushes.message(appid, account.original_id, follower.openid, citizen, kind, **fields)
    if "bizmsgmenuid" in fields and world.limits.msgmenu_rule == "menu":
        world.windows.touched(appid, follower.openid)
    else:
        world.windows.messaged(appid, follower.openid)
    body = {**shown, "message_id": str(push.message_id)}
    world.chats.add(citizen, appid, side="me", kind=kind, via="sent", body=body)
    return world.callbacks.deliver(push)


def _happened(world: World, follower: Follower, name: str, **fields: Any) -> Delivery:
    account = world.accounts.get(follower.appid)
    push = pushes.event(
        account.appid, account.original_id, follower.openid, follower.citizen, name, **fields
    )
    return world.callbacks.deliver(push)


def _note(world: World, follower: Follower, text: str) -> None:
    world.chats.add(
        follower.citizen,
        follower.appid,
        side="system",
        kind="note",
        via="note",
        body={"text": text},
    )
