"""Messages of every kind become the value they stand for, and no two are taken for one."""

from typing import Any

import pytest

from matrix.wechat import messages
from matrix.wechat.messages import parse
from tests.matrix.wechat._payloads import (
    ACCOUNT,
    CITIZEN,
    PAYLOADS,
    at,
    event,
    payload,
    push,
    text,
)
from tests.matrix.wechat.messages.test_events import EVENTS

# file, class, second, own fields
MESSAGES: list[tuple[str, type[messages.Message], int, dict[str, Any]]] = [
    ("text", messages.Text, 1, {"content": "身份证丢了咋办"}),
    (
        "text_option",
        messages.Text,
        2,
        {
            "content": "补领身份证",
            "option_id": "rule:17",
        },
    ),
    (
        "image",
        messages.Image,
        3,
        {"url": "http://mmbiz.qpic.cn/mmbiz_jpg/invented/0", "media_id": "media-picture-31"},
    ),
    (
        "voice",
        messages.Voice,
        4,
        {
            "media_id": "media-voice-32",
            "format": "amr",
            "transcript": "社保卡怎么激活",
        },
    ),
    ("voice_unrecognised", messages.Voice, 5, {"media_id": "media-voice-33", "format": "speex"}),
    (
        "video",
        messages.Video,
        6,
        {"media_id": "media-film-34", "thumb_media_id": "media-thumb-34"},
    ),
    (
        "shortvideo",
        messages.ShortVideo,
        7,
        {"media_id": "media-film-35", "thumb_media_id": "media-thumb-35"},
    ),
    (
        "location",
        messages.Location,
        8,
        {"latitude": 34.5662, "longitude": 110.0923, "scale": 15, "label": "政务服务中心东门"},
    ),
    (
        "link",
        messages.Link,
        9,
        {"title": "停水通知", "description": "周六上午", "url": "https://hall.example/notice/8"},
    ),
    (
        "file",
        messages.File,
        11,
        {"title": "情况说明.docx", "description": "", "size": 18432},
    ),
    (
        "mini_program_card",
        messages.MiniProgramCard,
        12,
        {"title": "掌上缴费", "appid": "wx0123456789abcdef", "page_path": "pages/pay/index"},
    ),
    (
        "voice_empty_recognition",
        messages.Voice,
        13,
        {"media_id": "media-voice-13", "format": "amr"},
    ),
    ("unsupported", messages.UnsupportedMessage, 14, {}),
]


@pytest.mark.parametrize(("name", "kind", "second", "fields"), MESSAGES)
def test_a_message_becomes_its_value(
    name: str, kind: type[messages.Message], second: int, fields: dict[str, Any]
) -> None:
    assert parse(payload(f"message_{name}")) == kind(
        to=ACCOUNT,
        openid=CITIZEN,
        sent_at=at(second),
        message_id=f"2519000000000{second:04d}",
        **fields,
    )


def test_every_payload_has_an_expected_value() -> None:
    known = {f"message_{name}" for name, *_ in MESSAGES} | {f"event_{name}" for name, *_ in EVENTS}

    assert {path.stem for path in PAYLOADS.glob("*.xml")} == known | {
        "message_unknown",
        "event_unknown",
    }


def test_kinds_we_do_not_know_are_kept_whole_and_a_message_is_answered() -> None:
    message, event = parse(payload("message_unknown")), parse(payload("event_unknown"))

    assert isinstance(message, messages.UnsupportedMessage)
    assert (message.kind, message.message_id) == ("unsupported", "25190000000000010")
    assert message.raw is not None
    assert message.raw["MsgType"] == "hologram"
    assert message.awaits_reply
    assert isinstance(event, messages.Unknown)
    assert (event.kind, event.raw["CardId"]) == ("event:card_pass_check", "card-1")
    assert not event.awaits_reply


@pytest.mark.parametrize(
    "content",
    [
        "[收到不支持的消息类型，暂无法显示]",
        "【收到不支持的消息类型，暂无法显示】",
        " [收到不支持的消息类型,暂无法显示]\n",
        "[Unsupported Message]",
    ],
)
def test_what_wechat_cannot_show_is_no_text(content: str) -> None:
    assert isinstance(parse(text(content)), messages.UnsupportedMessage)
    assert isinstance(parse(text(f"{content}是什么意思")), messages.Text)


