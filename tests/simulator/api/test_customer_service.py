"""Customer-service messages: when they may be sent, and what they may hold."""

from io import BytesIO
from typing import Any

import pytest

from tests.simulator.conftest import NEWS, POLICE, WATER, SimulatorClient


def upload(wechat: SimulatorClient, kind: str, name: str, **more: Any) -> str:
    query = {"access_token": wechat.token(more.get("who", POLICE)), "type": kind}
    answer = wechat.client.post(
        "/cgi-bin/media/upload", query_string=query, data={"media": (BytesIO(b"data"), name)}
    ).json
    return str(answer.get("media_id") or answer.get("thumb_media_id"))


def test_a_message_allows_five_answers_and_the_next_one_five_again(
    wechat: SimulatorClient, openid: str
) -> None:
    assert [wechat.send(openid) for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    wechat.act("text", text="再问一句")
    assert wechat.send(openid) == 0
    shown = [entry for entry in wechat.chat() if entry["via"] == "custom"]
    assert len(shown) == 6


def test_the_window_of_a_message_closes_after_two_days(
    wechat: SimulatorClient, openid: str
) -> None:
    wechat.shift(48 * 3600 - 60)
    assert wechat.send(openid) == 0
    wechat.shift(120)
    assert wechat.send(openid) == 45015


def test_a_follow_allows_three_within_a_minute(wechat: SimulatorClient) -> None:
    openid = wechat.act("follow")["openid"]
    assert [wechat.send(openid) for _ in range(4)] == [0, 0, 0, 45047]
    wechat.shift(61)
    assert wechat.send(openid) == 45015


def test_a_click_adds_three_for_a_minute_to_what_a_message_left(
    wechat: SimulatorClient, openid: str
) -> None:
    button = {"type": "click", "name": "叫号", "key": "Q"}
    wechat.api("menu/create", {"button": [button]})
    assert [wechat.send(openid) for _ in range(5)] == [0] * 5
    wechat.act("tap", button={**button, "sub_button": []})
    assert [wechat.send(openid) for _ in range(4)] == [0, 0, 0, 45047]


def test_limits_are_settings(wechat: SimulatorClient, openid: str) -> None:
    wechat.client.post("/simulator/limits", json={"message_count": 20})
    assert [wechat.send(openid) for _ in range(21)] == [0] * 20 + [45047]
    answer = wechat.client.post("/simulator/limits", json={"no_such": 1})
    assert answer.status_code == 400


def test_nobody_is_reached_who_left_refuses_or_is_unknown(
    wechat: SimulatorClient, openid: str
) -> None:
    assert wechat.send("oNobody") == 40003
    follower = wechat.platform.followers.get_by_openid(POLICE.appid, openid)
    follower.refuses = True
    assert wechat.send(openid) == 48002
    wechat.act("unfollow")
    assert wechat.send(openid) == 43004


def test_an_account_without_the_right_is_refused(wechat: SimulatorClient) -> None:
    wechat.act("follow", who=NEWS)
    openid = wechat.act("text", who=NEWS, text="在吗")["openid"]
    assert wechat.send(openid, who=NEWS) == 48001


@pytest.mark.parametrize(
    ("message", "errcode"),
    [
        ({"msgtype": "text", "text": {"content": "好" * 683}}, 45002),
        ({"msgtype": "text", "text": {"content": ""}}, 44004),
        ({"msgtype": "text"}, 44004),
        ({"msgtype": "poem", "poem": {}}, 40008),
        ({"msgtype": "news", "news": {"articles": [{"title": "甲"}, {"title": "乙"}]}}, 45008),
        ({"msgtype": "news", "news": {"articles": []}}, 44003),
        ({"msgtype": "news", "news": {"articles": [{"title": "长" * 65}]}}, 45003),
        ({"msgtype": "image", "image": {"media_id": "invented"}}, 40007),
        ({"msgtype": "msgmenu", "msgmenu": {"list": []}}, 44004),
        ({"msgtype": "mpnewsarticle", "mpnewsarticle": {"article_id": "x"}}, 53600),
    ],
)
def test_a_bad_message_is_refused_and_costs_nothing(
    wechat: SimulatorClient, openid: str, message: dict[str, Any], errcode: int
) -> None:
    answer = wechat.api("message/custom/send", {"touser": openid, **message})
    assert answer["errcode"] == errcode
    assert wechat.platform.windows.remaining(POLICE.appid, openid)["count"] == 5


def test_every_kind_of_message_reaches_the_phone(wechat: SimulatorClient, openid: str) -> None:
    wechat.client.post("/simulator/limits", json={"message_count": 20})
    image, voice = upload(wechat, "image", "a.png"), upload(wechat, "voice", "a.mp3")
    video, thumb = upload(wechat, "video", "a.mp4"), upload(wechat, "thumb", "a.jpg")
    article = {"title": "指南", "description": "", "url": "http://h/", "picurl": ""}
    messages: dict[str, dict[str, Any]] = {
        "text": {"content": "文字"},
        "image": {"media_id": image},
        "voice": {"media_id": voice},
        "video": {"media_id": video, "thumb_media_id": thumb, "title": "片"},
        "music": {"musicurl": "http://h/m.mp3", "thumb_media_id": thumb},
        "news": {"articles": [article]},
        "msgmenu": {"head_content": "选", "list": [{"id": "1", "content": "是"}]},
        "miniprogrampage": {"title": "页", "thumb_media_id": thumb},
    }
    for kind, content in messages.items():
        body = {"touser": openid, "msgtype": kind, kind: content}
        assert wechat.api("message/custom/send", body)["errcode"] == 0, kind
    shown = [entry["kind"] for entry in wechat.chat() if entry["via"] == "custom"]
    assert shown == list(messages)


def test_escapes_for_readable_characters_are_refused(wechat: SimulatorClient, openid: str) -> None:
    query = {"access_token": wechat.token()}
    escaped = f'{{"touser":"{openid}","msgtype":"text","text":{{"content":"\\u4f60"}}}}'
    answer = wechat.client.post(
        "/cgi-bin/message/custom/send", query_string=query, data=escaped.encode()
    ).json
    assert answer["errcode"] == 40033
    literal = {"touser": openid, "msgtype": "text", "text": {"content": "a\\u4f60\x01"}}
    assert wechat.api("message/custom/send", literal)["errcode"] == 0


def test_typing_shows_after_an_action_and_not_twice(wechat: SimulatorClient, openid: str) -> None:
    path, body = "message/custom/typing", {"touser": openid, "command": "Typing"}
    assert wechat.api(path, body)["errcode"] == 0
    assert wechat.api(path, body)["errcode"] == 45081
    assert wechat.api(path, {**body, "command": "CancelTyping"})["errcode"] == 0
    assert wechat.api(path, {**body, "command": "Dance"})["errcode"] == 45072
    wechat.shift(31)
    assert wechat.api(path, body)["errcode"] == 45080


def test_a_file_of_another_account_cannot_be_sent(wechat: SimulatorClient, openid: str) -> None:
    foreign = upload(wechat, "image", "a.png", who=WATER)
    body = {"touser": openid, "msgtype": "image", "image": {"media_id": foreign}}
    assert wechat.api("message/custom/send", body)["errcode"] == 40007
