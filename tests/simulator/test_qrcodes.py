"""QR codes: scenes a citizen scans."""

from typing import Any

import pytest

from tests.simulator.conftest import NEWS, WATER, Hub, Platform


def create(platform: Platform, action: str, scene: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"action_name": action, "action_info": {"scene": scene}, **more}
    return platform.api("qrcode/create", body)


def test_a_stranger_follows_by_a_code_and_a_follower_reports_the_scene(
    platform: Platform, hub: Hub
) -> None:
    code = create(platform, "QR_LIMIT_STR_SCENE", {"scene_str": "hall:03"})
    platform.act("scan", scene=code["ticket"])
    assert hub.seen[-1]["Event"] == "subscribe"
    assert hub.seen[-1]["EventKey"] == "qrscene_hall:03"
    assert hub.seen[-1]["Ticket"] == code["ticket"]
    openid = platform.act("scan", scene=code["url"])["openid"]
    assert (hub.seen[-1]["Event"], hub.seen[-1]["EventKey"]) == ("SCAN", "hall:03")
    known = platform.api("user/info", openid=openid)
    assert (known["subscribe_scene"], known["qr_scene_str"]) == ("ADD_SCENE_QR_CODE", "hall:03")


def test_a_temporary_code_ends(platform: Platform, openid: str) -> None:
    code = create(platform, "QR_SCENE", {"scene_id": 7}, expire_seconds=600)
    assert code["expire_seconds"] == 600
    assert platform.act("scan", scene="7")["status"] == 200
    platform.shift(601)
    ended = platform.act("scan", scene=code["ticket"])
    assert (ended["status"], ended["error"]) == (400, "二维码已过期")


@pytest.mark.parametrize(
    ("action", "scene", "more", "errcode"),
    [
        ("QR_DANCE", {"scene_id": 1}, {}, 40053),
        ("QR_SCENE", {"scene_id": 0}, {}, 40053),
        ("QR_SCENE", {"scene_id": "1"}, {}, 40053),
        ("QR_LIMIT_SCENE", {"scene_id": 100_001}, {}, 40053),
        ("QR_STR_SCENE", {"scene_str": "长" * 65}, {}, 40053),
        ("QR_STR_SCENE", {"scene_str": "s"}, {"expire_seconds": 2_592_001}, 40052),
    ],
)
def test_a_wrong_scene_is_refused(
    platform: Platform, action: str, scene: dict[str, Any], more: dict[str, Any], errcode: int
) -> None:
    assert create(platform, action, scene, **more)["errcode"] == errcode


def test_the_same_permanent_scene_is_the_same_code(platform: Platform) -> None:
    first = create(platform, "QR_LIMIT_SCENE", {"scene_id": 5})
    assert create(platform, "QR_LIMIT_SCENE", {"scene_id": 5}) == first
    assert create(platform, "QR_LIMIT_STR_SCENE", {"scene_str": "5"}) != first


def test_a_ticket_has_a_picture_and_an_invented_one_has_none(platform: Platform) -> None:
    code = create(platform, "QR_LIMIT_SCENE", {"scene_id": 5})
    shown = platform.client.get("/cgi-bin/showqrcode", query_string={"ticket": code["ticket"]})
    assert shown.data.startswith(b"\x89PNG")
    assert platform.client.get("/cgi-bin/showqrcode?ticket=none").status_code == 404


def test_a_code_belongs_to_its_account_and_to_verified_service_accounts(
    platform: Platform,
) -> None:
    code = create(platform, "QR_LIMIT_SCENE", {"scene_id": 5})
    assert platform.act("scan", who=WATER, scene=code["ticket"])["status"] == 400
    assert platform.api("qrcode/create", {}, who=NEWS)["errcode"] == 48001