@pytest.mark.parametrize(
    ("body", "kind", "fields"),
    [
        (push("text", "<MsgId>1</MsgId>"), messages.Text, {"content": ""}),
        (push("text", "<Content><b>a</b></Content>"), messages.Text, {"content": ""}),
        (
            push("text", "<Content>a</Content><Content>b</Content><MsgId>1</MsgId>"),
            messages.Text,
            {"content": "a", "message_id": "1"},
        ),
        (
            push("text", f"<Content>a</Content><MsgId>{'1' * 65}</MsgId>"),
            messages.Text,
            {"content": "a", "message_id": None},
        ),
        (push("image", "<MsgId>1</MsgId>"), messages.Image, {"url": "", "media_id": ""}),
        (push("voice", "<MediaId16K>m16</MediaId16K>"), messages.Voice, {"media_id": "m16"}),
        (push("video"), messages.Video, {"media_id": "", "thumb_media_id": None}),
        (
            push("location", "<Location_X>91</Location_X><Location_Y>x</Location_Y>"),
            messages.Location,
            {"latitude": None, "longitude": None, "scale": None, "label": ""},
        ),
        (push("link", "<Url>https://a.example</Url>"), messages.Link, {"title": ""}),
        (push("file", "<FileTotalLen>big</FileTotalLen>"), messages.File, {"size": None}),
        (push("miniprogrampage"), messages.MiniProgramCard, {"title": "", "appid": ""}),
    ],
)
def test_a_message_is_read_as_far_as_it_goes(
    body: bytes, kind: type[messages.Message], fields: dict[str, Any]
) -> None:
    read = parse(body)

    assert isinstance(read, kind)
    assert {name: getattr(read, name) for name in fields} == fields
    assert parse(body).dedupe_key == read.dedupe_key


def test_messages_without_an_id_are_told_apart_by_what_they_say() -> None:
    def key(content: str, seconds: int) -> str:
        return parse(push("text", f"<Content>{content}</Content>", seconds=seconds)).dedupe_key

    assert key("a", 1) == key("a", 1)
    assert len({key("a", 1), key("b", 1), key("a", 2)}) == 3


def test_a_message_without_a_time_was_sent_when_it_came() -> None:
    body = text("a").replace(b"<CreateTime>1773106200</CreateTime>", b"")

    assert parse(body, received_at=at(5)).sent_at == at(5)


def test_no_two_payloads_share_a_dedupe_key() -> None:
    finished = {"arrived", "blocked", "failed"}  # three endings of one job
    names = [path for path in PAYLOADS.glob("*.xml") if path.stem.split("_")[-1] not in finished]
    keys = {parse(path.read_bytes()).dedupe_key for path in names}

    assert len(keys) == len(names)
    assert all(0 < len(key) <= 128 for key in keys)


def test_the_same_push_has_the_same_key() -> None:
    for path in PAYLOADS.glob("*.xml"):
        body = path.read_bytes()
        assert parse(body).dedupe_key == parse(body).dedupe_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (text("a", "1"), text("a", "2")),
        (event("subscribe"), event("SCAN", "<EventKey>1</EventKey>")),
        (event("CLICK", "<EventKey>A</EventKey>"), event("CLICK", "<EventKey>B</EventKey>")),
        (event("unsubscribe"), event("unsubscribe", seconds=1773106201)),
        (event("unsubscribe"), event("unsubscribe", openid="oHyFb7Qw0_citizen_0000000002")),
        (
            event("VIEW", f"<EventKey>https://hall.example/{'a' * 300}1</EventKey>"),
            event("VIEW", f"<EventKey>https://hall.example/{'a' * 300}2</EventKey>"),
        ),
        (event("whatever", "<A>1</A>"), event("whatever", "<A>2</A>")),
    ],
)
def test_pushes_of_one_second_that_differ_have_different_keys(one: bytes, other: bytes) -> None:
    assert parse(one).dedupe_key != parse(other).dedupe_key
    assert max(len(parse(one).dedupe_key), len(parse(other).dedupe_key)) <= 128


def test_a_finished_job_is_the_same_whoever_tells_it_and_when() -> None:
    told = "<MsgID>7</MsgID><Status>send success</Status>"
    first = parse(event("MASSSENDJOBFINISH", told))
    again = parse(event("MASSSENDJOBFINISH", told, openid="mphelper", seconds=1773109999))

    assert first.dedupe_key == again.dedupe_key


def test_a_publication_banned_later_is_another_event() -> None:
    def told(state: int) -> bytes:
        return event(
            "PUBLISHJOBFINISH",
            f"<PublishEventInfo><publish_id>9</publish_id>"
            f"<publish_status>{state}</publish_status></PublishEventInfo>",
        )

    assert parse(told(0)).dedupe_key != parse(told(6)).dedupe_key
    assert parse(told(99)).state is None
