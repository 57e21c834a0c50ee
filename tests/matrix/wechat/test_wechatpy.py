"""wechatpy's cipher, parser and replies, and ours, understand each other both ways."""

from collections.abc import Callable
from typing import Any

import pytest
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
from wechatpy.messages import UnknownMessage
from wechatpy.replies import (
    ArticlesReply,
    ImageReply,
    MusicReply,
    TextReply,
    TransferCustomerServiceReply,
    VideoReply,
    VoiceReply,
    deserialize_reply,
)
from wechatpy.utils import WeChatSigner, check_signature

from matrix.wechat import passive_replies
from matrix.wechat.envelope import CallbackRejected, EncryptionMode
from matrix.wechat.messages import parse, parse_xml
from tests.helpers import NOW
from tests.matrix.wechat._callback_requests import (
    APPID,
    KEY,
    OLD_KEY,
    TOKEN,
    CallbackRequest,
    accept,
    encrypted_request,
    envelope,
    plain_request,
)
from tests.matrix.wechat._payloads import ACCOUNT, CITIZEN, PAYLOADS, payload, text

TIMESTAMP, NONCE = str(int(NOW.timestamp())), "n0nce"
NAMES = sorted(file.stem for file in PAYLOADS.glob("*.xml"))
SAID = ["你好", "身份证丢了咋办", "x", "]] >&amp;", "👨‍👩‍👧", "长" * 600, "a" * 26, "b" * 7]


def theirs(*, token: str = TOKEN, key: str = KEY, appid: str = APPID) -> Any:
    return WeChatCrypto(token, key, appid)


