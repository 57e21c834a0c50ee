"""What the gateway asks, a platform with rules of its own understands and answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config import settings
from matrix.wechat import gateway, replies
from matrix.wechat.errors import NotAuthorised, QuotaUsed, Refused, Unconfirmed
from matrix.wechat.gateway import Button, ButtonKind, MediaKind
from tests.fixtures import NOW
from tests.matrix.wechat.conftest import APPID, CREDENTIALS, WeChat
from tests.matrix.wechat.scripted import Script

PNG = gateway.File(b"\x89PNG-invented", "image/png", "png")
JPG = gateway.File(b"\xff\xd8-invented", "image/jpeg", "jpg")
AMR = gateway.File(b"#!AMR-invented", "audio/amr", "amr")
MP4 = gateway.File(b"ftyp-invented", "video/mp4", "mp4")


def uploaded(wechat: WeChat, kind: MediaKind, file: gateway.File) -> str:
    return gateway.upload_media(wechat.account, kind, file, now=NOW).media_id


def heard(wechat: WeChat, citizen: str) -> tuple[str, dict[str, Any]]:
    """Kind and content of the last thing on the citizen's phone."""
    last = wechat.world.chats.last(citizen, APPID)
    assert last
    assert last.via == "custom"
    return last.kind, last.body


def test_messages_of_every_kind_arrive(wechat: WeChat) -> None:
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
    article = replies.Article("题", "说", "https://hall.example/1", "https://hall.example/1.jpg")
    wechat.world.limits.change({"message_count": 20})
    sent: list[tuple[gateway.Message, str, dict[str, Any]]] = [
        (replies.Text("您好"), "text", {"text": "您好"}),
        (replies.Image(image), "image", {"media_id": image}),
        (replies.Voice(voice), "voice", {"media_id": voice}),
        (
            replies.Video(video, "片", "说明", thumb),
            "video",
            {"media_id": video, "title": "片", "description": "说明"},
        ),
        (
            replies.Music(thumb, "https://a.example/1", title="曲"),
            "music",
            {"title": "曲", "url": "https://a.example/1", "hq_url": "https://a.example/1"},
        ),
        (replies.News((article, article)), "news", {}),
        (
            gateway.OptionMenu(
                (gateway.Option("r1", "补领"), gateway.Option("r2", "换领")), "选", "完"
            ),
            "msgmenu",
            {},
        ),
        (gateway.MiniProgramPage("题", "wx1", "pages/a", thumb), "miniprogrampage", {}),
    ]
    for message, kind, shown in sent:
        gateway.send(wechat.account, follower.openid, message)
        last_kind, body = heard(wechat, follower.citizen)
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
    script: Script, message: gateway.Message, kind: str, content: dict[str, str]
) -> None:
    script.answer("/cgi-bin/message/custom/send", {"errcode": 0})

    gateway.send(CREDENTIALS, "o1", message)

    assert json.loads(script.calls("/cgi-bin/message/custom/send")[0].body) == {
        "touser": "o1",
        "msgtype": kind,
        kind: content,
    }


def test_a_message_may_come_from_an_agent(wechat: WeChat) -> None:
    follower = wechat.follower()

    gateway.send(wechat.account, follower.openid, replies.Text("好"), agent="w1@huayin")

    assert heard(wechat, follower.citizen)[1]["agent"] == "w1@huayin"


def test_outside_its_window_a_message_is_refused(wechat: WeChat) -> None:
    follower = wechat.follower()
    wechat.world.windows.close(APPID, follower.openid)

    with pytest.raises(Refused) as refusal:
        gateway.send(wechat.account, follower.openid, replies.Text("好"))

    assert refusal.value.errcode == 45015
    assert refusal.value.is_about_recipient
    assert refusal.value.rid


def test_beyond_its_count_a_message_is_refused(wechat: WeChat) -> None:
    follower = wechat.follower()
    for _ in range(5):
        gateway.send(wechat.account, follower.openid, replies.Text("好"))

    with pytest.raises(Refused) as refusal:
        gateway.send(wechat.account, follower.openid, replies.Text("好"))

    assert refusal.value.errcode == 45047


