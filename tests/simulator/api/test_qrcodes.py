"""QR codes: scenes a citizen scans."""

from typing import Any

import pytest

from tests.simulator.conftest import NEWS, WATER, AccountServer, SimulatorClient


def create(
    wechat: SimulatorClient, action: str, scene: dict[str, Any], **more: Any
) -> dict[str, Any]:
    body = {"action_name": action, "action_info": {"scene": scene}, **more}
    return wechat.api("qrcode/create", body)


def test_a_citizen_follows_by_a_qr_code_and_a_follower_reports_the_scene(
    wechat: SimulatorClient, account_server: AccountServer
) -> None:
    code = create(wechat, "QR_LIMIT_STR_SCENE", {"scene_str": "hall:03"})
    wechat.act("scan", scene=code["ticket"])
    assert account_server.seen[-1]["Event"] == "subscribe"
    assert account_server.seen[-1]["EventKey"] == "qrscene_hall:03"
    assert account_server.seen[-1]["Ticket"] == code["ticket"]
    openid = wechat.act("scan", scene=code["url"])["openid"]
    assert (account_server.seen[-1]["Event"], account_server.seen[-1]["EventKey"]) == (
        "SCAN",
        "hall:03",
    )
    known = wechat.api("user/info", openid=openid)
    assert (known["subscribe_scene"], known["qr_scene_str"]) == ("ADD_SCENE_QR_CODE", "hall:03")


def test_a_temporary_qr_code_expires(wechat: SimulatorClient, openid: str) -> None:
    code = create(wechat, "QR_SCENE", {"scene_id": 7}, expire_seconds=600)
    assert code["expire_seconds"] == 600
    assert wechat.act("scan", scene="7")["status"] == 200
    wechat.shift(601)
    ended = wechat.act("scan", scene=code["ticket"])
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
    wechat: SimulatorClient, action: str, scene: dict[str, Any], more: dict[str, Any], errcode: int
) -> None:
    assert create(wechat, action, scene, **more)["errcode"] == errcode


def test_the_same_permanent_scene_is_the_same_qr_code(wechat: SimulatorClient) -> None:
    first = create(wechat, "QR_LIMIT_SCENE", {"scene_id": 5})
    assert create(wechat, "QR_LIMIT_SCENE", {"scene_id": 5}) == first
    assert create(wechat, "QR_LIMIT_STR_SCENE", {"scene_str": "5"}) != first


def test_a_ticket_has_a_picture_and_an_invented_one_has_none(wechat: SimulatorClient) -> None:
    code = create(wechat, "QR_LIMIT_SCENE", {"scene_id": 5})
    shown = wechat.client.get("/cgi-bin/showqrcode", query_string={"ticket": code["ticket"]})
    assert shown.data.startswith(b"\x89PNG")
    assert wechat.client.get("/cgi-bin/showqrcode?ticket=none").status_code == 404


def test_a_qr_code_belongs_to_its_account_and_to_verified_service_accounts(
    wechat: SimulatorClient,
) -> None:
    code = create(wechat, "QR_LIMIT_SCENE", {"scene_id": 5})
    assert wechat.act("scan", who=WATER, scene=code["ticket"])["status"] == 400
    assert wechat.api("qrcode/create", {}, who=NEWS)["errcode"] == 48001
