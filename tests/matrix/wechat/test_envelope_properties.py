"""Whatever bytes, queries and modes come together, an envelope opens or refuses them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.wechat.envelope import CallbackRejected, EncryptionMode
from matrix.wechat.messages import Text
from tests.helpers import NOW
from tests.matrix.wechat._callback_requests import (
    ROTATED,
    accept,
    encrypted_request,
    envelope,
    plain_request,
)
from tests.matrix.wechat._payloads import text

QUERIES = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.tuples(
            st.sampled_from(["signature", "msg_signature", "timestamp", "nonce", "encrypt_type"]),
            st.one_of(st.text(max_size=20), st.just(str(int(NOW.timestamp()))), st.just("aes")),
        ),
        max_size=8,
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
    st.just(encrypted_request().query),
    st.just(plain_request().query),
)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.just(encrypted_request().body),
    st.text(max_size=100).map(lambda said: f"<xml><Encrypt>{said}</Encrypt></xml>".encode()),
    st.text(max_size=100).map(lambda said: text(said)),
)


@given(st.sampled_from(EncryptionMode), QUERIES, BODIES)
def test_whatever_comes_is_opened_or_refused(mode: EncryptionMode, query: str, body: bytes) -> None:
    try:
        opened = accept(envelope(mode, **ROTATED), query, body, now=NOW)
    except CallbackRejected as refusal:
        told = (refusal.status, bool(refusal.reason))
    else:
        told = (200, opened.is_encrypted or mode is not EncryptionMode.SAFE)
    assert told in ((200, True), (400, True), (403, True), (413, True))


@given(st.binary(max_size=300), st.sampled_from(EncryptionMode))
def test_whatever_the_sender_sealed_is_read_or_refused(
    message: bytes, mode: EncryptionMode
) -> None:
    letter = encrypted_request(message or b" ")
    try:
        accept(envelope(mode), letter.query, letter.body, now=NOW)
    except CallbackRejected as refusal:
        reason = refusal.reason
    assert reason


@given(st.data())
def test_one_bit_changed_on_the_way_is_noticed(data: st.DataObject) -> None:
    letter = encrypted_request()
    body = bytearray(letter.body)
    start = body.index(b"<Encrypt><![CDATA[") + len(b"<Encrypt><![CDATA[")
    place = data.draw(st.integers(start, body.index(b"]]>", start) - 1))
    body[place] ^= 1 << data.draw(st.integers(0, 6))

    with pytest.raises(CallbackRejected):
        accept(envelope(), letter.query, bytes(body), now=NOW)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=100)


@given(WORDS.filter(lambda said: "]]>" not in said), st.sampled_from(EncryptionMode))
def test_what_a_citizen_says_arrives(said: str, mode: EncryptionMode) -> None:
    letter = encrypted_request(text(f"<![CDATA[{said}]]>"))

    opened = accept(envelope(mode), letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == said
