"""Callbacks are believed when they are WeChat's, for this account and in its mode, else not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.wechat.cipher import Cipher, signature
from matrix.wechat.envelope import SUCCESS, Envelope, Mode, Refused, RefusedShape, RefusedSize
from matrix.wechat.messages import Text, read
from tests.fixtures import NOW
from tests.matrix.wechat.letters import (
    APPID,
    KEY,
    OLD_KEY,
    OLD_TOKEN,
    TOKEN,
    Letter,
    enclosed,
    envelope,
    plain,
    sealed,
)
from tests.matrix.wechat.pushes import PAYLOADS, push, text

VECTORS = {
    vector["name"]: vector
    for vector in json.loads((PAYLOADS / "vectors.json").read_text(encoding="utf-8"))
}


def published(name: str, mode: Mode, original_id: str) -> tuple[Envelope, Letter, datetime]:
    """The envelope, the request and the moment of a published example."""
    vector: dict[str, Any] = VECTORS[name]
    known = {key: vector[key] for key in ("signature", "timestamp", "nonce", "msg_signature")}
    body = f"<xml><ToUserName>{original_id}</ToUserName><Encrypt>{vector['sealed']}</Encrypt></xml>"
    return (
        envelope(
            mode,
            appid=vector["appid"],
            token=vector["token"],
            aes_key=vector["aes_key"],
            original_id=original_id,
        ),
        Letter((*known.items(), ("encrypt_type", "aes")), body.encode()),
        datetime.fromtimestamp(int(vector["timestamp"]), UTC),
    )


def test_the_published_text_in_compatible_mode_is_read() -> None:
    own, letter, then = published("V2 text, compatible mode", Mode.COMPATIBLE, "gh_a96a4a619366")

    opened = own.open(letter.query, letter.body, now=then)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "你好"
    assert opened.inbound.openid == "olPjZjsXuQPJoV0HlruZkNzKc91E"
    assert opened.inbound.message_id == "6074746557628292943"
    assert opened.encrypted


def test_the_computed_text_in_safe_mode_is_read() -> None:
    own, letter, then = published("V7a text", Mode.SAFE, "gh_matrix000001")

    opened = own.open(letter.query, letter.body, now=then)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "办理居住证"


def test_the_published_check_of_the_address_is_answered() -> None:
    own = envelope(appid="wxba5fad812f8e6fb9", token="AAAAA", aes_key="A" * 43)
    query = (
        "signature=f464b24fc39322e44b38aa78f5edd27bd1441696&echostr=4375120948345356249"
        "&timestamp=1714036504&nonce=1514711492"
    )

    echo = own.verify_url(query, now=datetime.fromtimestamp(1714036510, UTC))

    assert echo == "4375120948345356249"


@pytest.mark.parametrize("mode", Mode)
def test_the_check_of_the_address_is_the_same_in_every_mode(mode: Mode) -> None:
    query = plain().having(echostr="12345").query

    assert envelope(mode).verify_url(query, now=NOW) == "12345"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"signature": "0" * 40}, "signature"),
        ({"signature": None}, "missing:signature"),
        ({"nonce": "other"}, "signature"),
        ({"timestamp": "1"}, "stale"),
        ({"echostr": None}, "missing:echostr"),
        ({"echostr": "\r\nSet-Cookie: a=b"}, "bad:echostr"),
        ({"echostr": "e" * 513}, "bad:echostr"),
    ],
)
def test_a_wrong_check_of_the_address_echoes_nothing(
    change: dict[str, str | None], reason: str
) -> None:
    query = plain().having(echostr="12345").having(**change).query

    with pytest.raises(Refused) as refusal:
        envelope().verify_url(query, now=NOW)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("mode", "letter", "encrypted"),
    [
        (Mode.PLAIN, plain(), False),
        (Mode.PLAIN, sealed(), True),
        (Mode.COMPATIBLE, plain(), False),
        (Mode.COMPATIBLE, sealed(), True),
        (Mode.SAFE, sealed(), True),
    ],
)
def test_each_mode_accepts_what_is_not_weaker(mode: Mode, letter: Letter, encrypted: bool) -> None:
    opened = envelope(mode).open(letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "居住证"
    assert opened.encrypted is encrypted


def test_in_compatible_mode_only_the_encrypted_fields_count() -> None:
    letter = sealed(
        beside="<Content>forged</Content><MsgId>9</MsgId><FromUserName>x</FromUserName>"
    )

    opened = envelope(Mode.COMPATIBLE).open(letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "居住证"


SAFE_WRONGS = [
    (plain(), 403, "plaintext"),
    (plain().having(encrypt_type="aes"), 403, "plaintext"),
    (plain().having(encrypt_type="aes", msg_signature="0" * 40), 403, "plaintext"),
    (sealed().having(msg_signature=None), 400, "missing:msg_signature"),
    (sealed().having(msg_signature="0" * 40), 403, "signature"),
    (sealed().having(msg_signature=""), 400, "missing:msg_signature"),
    (
        sealed().having(msg_signature=dict(sealed().parameters)["signature"]),
        403,
        "signature",
    ),
    (sealed().having(nonce=None), 400, "missing:nonce"),
    (sealed().having(nonce="n" * 65), 400, "bad:nonce"),
    (sealed().having(timestamp=None), 400, "missing:timestamp"),
    (sealed().having(timestamp="now"), 400, "bad:timestamp"),
    (sealed().having(timestamp="-5"), 400, "bad:timestamp"),
    (sealed().having(timestamp="99999999999"), 400, "bad:timestamp"),
    (sealed(token="AnotherToken"), 403, "signature"),
    (sealed(now=NOW - timedelta(seconds=301)), 403, "stale"),
    (sealed(now=NOW + timedelta(seconds=301)), 403, "stale"),
    (sealed(key=OLD_KEY), 403, "cipher:"),
    (sealed(appid="wx00000000000000bb"), 403, "cipher:appid"),
    (enclosed(""), 403, "cipher:blocks"),
    (enclosed("QUJD"), 403, "cipher:blocks"),
    (enclosed("not base64"), 403, "cipher:base64"),
    (enclosed(Cipher(KEY, APPID).seal(text("x"))[:-8]), 403, "cipher:"),
    (sealed(b"not xml"), 400, "not_xml"),
    (sealed(b"<!DOCTYPE x><xml/>"), 400, "doctype"),
    (sealed(push("text", "<Content>a</Content>")), 400, "missing:MsgId"),
    (
        sealed(text("x").replace(b"gh_5d0e2f4a91c7", b"gh_another00001")),
        403,
        "other_account",
    ),
    (replace(sealed(), body=b""), 400, "not_xml"),
    (replace(sealed(), body=b"<xml/>"), 403, "plaintext"),
    (replace(sealed(), body=b"<!DOCTYPE x>" + sealed().body), 400, "doctype"),
    (replace(sealed(), body=b"<xml><Encrypt>a</Encrypt><Encrypt>a</Encrypt></xml>"), 400, "not_te"),
    (replace(sealed(), body=b"<xml><Encrypt><a>b</a></Encrypt></xml>"), 400, "not_text:Encrypt"),
    (replace(sealed(), body=b"<xml>" + b" " * 65536 + b"</xml>"), 413, "body"),
    (replace(sealed(), body=b"\0" * 2_000_000), 413, "body"),
    (replace(sealed(), parameters=()), 400, "missing:timestamp"),
]


@pytest.mark.parametrize(("letter", "status", "reason"), SAFE_WRONGS)
def test_safe_mode_refuses(letter: Letter, status: int, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        envelope().open(letter.query, letter.body, now=NOW)

    assert refusal.value.reason.startswith(reason)
    assert refusal.value.status == status
    assert TOKEN not in repr(refusal.value.facts)
    assert str(refusal.value) == Refused.text


def test_a_signature_in_capitals_is_refused() -> None:
    letter = sealed()
    shouted = letter.having(msg_signature=dict(letter.parameters)["msg_signature"].upper())

    with pytest.raises(Refused, match=Refused.text) as refusal:
        envelope().open(shouted.query, shouted.body, now=NOW)

    assert refusal.value.reason == "signature"


@pytest.mark.parametrize("name", ["signature", "msg_signature", "timestamp", "nonce"])
def test_a_parameter_given_twice_is_refused(name: str) -> None:
    letter = sealed()
    for again in (name, f"%{ord(name[0]):x}{name[1:]}"):
        with pytest.raises(RefusedShape) as refusal:
            envelope().open(f"{letter.query}&{again}=1", letter.body, now=NOW)
        assert refusal.value.reason == f"repeated:{name}"


@pytest.mark.parametrize("query", ["&" * 40, "a=" + "1" * 3000, "nonce=\udc80", "签名=1"])
def test_a_query_no_callback_has_is_refused(query: str) -> None:
    with pytest.raises(RefusedShape):
        envelope().open(query, b"<xml/>", now=NOW)


def test_a_body_too_large_is_refused_before_anything_else() -> None:
    with pytest.raises(RefusedSize):
        envelope().open("", b" " * 70_000, now=NOW)


@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.COMPATIBLE])
@pytest.mark.parametrize(
    ("letter", "reason"),
    [
        (plain(token="AnotherToken"), "signature"),
        (plain().having(signature=None), "missing:signature"),
        (plain().having(encrypt_type="aes"), "plaintext"),
        (plain(now=NOW - timedelta(hours=1)), "stale"),
        (plain(text("x").replace(b"gh_5d0e2f4a91c7", b"gh_another00001")), "other_account"),
        (plain(b"<xml><Encrypt/></xml>"), "missing:msg_signature"),
        (sealed(token="AnotherToken"), "signature"),
        (sealed(key=OLD_KEY), "cipher:"),
    ],
)
def test_weaker_modes_refuse_too(mode: Mode, letter: Letter, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        envelope(mode).open(letter.query, letter.body, now=NOW)

    assert refusal.value.reason.startswith(reason)


def test_the_window_for_timestamps_can_be_set() -> None:
    letter = sealed(now=NOW - timedelta(minutes=20))

    assert envelope(window=3600).open(letter.query, letter.body, now=NOW)


ROTATED = {"previous_token": OLD_TOKEN, "previous_aes_key": OLD_KEY}


@pytest.mark.parametrize(
    ("token", "key", "is_previous"),
    [
        (TOKEN, KEY, False),
        (OLD_TOKEN, OLD_KEY, True),
        (TOKEN, OLD_KEY, True),
        (OLD_TOKEN, KEY, True),
    ],
)
def test_during_a_change_of_keys_the_answer_is_sealed_with_those_that_came(
    token: str, key: str, is_previous: bool
) -> None:
    letter = sealed(token=token, key=key)
    own = envelope(**ROTATED)

    opened = own.open(letter.query, letter.body, now=NOW)
    answer = read(own.seal("<xml>好</xml>", opened, now=NOW, nonce="n1").encode())

    assert opened.key_used is not None
    assert opened.key_used.is_previous is is_previous
    assert Cipher(key, APPID).open(str(answer["Encrypt"])) == "<xml>好</xml>".encode()
    assert answer["TimeStamp"] == str(int(NOW.timestamp()))
    assert answer["Nonce"] == "n1"
    assert answer["MsgSignature"] == signature(
        token, str(answer["TimeStamp"]), "n1", str(answer["Encrypt"])
    )


def test_after_the_change_former_keys_open_nothing() -> None:
    letter = sealed(token=OLD_TOKEN, key=OLD_KEY)

    with pytest.raises(Refused):
        envelope().open(letter.query, letter.body, now=NOW)


@pytest.mark.parametrize("word", [SUCCESS, ""])
def test_success_is_never_encrypted(word: str) -> None:
    letter = sealed()
    own = envelope()
    opened = own.open(letter.query, letter.body, now=NOW)

    assert own.seal(word, opened, now=NOW, nonce="n") == word


def test_a_plain_request_gets_a_plain_answer() -> None:
    letter = plain()
    own = envelope(Mode.COMPATIBLE)
    opened = own.open(letter.query, letter.body, now=NOW)

    assert own.seal("<xml/>", opened, now=NOW, nonce="n") == "<xml/>"


def test_nothing_shown_of_an_envelope_holds_a_secret() -> None:
    letter = sealed()
    opened = envelope(**ROTATED).open(letter.query, letter.body, now=NOW)

    shown = repr(opened) + repr(envelope(**ROTATED))
    assert not any(secret in shown for secret in (TOKEN, KEY, OLD_TOKEN, OLD_KEY))


def test_an_envelope_with_half_a_key_is_not_made() -> None:
    with pytest.raises(ValueError, match="43 characters"):
        envelope(previous_aes_key="A" * 31)


QUERIES = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.tuples(
            st.sampled_from(["signature", "msg_signature", "timestamp", "nonce", "encrypt_type"]),
            st.one_of(st.text(max_size=20), st.just(str(int(NOW.timestamp()))), st.just("aes")),
        ),
        max_size=8,
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
    st.just(sealed().query),
    st.just(plain().query),
)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.just(sealed().body),
    st.text(max_size=100).map(lambda said: f"<xml><Encrypt>{said}</Encrypt></xml>".encode()),
    st.text(max_size=100).map(lambda said: text(said)),
)


@given(st.sampled_from(Mode), QUERIES, BODIES)
def test_whatever_comes_is_opened_or_refused(mode: Mode, query: str, body: bytes) -> None:
    try:
        opened = envelope(mode, **ROTATED).open(query, body, now=NOW)
    except Refused as refusal:
        told = (refusal.status, bool(refusal.reason))
    else:
        told = (200, opened.encrypted or mode is not Mode.SAFE)
    assert told in ((200, True), (400, True), (403, True), (413, True))


@given(st.binary(max_size=300), st.sampled_from(Mode))
def test_whatever_the_sender_sealed_is_read_or_refused(message: bytes, mode: Mode) -> None:
    letter = sealed(message or b" ")
    try:
        envelope(mode).open(letter.query, letter.body, now=NOW)
    except Refused as refusal:
        reason = refusal.reason
    assert reason


@given(st.data())
def test_one_bit_changed_on_the_way_is_noticed(data: st.DataObject) -> None:
    letter = sealed()
    body = bytearray(letter.body)
    start = body.index(b"<Encrypt><![CDATA[") + len(b"<Encrypt><![CDATA[")
    place = data.draw(st.integers(start, body.index(b"]]>", start) - 1))
    body[place] ^= 1 << data.draw(st.integers(0, 6))

    with pytest.raises(Refused):
        envelope().open(letter.query, bytes(body), now=NOW)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=100)


@given(WORDS.filter(lambda said: "]]>" not in said), st.sampled_from(Mode))
def test_what_a_citizen_says_arrives(said: str, mode: Mode) -> None:
    letter = sealed(text(f"<![CDATA[{said}]]>"))

    opened = envelope(mode).open(letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == said
