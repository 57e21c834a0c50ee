"""Callbacks as WeChat sends them, made for tests: query, body, and the envelope they fit."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from matrix.wechat.cipher import Cipher, signature
from matrix.wechat.envelope import EncryptionMode, Envelope
from tests.helpers import NOW
from tests.matrix.wechat._payloads import ACCOUNT, text

APPID = "wx00000000000000aa"
TOKEN = "TokenOfTests"
KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
OLD_TOKEN = "FormerToken"
OLD_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def envelope(mode: EncryptionMode = EncryptionMode.SAFE, **changes: Any) -> Envelope:
    """The envelope of the tests' account."""
    values: dict[str, Any] = {
        "appid": APPID,
        "original_id": ACCOUNT,
        "mode": mode,
        "token": TOKEN,
        "aes_key": KEY,
    }
    return Envelope(**values | changes)


@dataclass(frozen=True)
class CallbackRequest:
    """A request's query string and body."""

    parameters: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def query(self) -> str:
        """The parameters as they stand in the address."""
        return urlencode(self.parameters)

    def with_parameters(self, **changes: str | None) -> "CallbackRequest":
        """The same with other parameters; None takes one away."""
        values = dict(self.parameters) | changes
        kept = tuple((name, value) for name, value in values.items() if value is not None)
        return replace(self, parameters=kept)


def plain_request(
    push: bytes = b"", *, token: str = TOKEN, now: datetime = NOW, nonce: str = "20260310"
) -> CallbackRequest:
    """A push in plain text."""
    timestamp = str(int(now.timestamp()))
    return CallbackRequest(
        (
            ("signature", signature(token, timestamp, nonce)),
            ("timestamp", timestamp),
            ("nonce", nonce),
            ("openid", "oHyFb7Qw0_citizen_0000000001"),
        ),
        push or text("居住证"),
    )


def encrypted_request(
    push: bytes = b"",
    *,
    token: str = TOKEN,
    key: str = KEY,
    appid: str = APPID,
    now: datetime = NOW,
    beside: str = "",
) -> CallbackRequest:
    """A push in safe mode; with `beside`, plain fields stand next to the encrypted one."""
    return request_with(Cipher(key, appid).encrypt(push or text("居住证")), token, now, beside)


def request_with(
    encrypt: str, token: str = TOKEN, now: datetime = NOW, beside: str = ""
) -> CallbackRequest:
    """An encrypted text with the signatures it needs."""
    letter = plain_request(token=token, now=now)
    known = dict(letter.parameters)
    signed = signature(token, known["timestamp"], known["nonce"], encrypt)
    body = f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>{beside}"
    return CallbackRequest(
        (*letter.parameters, ("encrypt_type", "aes"), ("msg_signature", signed)),
        f"{body}<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode(),
    )
