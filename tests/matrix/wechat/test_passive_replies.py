"""Replies are the XML WeChat expects, whatever stands in their texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.wechat import passive_replies
from matrix.wechat.messages import Inbound, XmlTree, parse, parse_xml
from tests.helpers import NOW
from tests.matrix.wechat._payloads import ACCOUNT, CITIZEN, event, payload, text

ARTICLE = passive_replies.Article(
    "公积金提取", "材料和时限", "https://hall.example/g/1", "https://hall.example/1.jpg"
)


def rendered(reply: passive_replies.Reply) -> XmlTree:
    return parse_xml(
        passive_replies.render(reply, openid=CITIZEN, original_id=ACCOUNT, created_at=NOW).encode()
    )


@pytest.mark.parametrize(
    ("reply", "kind", "fields"),
    [
        (passive_replies.Text("请带身份证"), "text", {"Content": "请带身份证"}),
        (passive_replies.Image("m1"), "image", {"Image": {"MediaId": "m1"}}),
        (passive_replies.Voice("m2"), "voice", {"Voice": {"MediaId": "m2"}}),
        (passive_replies.Video("m3"), "video", {"Video": {"MediaId": "m3"}}),
        (
            passive_replies.Video("m3", "片名", "说明"),
            "video",
            {"Video": {"MediaId": "m3", "Title": "片名", "Description": "说明"}},
        ),
        (
            passive_replies.Music(
                "t1", "https://a.example/1", "https://a.example/2", "曲名", "说明"
            ),
            "music",
            {
                "Music": {
                    "Title": "曲名",
                    "Description": "说明",
                    "MusicUrl": "https://a.example/1",
                    "HQMusicUrl": "https://a.example/2",
                    "ThumbMediaId": "t1",
                }
            },
        ),
        (passive_replies.Music("t1"), "music", {"Music": {"ThumbMediaId": "t1"}}),
        (
            passive_replies.News((ARTICLE,)),
            "news",
            {
                "ArticleCount": "1",
                "Articles": {
                    "item": {
                        "Title": "公积金提取",
                        "Description": "材料和时限",
                        "PicUrl": "https://hall.example/1.jpg",
                        "Url": "https://hall.example/g/1",
                    }
                },
            },
        ),
        (passive_replies.Transfer(), "transfer_customer_service", {}),
        (
            passive_replies.Transfer("window1@huayin"),
            "transfer_customer_service",
            {"TransInfo": {"KfAccount": "window1@huayin"}},
        ),
    ],
)
def test_a_reply_has_its_fields(reply: passive_replies.Reply, kind: str, fields: XmlTree) -> None:
    assert rendered(reply) == {
        "ToUserName": CITIZEN,
        "FromUserName": ACCOUNT,
        "CreateTime": str(int(NOW.timestamp())),
        "MsgType": kind,
        **fields,
    }


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("a]]>b", "a]]>b"),
        ("]]>]]>", "]]>]]>"),
        ("]]]]>>", "]]]]>>"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ('<a href="https://hall.example">办理</a>', '<a href="https://hall.example">办理</a>'),
        ("a\0b\x08c\x1bd\ufffee\ud800f", "abcdef"),
        ("]]\0>", "]]>"),
        ("第一行\n第二行\t完", "第一行\n第二行\t完"),
        ("👨‍👩‍👧🇨🇳", "👨‍👩‍👧🇨🇳"),
    ],
)
def test_texts_arrive_whatever_they_hold(said: str, heard: str) -> None:
    assert rendered(passive_replies.Text(said))["Content"] == heard


@given(st.text(max_size=200))
def test_any_text_makes_xml_that_can_be_read(said: str) -> None:
    reply = passive_replies.render(
        passive_replies.Text(said), openid=CITIZEN, original_id=ACCOUNT, created_at=NOW
    )

    reply.encode()
    assert rendered(passive_replies.Text(said))["MsgType"] == "text"


@pytest.mark.parametrize("count", [0, 9])
def test_news_without_or_with_too_many_articles_is_not_made(count: int) -> None:
    with pytest.raises(ValueError, match="one to eight"):
        passive_replies.News((ARTICLE,) * count)


NEWS = passive_replies.News((ARTICLE,) * 3)
FIRST = passive_replies.News((ARTICLE,))
MESSAGE = parse(text("公积金"))
CLICK = parse(event("CLICK", "<EventKey>a</EventKey>"))


@pytest.mark.parametrize(
    ("reply", "inbound", "expected"),
    [
        (NEWS, MESSAGE, FIRST),
        (NEWS, CLICK, NEWS),
        (passive_replies.Transfer(), MESSAGE, passive_replies.Transfer()),
        (passive_replies.Transfer(), CLICK, None),
        (passive_replies.Text("好"), parse(payload("event_view")), None),
        (passive_replies.Text("好"), parse(payload("event_unsubscribe")), None),
        (passive_replies.Text("好"), parse(payload("event_masssendjobfinish")), None),
        (passive_replies.Text("好"), parse(payload("event_subscribe")), passive_replies.Text("好")),
        (
            passive_replies.Text("好"),
            parse(payload("event_scancode_waitmsg")),
            passive_replies.Text("好"),
        ),
        (passive_replies.Text("好"), parse(payload("event_scancode_push")), None),
    ],
)
def test_a_reply_is_adapted_to_what_it_answers(
    reply: passive_replies.Reply, inbound: Inbound, expected: passive_replies.Reply | None
) -> None:
    assert passive_replies.adapt_to(reply, inbound) == expected
