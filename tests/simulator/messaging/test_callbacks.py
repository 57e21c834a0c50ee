"""Callbacks: what is posted, how often, and what the citizen sees of the answer."""

import threading
import time
from functools import partial
from typing import Any

import pytest
from werkzeug import Response

from simulator.accounts.accounts import Account
from simulator.messaging import envelope
from simulator.messaging.callbacks import FAILURE_TEXT
from tests.simulator.conftest import (
    KEY,
    NEWS,
    POLICE,
    WATER,
    AccountServer,
    PushFields,
    SimulatorClient,
    encrypted_answer,
    text,
)


def last_bubble(wechat: SimulatorClient, who: Account = POLICE) -> dict[str, Any]:
    return wechat.chat(who)[-1]


def test_a_text_goes_out_signed_and_sealed_and_the_answer_comes_back(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    account_server.answer = lambda message: text(f"您问的是{message['Content']}")
    sent = wechat.act("text", text="身份证丢了咋办 <b>]]>")

    query, body = account_server.requests[-1]
    assert query["openid"] == openid
    assert query["encrypt_type"] == "aes"
    assert envelope.verify_signature(
        query["signature"], POLICE.token, query["timestamp"], query["nonce"]
    )
    assert "身份证" not in body
    message = account_server.seen[-1]
    assert message["ToUserName"] == POLICE.original_id
    assert message["MsgId"] == sent["message_id"]
    assert message["Content"] == "身份证丢了咋办 <b>]]>"
    assert sent["outcome"] == "replied"
    assert last_bubble(wechat)["body"] == {"text": "您问的是身份证丢了咋办 <b>]]>"}


def test_plain_and_compatible_accounts_are_pushed_in_their_mode(
    wechat: SimulatorClient, account_server: AccountServer
) -> None:
    account_server.answer = lambda message: text("好")
    wechat.act("follow", who=WATER)
    query, body = account_server.requests[-1]
    assert "encrypt_type" not in query
    assert "<Event><![CDATA[subscribe]]></Event>" in body

    assert wechat.act("follow", who=NEWS)["outcome"] == "replied"
    query, body = account_server.requests[-1]
    assert query["encrypt_type"] == "aes"
    assert "<Event><![CDATA[subscribe]]></Event>" in body
    assert "<Encrypt>" in body


def test_message_ids_are_large_and_grow_and_openids_differ_between_accounts(
    wechat: SimulatorClient, openid: str
) -> None:
    first = int(wechat.act("text", text="一")["message_id"])
    second = int(wechat.act("text", text="二")["message_id"])
    assert 2**53 < first < second < 2**63
    other = wechat.act("follow", who=WATER)["openid"]
    assert len(openid) == len(other) == 28
    assert openid[0] == other[0] == "o"
    assert openid != other


def test_a_late_server_gets_the_same_message_three_times_and_the_citizen_a_failure(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    release = threading.Event()

    def late(message: PushFields) -> str:
        release.wait(10)
        return "success"

    account_server.answer = late
    sent = wechat.act("text", text="有人吗")
    release.set()
    assert [one["outcome"] for one in sent["attempts"]] == ["timeout"] * 3
    assert sent["outcome"] == "failed"
    ids = {
        message["MsgId"] for message in account_server.seen if message.get("Content") == "有人吗"
    }
    assert ids == {sent["message_id"]}
    nonces = {query["nonce"] for query, _ in account_server.requests[-3:]}
    assert len(nonces) == 3
    assert last_bubble(wechat)["body"]["text"] == FAILURE_TEXT


def test_the_third_attempt_may_still_carry_the_answer(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    tries: list[str] = []

    def third(message: PushFields) -> PushFields | Response:
        tries.append(message["MsgId"])
        return text("来了") if len(tries) == 3 else Response("busy", 503)

    account_server.answer = third
    sent = wechat.act("text", text="等你")
    assert len(tries) == 3
    assert sent["outcome"] == "replied"
    assert last_bubble(wechat)["body"] == {"text": "来了"}


def test_an_answer_that_trickles_past_the_limit_is_late(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    def trickle(message: PushFields) -> Response:
        def drops() -> Any:
            for _ in range(20):
                time.sleep(0.05)
                yield b" "

        return Response(drops())

    account_server.answer = trickle
    assert wechat.act("text", text="滴")["attempts"][0]["outcome"] == "timeout"


def test_no_server_at_all_is_a_failure_too(wechat: SimulatorClient, openid: str) -> None:
    wechat.platform.callbacks.base = "http://127.0.0.1:9"
    sent = wechat.act("text", text="喂")
    assert [one["outcome"] for one in sent["attempts"]] == ["failed"] * 3
    assert last_bubble(wechat)["kind"] == "failure"


@pytest.mark.parametrize("answer", ["success", ""])
def test_a_server_may_say_nothing(
    wechat: SimulatorClient, account_server: AccountServer, openid: str, answer: str
) -> None:
    account_server.answer = lambda message: answer
    sent = wechat.act("text", text="嗯")
    assert sent["outcome"] == "silent"
    assert len(sent["attempts"]) == 1
    assert last_bubble(wechat)["side"] == "me"


def _text_xml(openid: str, who: Account, content: str = "好", sender: str = "") -> str:
    return (
        f"<xml><ToUserName>{openid}</ToUserName><FromUserName>{sender or who.original_id}"
        f"</FromUserName><CreateTime>1760000000</CreateTime><MsgType>text</MsgType>"
        f"<Content>{content}</Content></xml>"
    )


def _bad_answers(openid: str) -> dict[str, str]:
    good = _text_xml(openid, POLICE)
    foreign = envelope.encrypt(good, aes_key=KEY, appid=WATER.appid)
    signature = envelope.sign(POLICE.token, "1760000000", "n", foreign)
    return {
        "JSON": '{"errcode": 0}',
        "an HTML page": "<html><body>500</body></html>",
        "no XML": "oops",
        "plain text to a safe account": good,
        "a wrong signature": encrypted_answer(good, POLICE, MsgSignature="0" * 40),
        "another appid": encrypted_answer(good, POLICE, Encrypt=foreign, MsgSignature=signature),
        "another reader": encrypted_answer(_text_xml("oSomebodyElse", POLICE), POLICE),
        "another sender": encrypted_answer(_text_xml(openid, POLICE, sender="gh_other"), POLICE),
        "an empty text": encrypted_answer(_text_xml(openid, POLICE, ""), POLICE),
        "a long text": encrypted_answer(_text_xml(openid, POLICE, "长" * 700), POLICE),
        "a DTD": encrypted_answer("<!DOCTYPE x>" + good, POLICE),
        "an unknown kind": encrypted_answer(good.replace(">text<", ">poem<"), POLICE),
    }


@pytest.mark.parametrize("name", list(_bad_answers("")))
def test_an_invalid_answer_fails_at_once(
    wechat: SimulatorClient, account_server: AccountServer, openid: str, name: str
) -> None:
    answer = _bad_answers(openid)[name]
    account_server.answer = lambda message: answer
    sent = wechat.act("text", text="问")
    assert [one["outcome"] for one in sent["attempts"]] == ["invalid"]
    assert sent["attempts"][0]["problem"]
    assert last_bubble(wechat)["kind"] == "failure"


def test_answers_with_files_need_files_of_the_account(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    own = wechat.platform.media.add_temporary(POLICE.appid, "image", "a.png", b"x").id
    foreign = wechat.platform.media.add_temporary(WATER.appid, "image", "a.png", b"x").id
    for media, outcome in ((own, "replied"), (foreign, "failed")):
        raw = f"<Image><MediaId>{media}</MediaId></Image>"
        account_server.answer = partial(fixed, {"MsgType": "image", "<": raw})
        assert wechat.act("text", text="图")["outcome"] == outcome


def fixed(answer: PushFields, message: PushFields) -> PushFields:
    return answer


def test_a_message_gets_one_news_item_and_a_click_may_get_more(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    item = "<item><Title>文</Title><Description/><PicUrl/><Url>http://h/</Url></item>"
    raw = f"<ArticleCount>2</ArticleCount><Articles>{item * 2}</Articles>"
    account_server.answer = lambda message: {"MsgType": "news", "<": raw}
    assert len(wechat.act("text", text="图文")["reply"]["body"]["articles"]) == 1
    button = {"type": "click", "name": "看", "key": "K"}
    wechat.api("menu/create", {"button": [button]})
    clicked = wechat.act("tap", button={**button, "sub_button": []})
    assert len(clicked["reply"]["body"]["articles"]) == 2


def test_a_hand_over_is_told_for_messages_and_invalid_for_events(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    account_server.answer = lambda message: {"MsgType": "transfer_customer_service"}
    assert wechat.act("text", text="人工")["outcome"] == "replied"
    wechat.act("unfollow")
    assert wechat.act("follow")["outcome"] == "failed"


def test_nobody_sees_a_failure_of_what_nobody_waits_for(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    account_server.answer = lambda message: Response("broken", 500)
    assert wechat.act("unfollow")["outcome"] == "failed"
    assert "failure" not in [entry["kind"] for entry in wechat.chat()]


def test_saving_the_settings_checks_the_address(wechat: SimulatorClient) -> None:
    path = f"/simulator/accounts/{POLICE.appid}/check"
    assert wechat.client.post(path).json == {"ok": True, "problem": ""}
    wechat.platform.callbacks.base = "http://127.0.0.1:9"
    assert wechat.client.post(path).json["ok"] is False


def test_every_attempt_is_in_the_request_log(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    account_server.answer = lambda message: Response("busy", 503)
    sent = wechat.act("text", text="记")
    lines = wechat.log(what="callback", message_id=sent["message_id"])
    assert [line["attempt"] for line in lines] == [1, 2, 3]
    assert {line["status"] for line in lines} == {503}


def test_voice_video_and_music_are_shown(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    def stored(kind: str, name: str) -> str:
        return wechat.platform.media.add_temporary(POLICE.appid, kind, name, b"x").id

    thumb = stored("thumb", "a.jpg")
    answers = {
        "voice": f"<Voice><MediaId>{stored('voice', 'a.mp3')}</MediaId></Voice>",
        "video": f"<Video><MediaId>{stored('video', 'a.mp4')}</MediaId><Title>片</Title></Video>",
        "music": f"<Music><Title>歌</Title><ThumbMediaId>{thumb}</ThumbMediaId></Music>",
    }
    for kind, raw in answers.items():
        account_server.answer = partial(fixed, {"MsgType": kind, "<": raw})
        assert wechat.act("text", text=kind)["outcome"] == "replied"
        assert last_bubble(wechat)["kind"] == kind
    account_server.answer = partial(
        fixed, {"MsgType": "music", "<": "<Music><Title>歌</Title></Music>"}
    )
    sent = wechat.act("text", text="没有封面")
    assert sent["attempts"][0]["problem"] == "回复缺少 Music/ThumbMediaId"


@pytest.mark.parametrize(
    ("button", "field", "value"),
    [
        ({"type": "view", "url": "https://h.example/"}, "EventKey", "https://h.example/"),
        ({"type": "scancode_waitmsg", "key": "T"}, "ScanResult", "TICKET:A1"),
        ({"type": "pic_photo_or_album", "key": "P"}, "Count", "1"),
        ({"type": "location_select", "key": "L"}, "Location_X", "34.566079"),
        (
            {"type": "miniprogram", "appid": "wxa", "pagepath": "p/1", "url": "https://h/"},
            "EventKey",
            "p/1",
        ),
    ],
)
def test_each_kind_of_button_pushes_its_own_event(
    wechat: SimulatorClient,
    account_server: AccountServer,
    openid: str,
    button: dict[str, str],
    field: str,
    value: str,
) -> None:
    wechat.api("menu/create", {"button": [{"name": "按", **button}]})
    shown = wechat.api("menu/get")["menu"]["button"][0]
    wechat.act("tap", button=shown, result="TICKET:A1")
    assert account_server.seen[-1]["MsgType"] == "event"
    assert account_server.seen[-1][field] == value
