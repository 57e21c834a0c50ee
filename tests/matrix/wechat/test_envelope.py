"""Callbacks are believed when they are WeChat's, for this account and in its mode, else not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from matrix.wechat.cipher import Cipher, signature
from matrix.wechat.envelope import (
    SUCCESS,
    CallbackRejected,
    CallbackTooLarge,
    EncryptionMode,
    Envelope,
    MalformedCallback,
)
from matrix.wechat.messages import Text, parse_xml
from tests.helpers import NOW
from tests.matrix.wechat._callback_requests import (
    APPID,
    KEY,
    OLD_KEY,
    OLD_TOKEN,
    ROTATED,
    TOKEN,
    CallbackRequest,
    accept,
    encrypted_request,
    envelope,
    plain_request,
    request_with,
)
from tests.matrix.wechat._payloads import PAYLOADS, push, text

VECTORS = {
    vector["name"]: vector
    for vector in json.loads((PAYLOADS / "vectors.json").read_text(encoding="utf-8"))
}


def published(
    name: str, mode: EncryptionMode, original_id: str
) -> tuple[Envelope, CallbackRequest, datetime]:
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
        CallbackRequest((*known.items(), ("encrypt_type", "aes")), body.encode()),
        datetime.fromtimestamp(int(vector["timestamp"]), UTC),
    )


def test_the_published_text_in_compatible_mode_is_read() -> None:
    own, letter, then = published(
        "V2 text, compatible mode", EncryptionMode.COMPATIBLE, "gh_a96a4a619366"
    )

    opened = accept(own, letter.query, letter.body, now=then)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "你好"
    assert opened.inbound.openid == "olPjZjsXuQPJoV0HlruZkNzKc91E"
    assert opened.inbound.message_id == "6074746557628292943"
    assert opened.is_encrypted


def test_the_computed_text_in_safe_mode_is_read() -> None:
    own, letter, then = published("V7a text", EncryptionMode.SAFE, "gh_matrix000001")

    opened = accept(own, letter.query, letter.body, now=then)

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


@pytest.mark.parametrize("mode", EncryptionMode)
def test_the_check_of_the_address_is_the_same_in_every_mode(mode: EncryptionMode) -> None:
    query = plain_request().with_parameters(echostr="12345").query

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
    query = plain_request().with_parameters(echostr="12345").with_parameters(**change).query

    with pytest.raises(CallbackRejected) as refusal:
        envelope().verify_url(query, now=NOW)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("mode", "letter", "encrypted"),
    [
        (EncryptionMode.PLAIN, plain_request(), False),
        (EncryptionMode.PLAIN, encrypted_request(), True),
        (EncryptionMode.COMPATIBLE, plain_request(), False),
        (EncryptionMode.COMPATIBLE, encrypted_request(), True),
        (EncryptionMode.SAFE, encrypted_request(), True),
    ],
)
def test_each_mode_accepts_what_is_not_weaker(
    mode: EncryptionMode, letter: CallbackRequest, encrypted: bool
) -> None:
    opened = accept(envelope(mode), letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "居住证"
    assert opened.is_encrypted is encrypted


def test_in_compatible_mode_only_the_encrypted_fields_count() -> None:
    letter = encrypted_request(
        beside="<Content>forged</Content><MsgId>9</MsgId><FromUserName>x</FromUserName>"
    )

    opened = accept(envelope(EncryptionMode.COMPATIBLE), letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == "居住证"


SAFE_WRONGS = [
    (plain_request(), 403, "plaintext"),
    (plain_request().with_parameters(encrypt_type="aes"), 403, "plaintext"),
    (plain_request().with_parameters(encrypt_type="aes", msg_signature="0" * 40), 403, "plaintext"),
    (encrypted_request().with_parameters(msg_signature=None), 400, "missing:msg_signature"),
    (encrypted_request().with_parameters(msg_signature="0" * 40), 403, "signature"),
    (encrypted_request().with_parameters(msg_signature=""), 400, "missing:msg_signature"),
    (
        encrypted_request().with_parameters(
            msg_signature=dict(encrypted_request().parameters)["signature"]
        ),
        403,
        "signature",
    ),
    (encrypted_request().with_parameters(nonce=None), 400, "missing:nonce"),
    (encrypted_request().with_parameters(nonce="n" * 65), 400, "bad:nonce"),
    (encrypted_request().with_parameters(timestamp=None), 400, "missing:timestamp"),
    (encrypted_request().with_parameters(timestamp="now"), 400, "bad:timestamp"),
    (encrypted_request().with_parameters(timestamp="-5"), 400, "bad:timestamp"),
    (encrypted_request().with_parameters(timestamp="99999999999"), 400, "bad:timestamp"),
    (encrypted_request(token="AnotherToken"), 403, "signature"),
    (encrypted_request(now=NOW - timedelta(seconds=301)), 403, "stale"),
    (encrypted_request(now=NOW + timedelta(seconds=301)), 403, "stale"),
    (encrypted_request(key=OLD_KEY), 403, "cipher:"),
    (encrypted_request(appid="wx00000000000000bb"), 403, "cipher:appid"),
    (request_with(""), 403, "cipher:blocks"),
    (request_with("QUJD"), 403, "cipher:blocks"),
    (request_with("not base64"), 403, "cipher:base64"),
    (request_with(Cipher(KEY, APPID).encrypt(text("x"))[:-8]), 403, "cipher:"),
    (encrypted_request(b"not xml"), 400, "not_xml"),
    (encrypted_request(b"<!DOCTYPE x><xml/>"), 400, "doctype"),
    (encrypted_request(push("event")), 400, "missing:Event"),
    (
        encrypted_request(text("x").replace(b"gh_5d0e2f4a91c7", b"gh_another00001")),
        403,
        "other_account",
    ),
    (replace(encrypted_request(), body=b""), 400, "not_xml"),
    (replace(encrypted_request(), body=b"<xml/>"), 403, "plaintext"),
    (replace(encrypted_request(), body=b"<!DOCTYPE x>" + encrypted_request().body), 400, "doctype"),
    (
        replace(encrypted_request(), body=b"<xml><Encrypt>a</Encrypt><Encrypt>a</Encrypt></xml>"),
        400,
        "not_te",
    ),
    (
        replace(encrypted_request(), body=b"<xml><Encrypt><a>b</a></Encrypt></xml>"),
        400,
        "not_text:Encrypt",
    ),
    (replace(encrypted_request(), body=b"<xml>" + b" " * 65536 + b"</xml>"), 413, "body"),
    (replace(encrypted_request(), body=b"\0" * 2_000_000), 413, "body"),
    (replace(encrypted_request(), parameters=()), 400, "missing:timestamp"),
]


@pytest.mark.parametrize(("letter", "status", "reason"), SAFE_WRONGS)
def test_safe_mode_refuses(letter: CallbackRequest, status: int, reason: str) -> None:
    with pytest.raises(CallbackRejected) as refusal:
        accept(envelope(), letter.query, letter.body, now=NOW)

    assert refusal.value.reason.startswith(reason)
    assert refusal.value.status == status
    assert TOKEN not in repr(refusal.value.facts)
    assert str(refusal.value) == CallbackRejected.text


def test_a_signature_in_capitals_is_refused() -> None:
    letter = encrypted_request()
    shouted = letter.with_parameters(msg_signature=dict(letter.parameters)["msg_signature"].upper())

    with pytest.raises(CallbackRejected, match=CallbackRejected.text) as refusal:
        accept(envelope(), shouted.query, shouted.body, now=NOW)

    assert refusal.value.reason == "signature"


@pytest.mark.parametrize("name", ["signature", "msg_signature", "timestamp", "nonce"])
def test_a_parameter_given_twice_is_refused(name: str) -> None:
    letter = encrypted_request()
    for again in (name, f"%{ord(name[0]):x}{name[1:]}"):
        with pytest.raises(MalformedCallback) as refusal:
            accept(envelope(), f"{letter.query}&{again}=1", letter.body, now=NOW)
        assert refusal.value.reason == f"repeated:{name}"


@pytest.mark.parametrize("query", ["&" * 40, "a=" + "1" * 3000, "nonce=\udc80", "签名=1"])
def test_a_query_no_callback_has_is_refused(query: str) -> None:
    with pytest.raises(MalformedCallback):
        accept(envelope(), query, b"<xml/>", now=NOW)


def test_a_body_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(CallbackTooLarge):
        accept(envelope(), encrypted_request().query, b" " * 70_000, now=NOW)


@pytest.mark.parametrize("mode", [EncryptionMode.PLAIN, EncryptionMode.COMPATIBLE])
@pytest.mark.parametrize(
    ("letter", "reason"),
    [
        (plain_request(token="AnotherToken"), "signature"),
        (plain_request().with_parameters(signature=None), "missing:signature"),
        (plain_request().with_parameters(encrypt_type="aes"), "plaintext"),
        (plain_request(now=NOW - timedelta(hours=1)), "stale"),
        (plain_request(text("x").replace(b"gh_5d0e2f4a91c7", b"gh_another00001")), "other_account"),
        (plain_request(b"<xml><Encrypt/></xml>"), "missing:msg_signature"),
        (encrypted_request(token="AnotherToken"), "signature"),
        (encrypted_request(key=OLD_KEY), "cipher:"),
    ],
)
def test_weaker_modes_refuse_too(
    mode: EncryptionMode, letter: CallbackRequest, reason: str
) -> None:
    with pytest.raises(CallbackRejected) as refusal:
        accept(envelope(mode), letter.query, letter.body, now=NOW)

    assert refusal.value.reason.startswith(reason)


def test_the_window_for_timestamps_can_be_set() -> None:
    letter = encrypted_request(now=NOW - timedelta(minutes=20))

    assert accept(envelope(window=3600), letter.query, letter.body, now=NOW)


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
    letter = encrypted_request(token=token, key=key)
    own = envelope(**ROTATED)

    opened = accept(own, letter.query, letter.body, now=NOW)
    answer = parse_xml(own.seal("<xml>好</xml>", opened, now=NOW, nonce="n1").encode())

    assert opened.keys is not None
    assert opened.keys.is_previous is is_previous
    assert Cipher(key, APPID).decrypt(str(answer["Encrypt"])) == "<xml>好</xml>".encode()
    assert answer["TimeStamp"] == str(int(NOW.timestamp()))
    assert answer["Nonce"] == "n1"
    assert answer["MsgSignature"] == signature(
        token, str(answer["TimeStamp"]), "n1", str(answer["Encrypt"])
    )


def test_after_the_change_former_keys_open_nothing() -> None:
    letter = encrypted_request(token=OLD_TOKEN, key=OLD_KEY)

    with pytest.raises(CallbackRejected):
        accept(envelope(), letter.query, letter.body, now=NOW)


@pytest.mark.parametrize("word", [SUCCESS, ""])
def test_success_is_never_encrypted(word: str) -> None:
    letter = encrypted_request()
    own = envelope()
    opened = accept(own, letter.query, letter.body, now=NOW)

    assert own.seal(word, opened, now=NOW, nonce="n") == word


def test_a_plain_request_gets_a_plain_answer() -> None:
    letter = plain_request()
    own = envelope(EncryptionMode.COMPATIBLE)
    opened = accept(own, letter.query, letter.body, now=NOW)

    assert own.seal("<xml/>", opened, now=NOW, nonce="n") == "<xml/>"


def test_nothing_shown_of_an_envelope_holds_a_secret() -> None:
    letter = encrypted_request()
    opened = accept(envelope(**ROTATED), letter.query, letter.body, now=NOW)

    shown = repr(opened) + repr(envelope(**ROTATED))
    assert not any(secret in shown for secret in (TOKEN, KEY, OLD_TOKEN, OLD_KEY))


def test_an_envelope_with_half_a_key_is_not_made() -> None:
    with pytest.raises(ValueError, match="43 characters"):
        envelope(previous_aes_key="A" * 31)
