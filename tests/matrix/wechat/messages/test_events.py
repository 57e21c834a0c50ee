"""Events of every kind become the value they stand for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from matrix.wechat import messages
from matrix.wechat.messages import parse
from tests.matrix.wechat._payloads import ACCOUNT, CITIZEN, PLATFORM, at, event, payload

MD5_1, MD5_2, MD5_3 = "1" * 32, "2" * 32, "3" * 32
RENEWAL = datetime(2027, 3, 10, 1, 30, tzinfo=UTC)
REFUSED_AT = datetime(2026, 3, 9, 23, 46, 40, tzinfo=UTC)


def link(position: int, name: str) -> messages.ArticleLink:
    return messages.ArticleLink(position=position, url=f"https://mp.weixin.qq.com/s/{name}")


# file, class, own fields
EVENTS: list[tuple[str, type[messages.Event], dict[str, Any]]] = [
    ("subscribe", messages.Followed, {}),
    (
        "subscribe_scene",
        messages.Followed,
        {"scene": "hall:2:window:5", "ticket": "gQinvented-ticket"},
    ),
    ("unsubscribe", messages.Unfollowed, {}),
    ("scan", messages.Scanned, {"scene": "hall:2:window:5", "ticket": "gQinvented-ticket"}),
    (
        "location",
        messages.LocationReported,
        {"latitude": 34.5662, "longitude": 110.0923, "precision": 65.0},
    ),
    ("click", messages.MenuClicked, {"key": "MENU_QUEUE"}),
    (
        "view",
        messages.MenuLinkOpened,
        {"key": "https://hall.example/h5/guides", "menu_id": "430011"},
    ),
    (
        "view_miniprogram",
        messages.MenuMiniProgramOpened,
        {"key": "pages/index/index", "menu_id": "430011"},
    ),
    (
        "scancode_push",
        messages.MenuQrCodeScanned,
        {"key": "MENU_SCAN", "code_kind": "qrcode", "code": "TICKET:B0042"},
    ),
    (
        "scancode_waitmsg",
        messages.MenuQrCodeSubmitted,
        {"key": "MENU_SCAN_WAIT", "code_kind": "qrcode", "code": "TICKET:B0042"},
    ),
    (
        "pic_sysphoto",
        messages.MenuPicturesChosen,
        {
            "key": "MENU_REPORT",
            "source": messages.PictureSource.CAMERA,
            "count": 1,
            "digests": (MD5_1,),
        },
    ),
    (
        "pic_photo_or_album",
        messages.MenuPicturesChosen,
        {
            "key": "MENU_REPORT",
            "source": messages.PictureSource.CAMERA_OR_ALBUM,
            "count": 2,
            "digests": (MD5_1, MD5_2),
        },
    ),
    (
        "pic_weixin",
        messages.MenuPicturesChosen,
        {
            "key": "MENU_REPORT",
            "source": messages.PictureSource.ALBUM,
            "count": 1,
            "digests": (MD5_3,),
        },
    ),
    (
        "location_select",
        messages.MenuLocationChosen,
        {
            "key": "MENU_NEAREST",
            "latitude": 34.57,
            "longitude": 110.09,
            "scale": 16,
            "label": "太华路",
        },
    ),
    (
        "templatesendjobfinish_arrived",
        messages.TemplateFinished,
        {
            "job_id": "3600000000000000077",
            "delivery": messages.TemplateDelivery.DELIVERED,
            "status": "success",
        },
    ),
    (
        "templatesendjobfinish_blocked",
        messages.TemplateFinished,
        {
            "job_id": "3600000000000000077",
            "delivery": messages.TemplateDelivery.BLOCKED,
            "status": "failed:user block",
        },
    ),
    (
        "templatesendjobfinish_failed",
        messages.TemplateFinished,
        {
            "job_id": "3600000000000000077",
            "delivery": messages.TemplateDelivery.FAILED,
            "status": "failed: system failed",
        },
    ),
    (
        "masssendjobfinish",
        messages.MassSendFinished,
        {
            "openid": "mphelper",
            "job_id": "1000004242",
            "result": messages.MassSendResult.SENT,
            "status": "send success",
            "total": 900,
            "filtered": 880,
            "sent": 878,
            "failed": 2,
            "check_state": 2,
            "checks": (
                messages.OriginalityCheck(
                    position=1,
                    declared=0,
                    audit=11,
                    original_url="https://mp.weixin.qq.com/s/invented-original",
                    original_kind=1,
                    may_reprint=True,
                    content_replaced=True,
                    source_shown=False,
                ),
                messages.OriginalityCheck(
                    position=2,
                    declared=1,
                    audit=0,
                    original_url="",
                    original_kind=0,
                    may_reprint=False,
                    content_replaced=False,
                    source_shown=False,
                ),
            ),
            "links": (link(1, "invented-1"), link(2, "invented-2")),
        },
    ),
    (
        "masssendjobfinish_refused",
        messages.MassSendFinished,
        {
            "openid": "mphelper",
            "job_id": "1000004243",
            "result": messages.MassSendResult.REFUSED,
            "status": "err(30003)",
            "refusal": 30003,
        },
    ),
    (
        "publishjobfinish",
        messages.PublishFinished,
        {
            "job_id": "2247480001",
            "code": 0,
            "state": messages.PublishState.PUBLISHED,
            "article_id": "invented-article-id",
            "links": (link(1, "invented-3"),),
        },
    ),
    (
        "publishjobfinish_refused",
        messages.PublishFinished,
        {
            "job_id": "2247480002",
            "code": 4,
            "state": messages.PublishState.REVIEW_REFUSED,
            "failed": (1, 3),
        },
    ),
    (
        "subscribe_msg_popup_event",
        messages.NoticesChosen,
        {
            "choices": (
                messages.NoticeChoice(template_id="TPL_BOOKED", accepted=True, prompted_in="page"),
                messages.NoticeChoice(
                    template_id="TPL_CALLED", accepted=False, prompted_in="article"
                ),
            )
        },
    ),
    (
        "subscribe_msg_change_event",
        messages.NoticesSwitchedOff,
        {"choices": (messages.NoticeChoice(template_id="TPL_BOOKED", accepted=False),)},
    ),
    (
        "subscribe_msg_sent_event",
        messages.NoticesSent,
        {
            "results": (
                messages.NoticeResult(
                    template_id="TPL_BOOKED",
                    notice_id="1864000000000000001",
                    return_code=0,
                    status="success",
                ),
            )
        },
    ),
    ("kf_create_session", messages.AgentSessionOpened, {"agent": "window1@huayin"}),
    ("kf_close_session", messages.AgentSessionClosed, {"agent": "window1@huayin"}),
    (
        "kf_switch_session",
        messages.AgentSessionMoved,
        {"from_agent": "window1@huayin", "to_agent": "window2@huayin"},
    ),
    ("qualification_verify_success", messages.QualificationVerified, {"expires_at": RENEWAL}),
    ("naming_verify_success", messages.NameVerified, {"expires_at": RENEWAL}),
    ("annual_renew", messages.RenewalDue, {"expires_at": RENEWAL}),
    ("verify_expired", messages.VerificationExpired, {"expires_at": RENEWAL}),
    (
        "qualification_verify_fail",
        messages.QualificationFailed,
        {"failed_at": REFUSED_AT, "reason": "材料不清晰"},
    ),
    (
        "naming_verify_fail",
        messages.NameVerificationFailed,
        {"failed_at": REFUSED_AT, "reason": "材料不清晰"},
    ),
    ("user_info_modified", messages.ConsentChanged, {"openid": PLATFORM, "person": CITIZEN}),
    (
        "user_authorization_revoke",
        messages.ConsentRevoked,
        {
            "openid": PLATFORM,
            "person": CITIZEN,
            "union_id": "oUnionInvented01",
            "scopes": ("address", "profile"),
        },
    ),
    (
        "user_authorization_cancellation",
        messages.WeChatAccountClosed,
        {"openid": PLATFORM, "person": CITIZEN},
    ),
]


@pytest.mark.parametrize(("name", "kind", "fields"), EVENTS)
def test_an_event_becomes_its_value(
    name: str, kind: type[messages.Event], fields: dict[str, Any]
) -> None:
    told = parse(payload(f"event_{name}"))

    assert told == kind(
        **{"to": ACCOUNT, "openid": CITIZEN, "sent_at": told.sent_at, "message_id": None} | fields
    )
    assert at(100) < told.sent_at < at(200)


@pytest.mark.parametrize(
    ("status", "result", "refusal"),
    [
        ("sendsuccess", messages.MassSendResult.SENT, None),
        ("send_success", messages.MassSendResult.SENT, None),
        ("send fail", messages.MassSendResult.FAILED, None),
        ("err(10001)", messages.MassSendResult.REFUSED, 10001),
        ("err( 20004 )", messages.MassSendResult.REFUSED, 20004),
        ("whatever", messages.MassSendResult.FAILED, None),
    ],
)
def test_endings_of_a_mass_send_are_read_in_every_spelling(
    status: str, result: messages.MassSendResult, refusal: int | None
) -> None:
    told = parse(event("masssendjobfinish", f"<MsgID>7</MsgID><Status>{status}</Status>"))

    assert (told.result, told.refusal) == (result, refusal)


def test_an_event_is_known_by_its_name_in_any_case() -> None:
    assert isinstance(parse(event("SUBSCRIBE")), messages.Followed)
    assert isinstance(parse(event("click", "<EventKey>A</EventKey>")), messages.MenuClicked)


def test_the_old_tag_of_a_switched_off_notice_is_read_too() -> None:
    told = parse(
        event(
            "subscribe_msg_change_event",
            "<SubscribeMsgPopupEvent><List><TemplateId>T</TemplateId>"
            "<SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgPopupEvent>",
        )
    )

    assert told.choices == (messages.NoticeChoice(template_id="T", accepted=False),)


def test_following_after_a_payment_has_no_scene() -> None:
    assert parse(event("subscribe", "<EventKey>last_trade_no_42</EventKey>")).scene is None
