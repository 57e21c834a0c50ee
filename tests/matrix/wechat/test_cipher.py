"""The cipher agrees with the platform, with other libraries, and with itself."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from matrix.wechat.cipher import Cipher, DecryptionError, signature
from tests.matrix.wechat._callback_requests import APPID, KEY, OLD_KEY
from tests.matrix.wechat._payloads import PAYLOADS

VECTORS = json.loads((PAYLOADS / "vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_a_published_text_opens_and_seals_to_the_letter(vector: dict[str, Any]) -> None:
    cipher = Cipher(vector["aes_key"], vector["appid"])

    message = cipher.decrypt(vector["sealed"])

    assert vector["message"] in (None, message.decode())
    assert all(part in message.decode() for part in vector["contains"])
    assert vector["length"] in (None, len(message))
    if vector["head"]:
        assert cipher.encrypt(message, random_prefix=vector["head"].encode()) == vector["sealed"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_published_signatures_are_ours(vector: dict[str, Any]) -> None:
    signed = (vector["token"], vector["timestamp"], vector["nonce"])

    assert signature(*signed, vector["sealed"]) == vector["msg_signature"]
    assert vector["signature"] in (None, signature(*signed))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("AAAAA", "1714036504", "1514711492"), "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        (("AAAAA", "1714037059", "486452656"), "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        (("test", "1410685589", "test"), "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff"),
        (
            ("RMNlACHlV5ThzfRlVS4D4", "timestamp", "nonce", "encrypt"),
            "8edac0945683c119ee71c9f6256d76c48aa08a96",
        ),
    ],
)
def test_signatures_alone_are_as_published(parts: tuple[str, ...], expected: str) -> None:
    assert signature(*parts) == expected


@given(st.binary(max_size=300))
def test_what_was_sealed_opens(message: bytes) -> None:
    cipher = Cipher(KEY, APPID)

    assert cipher.decrypt(cipher.encrypt(message)) == message


def test_equal_messages_do_not_look_equal() -> None:
    cipher = Cipher(KEY, APPID)

    assert cipher.encrypt(b"same") != cipher.encrypt(b"same")


@given(st.text(max_size=200))
def test_any_text_is_decrypted_or_refused(sealed: str) -> None:
    with pytest.raises(DecryptionError):
        Cipher(KEY, APPID).decrypt(sealed)


def blocks(plain: bytes) -> str:
    """These bytes encrypted as they are, whatever they say."""
    key = base64.b64decode(KEY + "=")
    encryptor = Aes(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def padded(content: bytes, padding: int | None = None) -> bytes:
    """Random bytes, the content, and padding that says what it is told to say."""
    plain = b"r" * 16 + content
    missing = 32 - len(plain) % 32
    return plain + bytes([missing if padding is None else padding]) * missing


TAIL = APPID.encode()
FINE = b"\0\0\0\x02hi" + TAIL


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        ("", "blocks"),
        ("####", "base64"),
        ("QUJD", "blocks"),
        ("QUJ", "base64"),
        (blocks(b"r" * 16)[:-4], "blocks"),
        (blocks(padded(FINE, 0)), "padding"),
        (blocks(padded(FINE, 33)), "padding"),
        (blocks(padded(FINE, 255)), "padding"),
        (blocks(b"\x10" * 16), "length"),
        (blocks(padded(b"\0\0\0")), "length"),
        (blocks(padded(b"\0\0\0\xffhi" + TAIL)), "length"),
        (blocks(padded(b"\xff\xff\xff\xffhi" + TAIL)), "length"),
        (blocks(padded(b"\0\0\0\x02hi")), "appid"),
        (blocks(padded(b"\0\0\0\x02hi" + TAIL + b"0")), "appid"),
        (blocks(padded(b"\0\0\0\x03hi" + TAIL)), "appid"),
        (Cipher(KEY, "wx00000000000000bb").encrypt(b"hi", random_prefix=b"r" * 16), "appid"),
    ],
)
def test_text_encrypted_with_another_key_is_refused(sealed: str, reason: str) -> None:
    with pytest.raises(DecryptionError) as refusal:
        Cipher(KEY, APPID).decrypt(sealed)

    assert refusal.value.reason == reason


def test_the_valid_one_of_the_above_decrypts() -> None:
    assert Cipher(KEY, APPID).decrypt(blocks(padded(FINE))) == b"hi"


def test_another_key_opens_nothing() -> None:
    with pytest.raises(DecryptionError):
        Cipher(OLD_KEY, APPID).decrypt(Cipher(KEY, APPID).encrypt(b"hi"))


@pytest.mark.parametrize("key", ["", "short", "A" * 42, "A" * 44, "#" * 43])
def test_what_is_no_key_is_refused_when_it_is_given(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # base64 and the length each have their words
        Cipher(key, APPID)
