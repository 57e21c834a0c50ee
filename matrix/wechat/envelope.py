"""Envelope: checks that a callback is WeChat's and meant for this account, and decrypts it.

One Envelope per account, built once. The account's configured mode decides what is accepted, never
the request: in safe mode plain text is rejected, and when a body has an encrypted part only that
part counts (wechat-platform.md 1.1–1.4). Token and key may each be the current or the previous one,
because WeChat goes on using the old ones for a while after a change; the reply is encrypted with
those that fitted the request.

A rejected caller learns nothing but an HTTP status. The `reason` is for the log and contains
neither secrets nor content.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import unquote_plus

from config.errors import DomainError
from matrix.wechat.cipher import Cipher, DecryptionError, signature
from matrix.wechat.messages import (
    MAX_BYTES,
    Inbound,
    MalformedPush,
    XmlTree,
    parse,
    parse_tree,
    parse_xml,
)
from matrix.wechat.messages.xml import text

# acknowledges a push without replying; WeChat expects it unencrypted in every mode
SUCCESS = "success"

# Bounds for what strangers may send before anything is verified. A signature is SHA-1 in
# hexadecimal, a timestamp Unix seconds; the limits of the others are generous.
_MAX_QUERY_LENGTH = 2048
_MAX_PARAMETERS = 32
_MAX_LENGTHS = {
    "signature": 40,
    "msg_signature": 40,
    "timestamp": 10,
    "nonce": 64,
    "encrypt_type": 16,
    "echostr": 512,
}


class EncryptionMode(StrEnum):
    """How an account receives its callbacks: 明文, 兼容, 安全模式."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class CallbackRejected(DomainError):
    """A callback that is not WeChat's, not for this account, or not in its mode. HTTP 403."""

    status = 403
    text = "请求未通过校验。"

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class MalformedCallback(CallbackRejected):
    """Parameters or body that no callback of WeChat has. HTTP 400."""

    status = 400


class CallbackTooLarge(CallbackRejected):
    """A body larger than any callback's. HTTP 413."""

    status = 413


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """The Token and the cipher that fitted a request."""

    token: str = field(repr=False)
    cipher: Cipher = field(repr=False)
    is_previous: bool


@dataclass(frozen=True, slots=True)
class VerifiedPush:
    """A callback that was verified.

    `keys` is None when it came in plain text. `is_previous` says that its Token or key is from
    before the last rotation.
    """

    inbound: Inbound
    keys: CallbackKeys | None
    is_previous: bool = False

    @property
    def is_encrypted(self) -> bool:
        """Whether it came encrypted, and the reply has to be encrypted as well."""
        return self.keys is not None