def test_a_message_accepted_without_an_answer_is_not_sent_twice(
    wechat: WeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = wechat.follower()
    gateway.user(wechat.account, follower.openid)  # a token, before WeChat gets slow
    wechat.world.faults.add({"kind": "timeout_after_accepting", "seconds": 1.0, "count": 1})
    monkeypatch.setenv("WECHAT_READ_TIMEOUT", "0.3")
    settings.forget()

    with pytest.raises(Unconfirmed):
        gateway.send(wechat.account, follower.openid, replies.Text("好"))

    said = [one for one in wechat.world.chats.of(follower.citizen, APPID) if one.via == "custom"]
    assert len(said) == 1


def test_typing_is_shown_and_twice_is_no_fault(wechat: WeChat) -> None:
    follower = wechat.follower()

    gateway.show_typing(wechat.account, follower.openid)
    gateway.show_typing(wechat.account, follower.openid)
    assert wechat.world.windows.is_typing(APPID, follower.openid)

    gateway.hide_typing(wechat.account, follower.openid)
    assert not wechat.world.windows.is_typing(APPID, follower.openid)


def test_a_notice_sent_twice_within_ten_minutes_arrives_once(wechat: WeChat) -> None:
    follower = wechat.follower()
    template = wechat.world.notices.of(APPID, notices=False)[0]
    notice = gateway.Notice(
        template.id,
        {"thing1": "居住证", "time2": "2026年3月11日 09:00", "thing3": "政务大厅"},
        key="booking-17",
        url="https://hall.example/b/17",
        mini_program=gateway.MiniProgramTarget("wx1", "pages/b"),
    )

    first = gateway.send_notice(wechat.account, follower.openid, notice)
    again = gateway.send_notice(wechat.account, follower.openid, notice)

    assert first == again
    shown = [one for one in wechat.world.chats.of(follower.citizen, APPID) if one.via == "template"]
    assert len(shown) == 1


def test_a_notice_with_wrong_values_is_refused(wechat: WeChat) -> None:
    follower = wechat.follower()
    template = wechat.world.notices.of(APPID, notices=False)[0]

    with pytest.raises(Refused) as refusal:
        gateway.send_notice(wechat.account, follower.openid, gateway.Notice(template.id, {}, "k"))

    assert refusal.value.errcode == 47003
    assert "thing1" in str(refusal.value.facts["errmsg"])


def test_a_file_comes_back_as_it_went(wechat: WeChat) -> None:
    media = gateway.upload_media(wechat.account, MediaKind.IMAGE, PNG, now=NOW)

    assert gateway.download_media(wechat.account, media.media_id) == gateway.Download(
        PNG.content, "image/png"
    )
    assert timedelta(days=2, hours=23) < media.expires_at - datetime.now(UTC) < timedelta(days=4)


def test_a_film_comes_back_as_a_link(wechat: WeChat) -> None:
    media_id = uploaded(wechat, MediaKind.VIDEO, MP4)

    found = gateway.download_media(wechat.account, media_id)

    assert isinstance(found, gateway.VideoLink)
    assert found.url.startswith("http")


def test_a_file_that_is_not_there_is_an_error_and_no_file(wechat: WeChat) -> None:
    with pytest.raises(Refused) as refusal:
        gateway.download_media(wechat.account, "nothing")

    assert refusal.value.errcode == 40007


def test_a_file_of_a_wrong_kind_is_refused(wechat: WeChat) -> None:
    with pytest.raises(Refused):
        gateway.upload_media(wechat.account, MediaKind.VOICE, PNG, now=NOW)
    with pytest.raises(ValueError, match="ending"):
        gateway.File(b"", "image/png", "图")


def test_a_permanent_picture_has_an_id_and_an_address(wechat: WeChat) -> None:
    image = gateway.add_image(wechat.account, PNG)

    assert image.url.startswith("http")
    assert [one.id for one in wechat.world.media.permanent(APPID)] == [image.media_id]


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


def test_a_menu_is_what_was_made(wechat: WeChat) -> None:
    assert gateway.menu(wechat.account) is None

    gateway.create_menu(wechat.account, MENU)

    assert gateway.menu(wechat.account) == gateway.MenuState(MENU)
    assert gateway.console_menu(wechat.account) == gateway.ConsoleMenu(True, MENU)

    gateway.delete_menu(wechat.account)
    assert gateway.menu(wechat.account) is None


def test_a_conditional_menu_is_for_some(wechat: WeChat) -> None:
    follower = wechat.follower()
    special = (Button(name="专用", kind=ButtonKind.ASK, value="SPECIAL"),)
    gateway.create_menu(wechat.account, MENU)

    menu_id = gateway.add_conditional_menu(wechat.account, special, gateway.Audience(platform=2))

    state = gateway.menu(wechat.account)
    assert state
    assert state.conditional == (
        gateway.ConditionalMenu(menu_id, special, gateway.Audience(platform=2)),
    )
    assert gateway.menu_seen_by(wechat.account, follower.openid) == special

    gateway.delete_conditional_menu(wechat.account, menu_id)
    assert gateway.menu_seen_by(wechat.account, follower.openid) == MENU


def test_a_wrong_menu_is_refused(wechat: WeChat) -> None:
    with pytest.raises(Refused) as refusal:
        gateway.create_menu(wechat.account, [replace(MENU[0], name="很长" * 20)])
    assert refusal.value.errcode == 40018
    with pytest.raises(ValueError, match="console"):
        gateway.create_menu(wechat.account, [Button(name="图", kind=ButtonKind.PICTURE)])


@pytest.mark.parametrize("scene", [17, "hall:2:window:5"])
def test_codes_carry_their_scene(wechat: WeChat, scene: int | str) -> None:
    code = gateway.temporary_qrcode(wechat.account, scene, life=timedelta(days=40), now=NOW)
    lasting = gateway.permanent_qrcode(wechat.account, scene)

    assert code.expires_at == NOW + timedelta(days=30)
    assert lasting.expires_at is None
    for one in (code, lasting):
        found = wechat.world.qrcodes.find(one.ticket)
        assert found
        assert found.scene == str(scene)
        assert one.ticket not in one.image_url or "+" not in one.ticket


@pytest.mark.parametrize("scene", [0, -1, 2**32, "", "s" * 65])
def test_a_scene_that_fits_no_code_is_not_asked_for(wechat: WeChat, scene: int | str) -> None:
    with pytest.raises(ValueError, match="scene"):
        gateway.temporary_qrcode(wechat.account, scene, life=timedelta(hours=1), now=NOW)


def test_followers_are_told_with_what_is_known(wechat: WeChat) -> None:
    one, two = wechat.follower("李一"), wechat.follower("王二")

    profile = gateway.user(wechat.account, one.openid)
    assert (profile.openid, profile.follows) == (one.openid, True)
    assert profile.followed_at
    assert {found.openid for found in gateway.users(wechat.account, [one.openid, two.openid])} == {
        one.openid,
        two.openid,
    }

    page = gateway.followers(wechat.account)
    assert (page.total, set(page.openids)) == (2, {one.openid, two.openid})
    assert gateway.followers(wechat.account, start=page.openids[-1]).next == ""


def test_too_many_or_no_followers_are_not_asked_for(wechat: WeChat) -> None:
    assert gateway.users(wechat.account, []) == ()
    with pytest.raises(ValueError, match="100"):
        gateway.users(wechat.account, ["o"] * 101)
    assert not wechat.calls("/cgi-bin/user/info/batchget")


def test_a_stranger_is_refused(wechat: WeChat) -> None:
    with pytest.raises(Refused) as refusal:
        gateway.user(wechat.account, "o-of-another-account")

    assert refusal.value.errcode == 40003


def test_counters_are_read_used_up_and_cleared(wechat: WeChat) -> None:
    path = "/cgi-bin/user/info"
    follower = wechat.follower()
    wechat.world.quotas.set(APPID, path, daily=2)
    gateway.user(wechat.account, follower.openid)
    assert gateway.quota(wechat.account, path) == gateway.Quota(daily=2, used=1, left=1)
    gateway.user(wechat.account, follower.openid)

    with pytest.raises(QuotaUsed) as refusal:
        gateway.user(wechat.account, follower.openid)
    assert refusal.value.until > datetime.now(UTC)

    gateway.clear_quota(wechat.account)
    assert gateway.user(wechat.account, follower.openid)


def test_the_network_is_checked_and_addresses_are_told(wechat: WeChat) -> None:
    check = gateway.check_network(wechat.account)

    assert check.resolved == ("127.0.0.1",)
    assert check.pings[0].loss == "0%"
    assert gateway.callback_addresses(wechat.account) == ("127.0.0.1",)


def test_an_account_without_the_right_is_told_so(wechat: WeChat) -> None:
    account = wechat.world.accounts.find(APPID)
    assert account
    account.verified = False

    with pytest.raises(NotAuthorised) as refusal:
        gateway.menu_seen_by(wechat.account, "o1")

    assert refusal.value.errcode == 48001
