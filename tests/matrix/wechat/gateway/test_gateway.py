"""What the gateway asks, a platform with rules of its own understands and answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config import settings
from matrix.wechat import gateway, passive_replies
from matrix.wechat.errors import NotAuthorised, QuotaUsed, Refused, Unconfirmed
from matrix.wechat.gateway import Button, ButtonKind, MediaKind
from tests.helpers import NOW
from tests.matrix.wechat._scripted_server import ScriptedServer
from tests.matrix.wechat.conftest import APPID, CREDENTIALS, SimulatedWeChat

PNG = gateway.MediaFile(b"\x89PNG-invented", "image/png", "png")
JPG = gateway.MediaFile(b"\xff\xd8-invented", "image/jpeg", "jpg")
AMR = gateway.MediaFile(b"#!AMR-invented", "audio/amr", "amr")
MP4 = gateway.MediaFile(b"ftyp-invented", "video/mp4", "mp4")


def uploaded(wechat: SimulatedWeChat, kind: MediaKind, file: gateway.MediaFile) -> str:
    return gateway.upload_media(wechat.account, kind, file, now=NOW).media_id


def received_texts(wechat: SimulatedWeChat, citizen: str) -> tuple[str, dict[str, Any]]:
    """Kind and content of the last thing on the citizen's phone."""
    last = wechat.platform.chats.last(citizen, APPID)
    assert last
    assert last.via == "custom"
    return last.kind, last.body


