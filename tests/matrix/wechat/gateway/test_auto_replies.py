"""What staff made in WeChat's console becomes values, whatever shape it comes in."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.wechat import gateway
from matrix.wechat.gateway import (
    AutoReply,
    AutoReplyChoice,
    AutoReplyKeyword,
    AutoReplyKind,
    AutoReplyMatch,
    Button,
    ButtonKind,
)
from matrix.wechat.gateway.menus import read_buttons
from tests.matrix.wechat._scripted_server import ScriptedServer
from tests.matrix.wechat.conftest import APPID, CREDENTIALS, SimulatedWeChat

REPLIES = "/cgi-bin/get_current_autoreply_info"
MENU = "/cgi-bin/get_current_selfmenu_info"

AUTOREPLY: dict[str, Any] = {
    "is_add_friend_reply_open": 1,
    "is_autoreply_open": 1,
    "add_friend_autoreply_info": {"type": "text", "content": "欢迎关注！"},
    "message_default_autoreply_info": {"type": "img", "content": "media-1"},
    "keyword_autoreply_info": {
        "list": [
            {
                "rule_name": "居住证",
                "create_time": 1773106200,
                "reply_mode": "reply_all",
                "keyword_list_info": [
                    {"type": "text", "match_mode": "contain", "content": "居住证"},
                    {"type": "text", "match_mode": "equal", "content": "暂住证"},
                    {"type": "img", "match_mode": "equal", "content": "media-9"},
                ],
                "reply_list_info": [
                    {"type": "text", "content": "请到一楼办理"},
                    {"type": "voice", "content": "media-2"},
                    {
                        "type": "news",
                        "news_info": {
                            "list": [
                                {
                                    "title": "指南",
                                    "author": "大厅",
                                    "digest": "材料",
                                    "show_cover": 0,
                                    "cover_url": "https://mmbiz.example/1",
                                    "content_url": "https://mp.example/1",
                                    "source_url": "",
                                }
                            ]
                        },
                    },
                ],
            },
            {
                "rule_name": "问候",
                "create_time": 0,
                "reply_mode": "random_one",
                "keyword_list_info": [
                    {"type": "text", "match_mode": "equal", "content": "在吗"},
                ],
                "reply_list_info": [{"type": "hologram", "content": "?"}],
            },
        ]
    },
}


def test_keyword_rules_come_with_modes_and_replies(wechat: SimulatedWeChat) -> None:
    account = wechat.platform.accounts.find(APPID)
    assert account
    account.console = {"autoreply": AUTOREPLY}

    found = gateway.get_auto_replies(wechat.account)

    assert found.welcome_is_open
    assert found.replies_are_open
    assert found.welcome == AutoReply(AutoReplyKind.TEXT, "欢迎关注！")
    assert found.fallback == AutoReply(AutoReplyKind.PICTURE, "media-1")
    assert found.rules[0] == gateway.AutoReplyRule(
        name="居住证",
        created_at=datetime(2026, 3, 10, 1, 30, tzinfo=UTC),
        pick=AutoReplyChoice.ALL,
        keywords=(
            AutoReplyKeyword("居住证", AutoReplyMatch.CONTAINS),
            AutoReplyKeyword("暂住证", AutoReplyMatch.EQUAL),
        ),
        replies=(
            AutoReply(AutoReplyKind.TEXT, "请到一楼办理"),
            AutoReply(AutoReplyKind.VOICE, "media-2"),
            AutoReply(
                AutoReplyKind.NEWS,
                articles=(
                    gateway.AutoReplyArticle(
                        title="指南",
                        author="大厅",
                        digest="材料",
                        picture_url="https://mmbiz.example/1",
                        url="https://mp.example/1",
                    ),
                ),
            ),
        ),
    )
    assert found.rules[1].pick is AutoReplyChoice.RANDOM
    assert found.rules[1].created_at is None
    assert found.rules[1].replies == (AutoReply(AutoReplyKind.OTHER, "?"),)


def test_a_console_nobody_used_has_nothing(wechat: SimulatedWeChat) -> None:
    found = gateway.get_auto_replies(wechat.account)

    assert found == gateway.AutoReplies(
        welcome_is_open=False, replies_are_open=False, welcome=None, fallback=None, rules=()
    )
    assert gateway.get_current_menu(wechat.account) == gateway.CurrentMenu(False, ())


def test_a_menu_of_the_console_keeps_what_calls_cannot_make(
    scripted_server: ScriptedServer,
) -> None:
    scripted_server.respond(
        MENU,
        {
            "is_menu_open": 1,
            "selfmenu_info": {
                "button": [
                    {"type": "text", "name": "电话", "value": "0913-0000000"},
                    {
                        "name": "更多",
                        "sub_button": {
                            "list": [
                                {"type": "view", "name": "官网", "url": "https://hall.example"},
                                {"type": "news", "name": "图文", "value": "media-3"},
                                {"type": "img", "name": "图", "value": "media-4"},
                                {"type": "click", "name": "问", "key": "ASK"},
                                {"type": "finder", "name": "视频号", "value": "v"},
                            ]
                        },
                    },
                ]
            },
        },
    )

    assert gateway.get_current_menu(CREDENTIALS).buttons == (
        Button(name="电话", kind=ButtonKind.TEXT, value="0913-0000000"),
        Button(
            name="更多",
            children=(
                Button(name="官网", kind=ButtonKind.LINK, value="https://hall.example"),
                Button(name="图文", kind=ButtonKind.NEWS, value="media-3"),
                Button(name="图", kind=ButtonKind.PICTURE, value="media-4"),
                Button(name="问", kind=ButtonKind.ASK, value="ASK"),
                Button(name="视频号", kind=ButtonKind.OTHER, value="v"),
            ),
        ),
    )


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"keyword_autoreply_info": None},
        {"keyword_autoreply_info": {"list": None}},
        {"keyword_autoreply_info": {"list": [None, {}, {"keyword_list_info": [{}]}]}},
        {"add_friend_autoreply_info": []},
        {"add_friend_autoreply_info": {"type": "news", "news_info": {"list": {}}}},
    ],
)
def test_odd_shapes_are_read_as_far_as_they_go(
    scripted_server: ScriptedServer, answer: dict[str, Any]
) -> None:
    scripted_server.respond(REPLIES, answer)

    assert not gateway.get_auto_replies(CREDENTIALS).replies_are_open


JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.sampled_from(["click", "view"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["button", "sub_button", "list", "type", "name", "key", "url"]), inner
        ),
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_stands_for_buttons_is_read(raw: object) -> None:
    assert isinstance(read_buttons(raw), tuple)
