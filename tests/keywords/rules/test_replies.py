"""Replies: their stored shape, what is refused, and which are sent."""

import random
from typing import Any

import pytest

from config.errors import Invalid
from keywords.rules import replies
from keywords.rules.replies import Choice, Image, News, Text

REPLY_SHAPES = [
    {"type": "text", "content": "您好"},
    {"type": "image", "media": "大厅外景"},
    {"type": "voice", "media": "欢迎"},
    {"type": "video", "media": "宣传片", "title": "华山"},
    {"type": "music", "thumb": "封面", "title": "老腔", "url": "https://example.org/a.mp3"},
    {"type": "news", "title": "指南", "url": "https://example.org/a", "description": "怎么办"},
    {"type": "transfer"},
    {"type": "transfer", "agent": "kf2001@hub"},
]


@pytest.mark.parametrize("shape", REPLY_SHAPES, ids=lambda shape: shape["type"])
def test_a_reply_comes_back_in_the_shape_it_was_stored_in(shape: Any) -> None:
    reply = replies.parse(shape)
    assert replies.dump(reply) == shape
    assert replies.from_stored(shape) == reply


@pytest.mark.parametrize(
    ("shape", "field"),
    [
        ("您好", "reply"),
        ({}, "reply.type"),
        ({"type": "card"}, "reply.type"),
        ({"type": "text"}, "reply.content"),
        ({"type": "text", "content": "  "}, "reply.content"),
        ({"type": "text", "content": " \x1c\u3000"}, "reply.content"),
        ({"type": "text", "content": "half a pair \ud83d"}, "reply.content"),
        ({"type": "text", "content": 5}, "reply.content"),
        ({"type": "text", "content": "x" * 5001}, "reply.content"),
        ({"type": "image", "media_id": "x"}, "reply.media_id"),
        ({"type": "news", "title": "指南", "url": "javascript:alert(1)"}, "reply.url"),
        ({"type": "news", "title": "指南", "url": "https://[bad"}, "reply.url"),
        ({"type": "music", "url": "https://example.org"}, "reply.thumb"),
    ],
)
def test_a_wrong_reply_is_refused_by_the_name_of_its_field(shape: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        replies.parse(shape)
    assert refused.value.field == field


def test_replies_without_their_media_on_the_account_are_skipped() -> None:
    listed = (Image("大厅外景"), Text("文字版"), News("指南", "https://example.org"))
    chance = random.Random(1)

    def nothing(name: str) -> bool:
        return False

    first = replies.choose(listed, Choice.FIRST, available=nothing, chance=chance)
    assert first == (Text("文字版"),)
    both = replies.choose(listed, Choice.ALL, available=nothing, chance=chance)
    assert both == listed[1:]
    assert replies.choose(listed[:1], Choice.RANDOM, available=nothing, chance=chance) == ()


def test_chance_reaches_every_reply() -> None:
    listed = (Text("一"), Text("二"), Text("三"))
    chance = random.Random(7)
    drawn = {
        replies.choose(listed, Choice.RANDOM, available=bool, chance=chance) for _ in range(60)
    }
    assert drawn == {(reply,) for reply in listed}


def test_media_names_are_those_an_account_must_have() -> None:
    listed = tuple(map(replies.parse, REPLY_SHAPES[:5]))
    assert replies.media_names(listed) == {"大厅外景", "欢迎", "宣传片", "封面"}