def posted(push: bytes, crypto: Any) -> CallbackRequest:
    """A push that wechatpy sealed and signed, as it is posted to us."""
    body = crypto.encrypt_message(push.decode(), NONCE, TIMESTAMP)
    signer = WeChatSigner()
    signer.add_data(TOKEN, TIMESTAMP, NONCE)
    return CallbackRequest(
        (
            ("signature", signer.signature),
            ("timestamp", TIMESTAMP),
            ("nonce", NONCE),
            ("encrypt_type", "aes"),
            ("msg_signature", str(parse_xml(body.encode())["MsgSignature"])),
        ),
        body.encode(),
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_wechatpy_seals_we_open(name: str) -> None:
    letter = posted(payload(name), theirs())

    opened = accept(envelope(), letter.query, letter.body)

    assert opened.inbound == parse(payload(name))
    assert opened.is_encrypted


@pytest.mark.parametrize("said", SAID, ids=len)
def test_texts_of_every_length_come_through_both_ways(said: str) -> None:
    push = text(f"<![CDATA[{said}]]>")
    letter, ours = posted(push, theirs()), encrypted_request(push)

    inbound = accept(envelope(), letter.query, letter.body).inbound

    assert getattr(inbound, "content", None) == said
    assert parse_message(_opened_by_wechatpy(ours)).content == said


@pytest.mark.parametrize(
    "other", [{"token": "AnotherToken"}, {"key": OLD_KEY}, {"appid": "wx00000000000000bb"}]
)
def test_what_wechatpy_seals_for_others_we_refuse(other: dict[str, str]) -> None:
    letter = posted(text("x"), theirs(**other))

    with pytest.raises(CallbackRejected):
        accept(envelope(), letter.query, letter.body)


def _opened_by_wechatpy(letter: CallbackRequest, **other: str) -> str:
    query = dict(letter.parameters)
    xml: str = theirs(**other).decrypt_message(
        letter.body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    return xml


@pytest.mark.parametrize("name", NAMES)
def test_what_we_seal_wechatpy_opens(name: str) -> None:
    assert _opened_by_wechatpy(encrypted_request(payload(name))).encode() == payload(name)


def test_what_we_seal_for_others_wechatpy_refuses() -> None:
    letter = encrypted_request(text("x"))

    with pytest.raises(InvalidSignatureException):
        _opened_by_wechatpy(letter, token="AnotherToken")
    with pytest.raises(InvalidAppIdException):
        _opened_by_wechatpy(letter, appid="wx00000000000000bb")


def test_a_plain_push_has_the_signature_wechatpy_computes() -> None:
    query = dict(plain_request().parameters)

    check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
    with pytest.raises(InvalidSignatureException):
        check_signature("AnotherToken", query["signature"], query["timestamp"], query["nonce"])


ARTICLE = passive_replies.Article(
    "题", "说明", "https://hall.example/1", "https://hall.example/1.jpg"
)
ANSWERS: list[tuple[passive_replies.Reply, Any]] = [
    (passive_replies.Text('好 <a href="https://hall.example">办事</a>'), TextReply),
    (passive_replies.Image("m1"), ImageReply),
    (passive_replies.Voice("m2"), VoiceReply),
    (passive_replies.Video("m3", "片", "说明"), VideoReply),
    (
        passive_replies.Music("m4", "https://a.example/1", "https://a.example/2", "曲", "说"),
        MusicReply,
    ),
    (passive_replies.News((ARTICLE,)), ArticlesReply),
    (passive_replies.News((ARTICLE, ARTICLE)), ArticlesReply),
    (passive_replies.Transfer(), TransferCustomerServiceReply),
]


def _as_wechatpy(reply: passive_replies.Reply, kind: Any) -> Any:
    """The same reply, written by wechatpy."""
    answer = kind(source=ACCOUNT, target=CITIZEN, time=int(NOW.timestamp()))
    match reply:
        case passive_replies.Text():
            answer.content = reply.content
        case passive_replies.Image() | passive_replies.Voice():
            answer.media_id = reply.media_id
        case passive_replies.Video():
            answer.media_id, answer.title = reply.media_id, reply.title
            answer.description = reply.description
        case passive_replies.Music():
            answer.thumb_media_id, answer.title = reply.thumb_media_id, reply.title
            answer.description = reply.description
            answer.music_url, answer.hq_music_url = reply.url, reply.hq_url
        case passive_replies.News():
            for one in reply.articles:
                answer.add_article(
                    {
                        "title": one.title,
                        "description": one.description,
                        "image": one.picture_url,
                        "url": one.url,
                    }
                )
    return answer


@pytest.mark.parametrize(("reply", "kind"), ANSWERS, ids=lambda one: type(one).__name__)
def test_a_reply_of_ours_holds_what_wechatpys_holds(
    reply: passive_replies.Reply, kind: Any
) -> None:
    ours = passive_replies.render(reply, openid=CITIZEN, original_id=ACCOUNT, created_at=NOW)

    assert parse_xml(ours.encode()) == parse_xml(_as_wechatpy(reply, kind).render().encode())


# wechatpy cannot read back its own news of one article: it takes the one for a list
READABLE = [one for one in ANSWERS if one[0] != passive_replies.News((ARTICLE,))]


@pytest.mark.parametrize(("reply", "kind"), READABLE, ids=lambda one: type(one).__name__)
def test_a_reply_we_seal_wechatpy_opens_and_understands(
    reply: passive_replies.Reply, kind: Any
) -> None:
    ours = passive_replies.render(reply, openid=CITIZEN, original_id=ACCOUNT, created_at=NOW)
    own, letter = envelope(EncryptionMode.SAFE), encrypted_request()
    opened = accept(own, letter.query, letter.body)

    answer = own.seal(ours, opened, now=NOW, nonce="our0wn")

    outer = parse_xml(answer.encode())
    message = theirs().decrypt_message(
        answer, str(outer["MsgSignature"]), str(outer["TimeStamp"]), str(outer["Nonce"])
    )
    assert message == ours
    understood = deserialize_reply(message)
    assert isinstance(understood, kind)
    assert (understood.source, understood.target) == (ACCOUNT, CITIZEN)


# Our field, and wechatpy's attribute or what to do with its message.
Shared = dict[str, str | Callable[[Any], object]]

_MEDIA: Shared = {"media_id": "media_id", "thumb_media_id": "thumb_media_id"}
_SCENE: Shared = {"scene": "scene_id", "ticket": "ticket"}
_CODE: Shared = {"key": "key", "code_content": "scan_result"}
_PICTURES: Shared = {"key": "key", "count": "count"}
_UNTIL: Shared = {"expires_at": "expired_time"}
_FAILED: Shared = {"failed_at": "fail_time", "reason": "fail_reason"}
_MASS: Shared = {
    "job_id": lambda told: str(told.id),
    "status": "status",
    "total": "total_count",
    "filtered": "filter_count",
    "sent": "sent_count",
    "failed": "error_count",
}
_TEMPLATE: Shared = {"job_id": lambda told: str(told.id), "status": "status"}

SHARED: dict[str, Shared] = {
    "message_text": {"content": "content"},
    "message_text_option": {"content": "content"},
    "message_image": {"url": "image", "media_id": "media_id"},
    "message_voice": {"media_id": "media_id", "format": "format", "transcript": "recognition"},
    "message_voice_empty_recognition": {"media_id": "media_id"},
    "message_voice_unrecognised": {"media_id": "media_id", "transcript": "recognition"},
    "message_video": _MEDIA,
    "message_shortvideo": _MEDIA,
    "message_location": {
        "latitude": lambda told: float(told.location_x),
        "longitude": lambda told: float(told.location_y),
        "scale": lambda told: int(told.scale),
        "label": "label",
    },
    "message_link": {"title": "title", "description": "description", "url": "url"},
    "message_mini_program_card": {
        "title": "title",
        "appid": "app_id",
        "page_path": "page_path",
    },
    "message_unsupported": {},
    "message_unknown": {},
    "event_subscribe": {},
    "event_subscribe_scene": _SCENE,
    "event_unsubscribe": {},
    "event_scan": _SCENE,
    "event_location": {
        "latitude": "latitude",
        "longitude": "longitude",
        "precision": "precision",
    },
    "event_click": {"key": "key"},
    "event_view": {"key": "url"},
    "event_view_miniprogram": {"key": "page_path"},
    "event_scancode_push": _CODE,
    "event_scancode_waitmsg": _CODE,
    "event_pic_sysphoto": _PICTURES,
    "event_pic_photo_or_album": _PICTURES,
    "event_pic_weixin": _PICTURES,
    "event_location_select": {
        "key": "key",
        "latitude": lambda told: float(told.location_x),
        "longitude": lambda told: float(told.location_y),
        "scale": lambda told: int(told.scale),
        "label": "label",
        "place": lambda told: told.poiname or "",
    },
    "event_kf_create_session": {"agent": "account"},
    "event_kf_close_session": {"agent": "account"},
    "event_kf_switch_session": {"from_agent": "from_account", "to_agent": "to_account"},
    "event_masssendjobfinish": _MASS,
    "event_masssendjobfinish_refused": _MASS,
    "event_templatesendjobfinish_arrived": _TEMPLATE,
    "event_templatesendjobfinish_blocked": _TEMPLATE,
    "event_templatesendjobfinish_failed": _TEMPLATE,
    "event_qualification_verify_success": _UNTIL,
    "event_qualification_verify_fail": _FAILED,
    "event_naming_verify_success": _UNTIL,
    "event_naming_verify_fail": _FAILED,
    "event_annual_renew": _UNTIL,
    "event_verify_expired": _UNTIL,
    "event_unknown": {},
}
# Kinds that 1.8.18 does not know: publishing, subscription notices, withdrawn consent, files.
UNKNOWN_TO_WECHATPY = {
    "event_publishjobfinish",
    "event_publishjobfinish_refused",
    "event_subscribe_msg_change_event",
    "event_subscribe_msg_popup_event",
    "event_subscribe_msg_sent_event",
    "event_user_authorization_cancellation",
    "event_user_authorization_revoke",
    "event_user_info_modified",
    "message_file",
    "message_unknown",
}


def test_every_kind_of_push_is_compared() -> None:
    assert set(NAMES) == SHARED.keys() | UNKNOWN_TO_WECHATPY


@pytest.mark.parametrize("name", NAMES)
def test_both_parsers_read_the_same_out_of_a_push(name: str) -> None:
    ours, told = parse(payload(name)), parse_message(payload(name))

    assert (ours.to, ours.openid, ours.sent_at) == (told.target, told.source, told.create_time)
    assert isinstance(told, UnknownMessage) == (name in UNKNOWN_TO_WECHATPY)
    if name.startswith("message_"):
        assert ours.message_id == str(told.id)
    for field, other in SHARED.get(name, {}).items():
        theirs_is = getattr(told, other) if isinstance(other, str) else other(told)
        assert getattr(ours, field) == theirs_is, field
