"""What is no push is refused, with a reason and at once; odd words of citizens are not."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matrix.wechat.messages import MalformedPush, parse, xml
from tests.matrix.wechat._payloads import event, push, text


def test_control_characters_a_citizen_pasted_are_dropped() -> None:
    assert parse(text("<![CDATA[a\x08b\x1f]]>")).content == "ab"


def test_markup_in_a_citizens_words_is_only_words() -> None:
    said = "<!DOCTYPE x> &amp; <b>"
    assert parse(text(f"<![CDATA[{said}]]>")).content == said
    assert parse(text("<![CDATA[a]]]]><![CDATA[>b]]>")).content == "a]]>b"


def test_emoji_and_right_to_left_marks_come_through() -> None:
    said = "👨‍👩‍👧 \u202eabc\u202c 🇨🇳"
    assert parse(text(f"<![CDATA[{said}]]>")).content == said


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<xml><Content>&b;</Content></xml>"
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_xml"),
        (b"success", "not_xml"),
        (b'{"ToUserName": "gh_1"}', "not_xml"),
        (b"<xml><ToUserName>", "not_xml"),
        (b"<xml></xml><xml></xml>", "not_xml"),
        (b"<xml/>", "missing:ToUserName"),
        (b"<!DOCTYPE xml><xml/>", "doctype"),
        (BOMB.encode(), "doctype"),
        (
            b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><a>&f;</a></xml>',
            "doctype",
        ),
        (b"<xml><a>&undefined;</a></xml>", "not_xml"),
        (b"<xml>\0</xml>", "nul"),
        (b"<xml><a>\xff\xfe</a></xml>", "not_xml"),
        (b"<xml><a>\xed\xa0\x80</a></xml>", "not_xml"),
        (b"<xml><a>&#xD800;</a></xml>", "not_xml"),
        (b"<xml><a>&#0;</a></xml>", "not_xml"),
        ("<?xml version='1.0' encoding='utf-16'?><xml/>".encode("utf-16"), "nul"),
        (b"<a>" * 7 + b"</a>" * 7, "too_deep"),
        (b"<a>" * 20_000, "too_deep"),
        (b"<xml>" + b"<a/>" * 600 + b"</xml>", "too_many_fields"),
        (b"<xml>" + b"a" * 70_000 + b"</xml>", "too_large"),
        (push("event"), "missing:Event"),
        (push("", ""), "bad_id:MsgType"),
        (event("CLICK"), "missing:EventKey"),
        (event("scancode_push", "<EventKey>a</EventKey>"), "missing:ScanResult"),
        (event("LOCATION", "<Latitude>nan</Latitude>"), "bad_number:Latitude"),
        (event("LOCATION", "<Latitude>91</Latitude>"), "bad_number:Latitude"),
        (event("annual_renew", "<ExpiredTime>soon</ExpiredTime>"), "bad_number:ExpiredTime"),
        (push("text").replace(b"1773106200", b"0x10"), "bad_number:CreateTime"),
        (push("text").replace(b"1773106200", b"-5"), "bad_number:CreateTime"),
        (push("text").replace(b"1773106200", "１２".encode()), "bad_number:CreateTime"),
        (push("text").replace(b"1773106200", b"9" * 19), "bad_time:CreateTime"),
        (push("text").replace(b"1773106200", b"9" * 400), "bad_number:CreateTime"),
        (push("text", openid=""), "bad_id:FromUserName"),
        (push("text", openid="o" * 65), "bad_id:FromUserName"),
        (push("text", openid="a\nb"), "bad_id:FromUserName"),
    ],
)
def test_what_is_no_push_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPush) as refusal:
        parse(body)

    assert refusal.value.reason.startswith(reason)
    assert refusal.value.status == 400


NAMES = st.sampled_from(
    [
        "ToUserName",
        "FromUserName",
        "CreateTime",
        "MsgType",
        "Event",
        "EventKey",
        "MsgId",
        "Content",
        "MediaId",
        "PublishEventInfo",
        "SendPicsInfo",
        "List",
        "item",
        "fail_idx",
        "MsgID",
        "Status",
        "publish_id",
        "publish_status",
        "CopyrightCheckResult",
        "ResultList",
        "SubscribeMsgPopupEvent",
        "TemplateId",
        "ScanCodeInfo",
        "Location_X",
        "Count",
        "PicList",
    ]
)
WORDS = st.sampled_from(
    [
        "1",
        "0",
        "-1",
        "event",
        "text",
        "gh_5d0e2f4a91c7",
        "1773106200",
        "subscribe",
        "999999999999999999999999999999",
        "publishjobfinish",
        "masssendjobfinish",
        "pic_weixin",
        "subscribe_msg_popup_event",
        "location",
        "SCAN",
        "err(1)",
        "一",
    ]
)
TREES = st.recursive(
    WORDS,
    lambda inner: st.lists(st.tuples(NAMES, inner), max_size=8).map(
        lambda fields: "".join(f"<{name}>{value}</{name}>" for name, value in fields)
    ),
    max_leaves=30,
)


KINDS = st.sampled_from(
    [
        "publishjobfinish",
        "masssendjobfinish",
        "pic_weixin",
        "subscribe_msg_sent_event",
        "location_select",
        "user_authorization_revoke",
        "scancode_push",
        "templatesendjobfinish",
    ]
)


@given(st.one_of(st.binary(max_size=400), TREES.map(lambda tree: f"<xml>{tree}</xml>".encode())))
@example(b"<xml>")
def test_nothing_makes_the_parser_fail_in_another_way(body: bytes) -> None:
    try:
        read = parse(body)
    except MalformedPush:
        return
    assert read.dedupe_key


@given(KINDS, TREES)
def test_a_well_addressed_event_with_odd_fields_is_read_or_refused(name: str, tree: str) -> None:
    try:
        read = parse(event(name, tree))
    except MalformedPush:
        return
    assert 0 < len(read.dedupe_key) <= 128


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "Content", "MsgId"]),
        st.sampled_from(["<![CDATA[", "", " <![CDATA["]),
        st.one_of(
            st.text(max_size=12),
            st.lists(
                st.sampled_from(
                    ["]", "]]", "]]>", "<A>", "</A>", "<![CDATA[", "x", "\r", "&", "é"]
                ),
                max_size=5,
            ).map("".join),
        ),
        st.sampled_from(["]]>", "", "]]> "]),
    ),
    max_size=5,
)


@given(FIELDS, st.sampled_from(["", "\n", " x", "\ufeff"]))
@example([("A", "<![CDATA[", "x]]>j</A><B>1</B><A><![CDATA[y", "]]>")], "")
def test_the_fast_path_reads_what_expat_reads(
    fields: list[tuple[str, str, str, str]], around: str
) -> None:
    inner = "".join(f"<{name}>{start}{said}{end}</{name}>" for name, start, said, end in fields)
    raw_xml = f"{around}<xml>{inner}{around}</xml>".encode("utf-8", "surrogatepass")

    short = xml._parse_flat(raw_xml)

    if short is not None:
        assert short == xml._parse_with_expat(raw_xml)


def test_an_ordinary_push_takes_the_fast_path() -> None:
    assert xml._parse_flat(text("<![CDATA[身份证]]>")) is not None


@pytest.mark.parametrize("odd", ["a" * 60_000, "]" * 60_000, "]a" * 30_000, "<A>" * 20_000])
def test_no_body_makes_the_fast_path_slow(odd: str) -> None:
    # were it exponential, or even quadratic, this would not end within the test's time
    assert xml._parse_flat(f"<xml><A><![CDATA[{odd}</A></xml>".encode()) is None