class Envelope:
    """Verifies and decrypts the callbacks of one account, and encrypts its replies.

    `appid` is the id at the end of the encrypted text: the account's own, or that of the
    third-party platform. `window` is by how many seconds a timestamp may differ from our clock.
    """

    __slots__ = ("_ciphers", "_mode", "_original_id", "_tokens", "_window")

    def __init__(
        self,
        *,
        appid: str,
        original_id: str,
        mode: EncryptionMode,
        token: str,
        aes_key: str,
        previous_token: str | None = None,
        previous_aes_key: str | None = None,
        window: float = 300,
    ) -> None:
        """Raises ValueError when a key is not an EncodingAESKey."""
        # without doubles: after a change of the Token alone the key is
        # the same, and would be tried twice
        keys = (aes_key, previous_aes_key)
        self._ciphers = tuple(Cipher(key, appid) for key in dict.fromkeys(keys) if key)
        self._tokens = tuple(one for one in dict.fromkeys((token, previous_token)) if one)
        self._original_id = original_id
        self._mode = EncryptionMode(mode)
        self._window = window

    def verify_url(self, query: str, *, now: datetime) -> str:
        """The echostr to return when WeChat checks the address. Raises CallbackRejected."""
        parameters = _Parameters(query)
        self._check_time(parameters, now)
        # returned only after the signature fitted: otherwise the
        # address would echo any text for anybody
        echostr = parameters.require("echostr")
        self._matching_token(parameters, "signature")
        return echostr

    def verify_query(self, query: str, *, now: datetime) -> "VerifiedQuery":
        """Verify a callback's query string before its body is read. Raises CallbackRejected.

        WeChat signs timestamp and nonce in every mode. A stranger who cannot do that must not be
        able to occupy a thread by announcing a body and never sending it.
        """
        parameters = _Parameters(query)
        self._check_time(parameters, now)
        self._matching_token(parameters, "signature")
        return VerifiedQuery(self, parameters, now)

    def seal(self, xml: str, push: VerifiedPush, *, now: datetime, nonce: str) -> str:
        """The body of the answer: encrypted when the request was, otherwise the XML itself.

        `nonce` may be that of the request or a new one, of letters and digits.
        """
        keys = push.keys
        if keys is None or xml in ("", SUCCESS):
            return xml
        encrypted = keys.cipher.encrypt(xml.encode())
        timestamp = str(int(now.timestamp()))
        message_signature = signature(keys.token, timestamp, nonce, encrypted)
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{message_signature}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )

    def decode(
        self, parameters: "_Parameters", fields: XmlTree, *, received_at: datetime
    ) -> VerifiedPush:
        """The message in a body that came with these parameters.

        `received_at` as in `messages.parse`. Raises CallbackRejected, MalformedPush.
        """
        # in compatible mode the body holds both forms; the plain one is not covered by
        # msg_signature
        if "Encrypt" in fields:
            keys, message = self._decrypt(parameters, text(fields, "Encrypt"))
            inbound = parse(message, received_at=received_at)
            is_previous = keys.is_previous
        else:
            if self._mode is EncryptionMode.SAFE or parameters.get("encrypt_type") == "aes":
                raise CallbackRejected("plaintext")
            token = self._matching_token(parameters, "signature")
            keys, is_previous = None, token != self._tokens[0]
            inbound = parse_tree(fields, received_at=received_at)
        # several accounts may share Token and key by mistake: the gh_ id tells them apart
        if inbound.to != self._original_id:
            raise CallbackRejected("other_account")
        return VerifiedPush(inbound, keys, is_previous)

    def _decrypt(self, parameters: "_Parameters", encrypted: str) -> tuple[CallbackKeys, bytes]:
        token = self._matching_token(parameters, "msg_signature", encrypted)
        reason = ""
        for cipher in self._ciphers:
            try:
                message = cipher.decrypt(encrypted)
            # the current key first; only after a rotation the previous one is tried
            except DecryptionError as error:
                reason = reason or error.reason
                continue
            current = cipher is self._ciphers[0] and token == self._tokens[0]
            return CallbackKeys(token, cipher, is_previous=not current), message
        raise CallbackRejected(f"cipher:{reason}")

    def _matching_token(self, parameters: "_Parameters", parameter: str, *parts: str) -> str:
        """The Token that made the signature. Raises CallbackRejected when none did."""
        received = parameters.require(parameter)
        timestamp, nonce = parameters.require("timestamp"), parameters.require("nonce")
        for token in self._tokens:
            # constant time, so that the right signature cannot be found byte by byte
            if hmac.compare_digest(signature(token, timestamp, nonce, *parts), received):
                return token
        raise CallbackRejected("signature")

    def _check_time(self, parameters: "_Parameters", now: datetime) -> None:
        timestamp = parameters.require("timestamp")
        if not timestamp.isdecimal():
            raise MalformedCallback("bad:timestamp")
        # limits how long a recorded request can be replayed; within the window deduplication
        # catches it
        if abs(now.timestamp() - int(timestamp)) > self._window:
            raise CallbackRejected("stale")


class VerifiedQuery:
    """A callback whose query is verified and whose body is still to be read."""

    __slots__ = ("_envelope", "_parameters", "_verified_at")

    def __init__(
        self, envelope: Envelope, parameters: "_Parameters", verified_at: datetime
    ) -> None:
        self._envelope = envelope
        self._parameters = parameters
        self._verified_at = verified_at

    def open(self, body: bytes) -> VerifiedPush:
        """Verify and decrypt the body. Raises CallbackRejected."""
        if len(body) > MAX_BYTES:
            raise CallbackTooLarge("body")
        try:
            return self._envelope.decode(
                self._parameters, parse_xml(body), received_at=self._verified_at
            )
        except MalformedPush as error:
            raise MalformedCallback(error.reason) from None


class _Parameters:
    """The query parameters WeChat signs with; each must be short ASCII and given once."""

    __slots__ = ("_values",)

    def __init__(self, query: str) -> None:
        if len(query) > _MAX_QUERY_LENGTH or not query.isascii():
            raise MalformedCallback("query")
        parts = query.split("&")
        if len(parts) > _MAX_PARAMETERS:
            raise MalformedCallback("query")
        self._values: dict[str, str] = {}
        for part in parts:
            name, _, value = part.partition("=")
            self._add(unquote_plus(name) if "%" in name else name, value)

    def _add(self, name: str, value: str) -> None:
        limit = _MAX_LENGTHS.get(name)
        if limit is None:
            return
        # which of two values counts would depend on who reads them, so neither does
        if name in self._values:
            raise MalformedCallback(f"repeated:{name}")
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if len(value) > limit or not (value.isascii() and value.isprintable()):
            raise MalformedCallback(f"bad:{name}")
        self._values[name] = value

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def require(self, name: str) -> str:
        value = self._values.get(name)
        if value:
            return value
        raise MalformedCallback(f"missing:{name}")