def test_messages_of_every_kind_arrive(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()
    image, voice, video, thumb = (
        uploaded(wechat, kind, file)
        for kind, file in (
            (MediaKind.IMAGE, PNG),
            (MediaKind.VOICE, AMR),
            (MediaKind.VIDEO, MP4),
            (MediaKind.THUMB, JPG),
        )
    )
    article = passive_replies.Article(
        "题", "说", "https://hall.example/1", "https://hall.example/1.jpg"
    )
    wechat.platform.limits.update({"message_count": 20})
    sent: list[tuple[gateway.Message, str, dict[str, Any]]] = [
        (passive_replies.Text("您好"), "text", {"text": "您好"}),
        (passive_replies.Image(image), "image", {"media_id": image}),
        (passive_replies.Voice(voice), "voice", {"media_id": voice}),
        (
            passive_replies.Video(video, "片", "说明", thumb),
            "video",
            {"media_id": video, "title": "片", "description": "说明"},
        ),
        (
            passive_replies.Music(thumb, "https://a.example/1", title="曲"),
            "music",
            {"title": "曲", "url": "https://a.example/1", "hq_url": "https://a.example/1"},
        ),
        (passive_replies.News((article, article)), "news", {}),
        (
            gateway.OptionMenu(
                (gateway.MenuOption("r1", "补领"), gateway.MenuOption("r2", "换领")), "选", "完"
            ),
            "msgmenu",
            {},
        ),
        (gateway.MiniProgramPage("题", "wx1", "pages/a", thumb), "miniprogrampage", {}),
    ]
    for message, kind, shown in sent:
        gateway.send(wechat.account, follower.openid, message)
        last_kind, body = received_texts(wechat, follower.citizen)
        assert last_kind == kind
        assert shown.items() <= body.items()


@pytest.mark.parametrize(
    ("message", "kind", "content"),
    [
        (gateway.PublishedArticle("article-1"), "mpnewsarticle", {"article_id": "article-1"}),
        (gateway.Coupon("card-1"), "wxcard", {"card_id": "card-1"}),
    ],
)
def test_what_the_simulator_does_not_take_has_its_shape(
    scripted_server: ScriptedServer, message: gateway.Message, kind: str, content: dict[str, str]
) -> None:
    scripted_server.respond("/cgi-bin/message/custom/send", {"errcode": 0})

    gateway.send(CREDENTIALS, "o1", message)

    assert json.loads(scripted_server.calls("/cgi-bin/message/custom/send")[0].body) == {
        "touser": "o1",
        "msgtype": kind,
        kind: content,
    }


def test_a_message_may_come_from_an_agent(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()

    gateway.send(wechat.account, follower.openid, passive_replies.Text("好"), agent="w1@huayin")

    assert received_texts(wechat, follower.citizen)[1]["agent"] == "w1@huayin"


def test_outside_its_window_a_message_is_refused(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()
    wechat.platform.windows.close(APPID, follower.openid)

    with pytest.raises(Refused) as refusal:
        gateway.send(wechat.account, follower.openid, passive_replies.Text("好"))

    assert refusal.value.errcode == 45015
    assert refusal.value.is_about_recipient
    assert refusal.value.rid


def test_beyond_its_count_a_message_is_refused(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()
    for _ in range(5):
        gateway.send(wechat.account, follower.openid, passive_replies.Text("好"))

    with pytest.raises(Refused) as refusal:
        gateway.send(wechat.account, follower.openid, passive_replies.Text("好"))

    assert refusal.value.errcode == 45047


def test_a_message_accepted_without_an_answer_is_not_sent_twice(
    wechat: SimulatedWeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = wechat.follower()
    gateway.get_user(wechat.account, follower.openid)  # a token, before WeChat gets slow
    wechat.platform.faults.add({"kind": "timeout_after_accepting", "seconds": 1.0, "count": 1})
    monkeypatch.setenv("WECHAT_READ_TIMEOUT", "0.3")
    settings.reset()

    with pytest.raises(Unconfirmed):
        gateway.send(wechat.account, follower.openid, passive_replies.Text("好"))

    said = [
        one
        for one in wechat.platform.chats.list_entries(follower.citizen, APPID)
        if one.via == "custom"
    ]
    assert len(said) == 1


def test_typing_is_shown_and_twice_is_no_fault(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()

    gateway.show_typing(wechat.account, follower.openid)
    gateway.show_typing(wechat.account, follower.openid)
    assert wechat.platform.windows.is_typing(APPID, follower.openid)

    gateway.hide_typing(wechat.account, follower.openid)
    assert not wechat.platform.windows.is_typing(APPID, follower.openid)


def test_a_notice_sent_twice_within_ten_minutes_arrives_once(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()
    template = wechat.platform.templates.list_of(APPID, notices=False)[0]
    notice = gateway.TemplateMessage(
        template.id,
        {"thing1": "居住证", "time2": "2026年3月11日 09:00", "thing3": "政务大厅"},
        key="booking-17",
        url="https://hall.example/b/17",
        mini_program=gateway.MiniProgramTarget("wx1", "pages/b"),
    )

    first = gateway.send_template_message(wechat.account, follower.openid, notice)
    again = gateway.send_template_message(wechat.account, follower.openid, notice)

    assert first == again
    shown = [
        one
        for one in wechat.platform.chats.list_entries(follower.citizen, APPID)
        if one.via == "template"
    ]
    assert len(shown) == 1


def test_a_notice_with_wrong_values_is_refused(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()
    template = wechat.platform.templates.list_of(APPID, notices=False)[0]

    with pytest.raises(Refused) as refusal:
        gateway.send_template_message(
            wechat.account, follower.openid, gateway.TemplateMessage(template.id, {}, "k")
        )

    assert refusal.value.errcode == 47003
    assert "thing1" in str(refusal.value.facts["errmsg"])


def test_a_file_comes_back_as_it_went(wechat: SimulatedWeChat) -> None:
    media = gateway.upload_media(wechat.account, MediaKind.IMAGE, PNG, now=NOW)

    assert gateway.download_media(wechat.account, media.media_id) == gateway.Download(
        PNG.content, "image/png"
    )
    assert timedelta(days=2, hours=23) < media.expires_at - datetime.now(UTC) < timedelta(days=4)


def test_a_video_comes_back_as_a_link(wechat: SimulatedWeChat) -> None:
    media_id = uploaded(wechat, MediaKind.VIDEO, MP4)

    found = gateway.download_media(wechat.account, media_id)

    assert isinstance(found, gateway.VideoLink)
    assert found.url.startswith("http")


def test_a_file_that_is_not_there_is_an_error_and_no_file(wechat: SimulatedWeChat) -> None:
    with pytest.raises(Refused) as refusal:
        gateway.download_media(wechat.account, "nothing")

    assert refusal.value.errcode == 40007


def test_a_file_of_a_wrong_kind_is_refused(wechat: SimulatedWeChat) -> None:
    with pytest.raises(Refused):
        gateway.upload_media(wechat.account, MediaKind.VOICE, PNG, now=NOW)
    with pytest.raises(ValueError, match="ending"):
        gateway.MediaFile(b"", "image/png", "图")


def test_a_permanent_picture_has_an_id_and_an_address(wechat: SimulatedWeChat) -> None:
    image = gateway.upload_permanent_image(wechat.account, PNG)

    assert image.url.startswith("http")
    assert [one.id for one in wechat.platform.media.list_permanent(APPID)] == [image.media_id]


MENU = (
    Button(name="查排队", kind=ButtonKind.ASK, value="QUEUE"),
    Button(
        name="办事",
        children=(
            Button(name="指南", kind=ButtonKind.LINK, value="https://hall.example/guides"),
            Button(name="扫码", kind=ButtonKind.SCAN_AND_WAIT, value="SCAN"),
            Button(name="拍照", kind=ButtonKind.CAMERA_OR_ALBUM, value="PHOTO"),
            Button(name="附近", kind=ButtonKind.LOCATION, value="NEAR"),
            Button(
                name="小程序",
                kind=ButtonKind.MINI_PROGRAM,
                value="https://hall.example/m",
                appid="wx1",
                page="pages/a",
            ),
        ),
    ),
)


def test_a_menu_is_what_was_made(wechat: SimulatedWeChat) -> None:
    assert gateway.find_menu(wechat.account) is None

    gateway.create_menu(wechat.account, MENU)

    assert gateway.find_menu(wechat.account) == gateway.MenuSet(MENU)
    assert gateway.get_current_menu(wechat.account) == gateway.CurrentMenu(True, MENU)

    gateway.delete_menu(wechat.account)
    assert gateway.find_menu(wechat.account) is None


def test_a_conditional_menu_is_for_some(wechat: SimulatedWeChat) -> None:
    follower = wechat.follower()
    special = (Button(name="专用", kind=ButtonKind.ASK, value="SPECIAL"),)
    gateway.create_menu(wechat.account, MENU)

    menu_id = gateway.add_conditional_menu(wechat.account, special, gateway.Audience(platform=2))

    state = gateway.find_menu(wechat.account)
    assert state
    assert state.conditional == (
        gateway.ConditionalMenu(menu_id, special, gateway.Audience(platform=2)),
    )
    assert gateway.preview_menu(wechat.account, follower.openid) == special

    gateway.delete_conditional_menu(wechat.account, menu_id)
    assert gateway.preview_menu(wechat.account, follower.openid) == MENU


def test_a_wrong_menu_is_refused(wechat: SimulatedWeChat) -> None:
    with pytest.raises(Refused) as refusal:
        gateway.create_menu(wechat.account, [replace(MENU[0], name="很长" * 20)])
    assert refusal.value.errcode == 40018
    with pytest.raises(ValueError, match="console"):
        gateway.create_menu(wechat.account, [Button(name="图", kind=ButtonKind.PICTURE)])


@pytest.mark.parametrize("scene", [17, "hall:2:window:5"])
def test_codes_carry_their_scene(wechat: SimulatedWeChat, scene: int | str) -> None:
    code = gateway.create_temporary_qrcode(wechat.account, scene, life=timedelta(days=40), now=NOW)
    lasting = gateway.create_permanent_qrcode(wechat.account, scene)

    assert code.expires_at == NOW + timedelta(days=30)
    assert lasting.expires_at is None
    for one in (code, lasting):
        found = wechat.platform.qrcodes.find(one.ticket)
        assert found
        assert found.scene == str(scene)
        assert one.ticket not in one.image_url or "+" not in one.ticket


@pytest.mark.parametrize("scene", [0, -1, 2**32, "", "s" * 65])
def test_a_scene_that_fits_no_code_is_not_asked_for(
    wechat: SimulatedWeChat, scene: int | str
) -> None:
    with pytest.raises(ValueError, match="scene"):
        gateway.create_temporary_qrcode(wechat.account, scene, life=timedelta(hours=1), now=NOW)


def test_followers_are_told_with_what_is_known(wechat: SimulatedWeChat) -> None:
    one, two = wechat.follower("李一"), wechat.follower("王二")

    profile = gateway.get_user(wechat.account, one.openid)
    assert (profile.openid, profile.follows) == (one.openid, True)
    assert profile.followed_at
    assert {
        found.openid for found in gateway.get_users(wechat.account, [one.openid, two.openid])
    } == {
        one.openid,
        two.openid,
    }

    page = gateway.list_followers(wechat.account)
    assert (page.total, set(page.openids)) == (2, {one.openid, two.openid})
    assert gateway.list_followers(wechat.account, start=page.openids[-1]).next == ""


def test_too_many_or_no_followers_are_not_asked_for(wechat: SimulatedWeChat) -> None:
    assert gateway.get_users(wechat.account, []) == ()
    with pytest.raises(ValueError, match="100"):
        gateway.get_users(wechat.account, ["o"] * 101)
    assert not wechat.calls("/cgi-bin/user/info/batchget")


def test_an_unknown_openid_is_refused(wechat: SimulatedWeChat) -> None:
    with pytest.raises(Refused) as refusal:
        gateway.get_user(wechat.account, "o-of-another-account")

    assert refusal.value.errcode == 40003


def test_counters_are_read_used_up_and_cleared(wechat: SimulatedWeChat) -> None:
    path = "/cgi-bin/user/info"
    follower = wechat.follower()
    wechat.platform.quotas.set_limit(APPID, path, daily=2)
    gateway.get_user(wechat.account, follower.openid)
    assert gateway.get_quota(wechat.account, path) == gateway.Quota(daily=2, used=1, left=1)
    gateway.get_user(wechat.account, follower.openid)

    with pytest.raises(QuotaUsed) as refusal:
        gateway.get_user(wechat.account, follower.openid)
    assert refusal.value.until > datetime.now(UTC)

    gateway.clear_quota(wechat.account)
    assert gateway.get_user(wechat.account, follower.openid)


def test_the_network_is_checked_and_addresses_are_told(wechat: SimulatedWeChat) -> None:
    check = gateway.check_network(wechat.account)

    assert check.resolved == ("127.0.0.1",)
    assert check.pings[0].loss == "0%"
    assert gateway.list_callback_addresses(wechat.account) == ("127.0.0.1",)


def test_an_account_without_the_right_is_told_so(wechat: SimulatedWeChat) -> None:
    account = wechat.platform.accounts.find(APPID)
    assert account
    account.verified = False

    with pytest.raises(NotAuthorised) as refusal:
        gateway.preview_menu(wechat.account, "o1")

    assert refusal.value.errcode == 48001
