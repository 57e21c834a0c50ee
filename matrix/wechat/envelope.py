"""The envelope: whether a callback is WeChat's and meant for this account, and what it says.

    query + body ──open──> Opened(inbound, …) ──…──> reply ──seal──> body of the answer

One Envelope per account, built once. The account's own mode decides what is accepted, never the
request: in safe mode plain text is refused, and wherever a body holds an encrypted part, only
that part counts. Token and key may each be the current or the previous one, since WeChat pushes
with the old ones for a while after a change; the answer is sealed with those that worked.

A refusal tells the stranger nothing but a status. Its `reason` is for the log and holds no
secret and nothing of the content.
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

SUCCESS = "success"  # "heard, no reply": never encrypted

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
    """How an account wants its callbacks: 明文, 兼容, 安全."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class CallbackRejected(DomainError):
    """A callback that is not WeChat's, not for this account, or not in its mode."""

    status = 403
    text = "请求未通过校验。"

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class MalformedCallback(CallbackRejected):
    """A callback whose parameters or body are no callback's."""

    status = 400


class CallbackTooLarge(CallbackRejected):
    """A body larger than any callback's."""

    status = 413


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """The Token and the cipher that fitted a request."""

    token: str = field(repr=False)
    cipher: Cipher = field(repr=False)
    is_previous: bool


@dataclass(frozen=True, slots=True)
class VerifiedPush:
    """A callback that may be believed.

    `key_used` is None when it came in plain text. `is_previous`: it came with a Token or a key
    from before the last change.
    """

    inbound: Inbound
    keys: CallbackKeys | None
    is_previous: bool = False

    @property
    def is_encrypted(self) -> bool:
        """Whether it came encrypted, and the answer must go out so."""
        return self.keys is not None


class Envelope:
    """Opens and seals callbacks of one account.

    `appid` is the id at the end of the encrypted text: the account's own, or that of the
    third-party platform. `window` is how many seconds a timestamp may be off.
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
        """Raises ValueError when a key is no EncodingAESKey."""
        keys = (aes_key, previous_aes_key)
        self._ciphers = tuple(Cipher(key, appid) for key in dict.fromkeys(keys) if key)
        self._tokens = tuple(one for one in dict.fromkeys((token, previous_token)) if one)
        self._original_id = original_id
        self._mode = EncryptionMode(mode)
        self._window = window

    def verify_url(self, query: str, *, now: datetime) -> str:
        """The echostr to send back when WeChat checks the address. Raises Refused."""
        parameters = _Parameters(query)
        self._check_time(parameters, now)
        echostr = parameters.require("echostr")
        self._matching_token(parameters, "signature")
        return echostr

    def verify_query(self, query: str, *, now: datetime) -> "VerifiedQuery":
        """A callback whose query WeChat signed, before its body is read. Raises Refused.

        WeChat signs time and nonce in every mode. Who cannot do that is not worth waiting for:
        a stranger who announces a body and never sends it would hold a thread.
        """
        parameters = _Parameters(query)
        self._check_time(parameters, now)
        self._matching_token(parameters, "signature")
        return VerifiedQuery(self, parameters)

    def open(self, query: str, body: bytes, *, now: datetime) -> VerifiedPush:
        """What the callback says. `query` is the raw query string. Raises Refused."""
        _check_size(body)
        parameters = _Parameters(query)
        self._check_time(parameters, now)
        return VerifiedQuery(self, parameters).open(body)

    def seal(self, xml: str, push: VerifiedPush, *, now: datetime, nonce: str) -> str:
        """The answer as it goes out: sealed as the request was, or plain as the request was.

        `nonce` may be the request's or a new one, of letters and digits.
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

    def decode(self, parameters: "_Parameters", fields: XmlTree) -> VerifiedPush:
        """What a body says that came with these parameters. Raises Refused, Malformed."""
        if "Encrypt" in fields:
            keys, message = self._decrypt(parameters, text(fields, "Encrypt"))
            inbound, is_previous = parse(message), keys.is_previous
        else:
            if self._mode is EncryptionMode.SAFE or parameters.get("encrypt_type") == "aes":
                raise CallbackRejected("plaintext")
            token = self._matching_token(parameters, "signature")
            keys, inbound, is_previous = None, parse_tree(fields), token != self._tokens[0]
        if inbound.to != self._original_id:
            raise CallbackRejected("other_account")
        return VerifiedPush(inbound, keys, is_previous)

    def _decrypt(self, parameters: "_Parameters", encrypted: str) -> tuple[CallbackKeys, bytes]:
        token = self._matching_token(parameters, "msg_signature", encrypted)
        reason = ""
        for cipher in self._ciphers:
            try:
                message = cipher.decrypt(encrypted)
            except DecryptionError as error:
                reason = reason or error.reason
                continue
            current = cipher is self._ciphers[0] and token == self._tokens[0]
            return CallbackKeys(token, cipher, is_previous=not current), message
        raise CallbackRejected(f"cipher:{reason}")

    def _matching_token(self, parameters: "_Parameters", parameter: str, *parts: str) -> str:
        """The Token that made the signature. Raises Refused when it was none of ours."""
        received = parameters.require(parameter)
        timestamp, nonce = parameters.require("timestamp"), parameters.require("nonce")
        for token in self._tokens:
            if hmac.compare_digest(signature(token, timestamp, nonce, *parts), received):
                return token
        raise CallbackRejected("signature")

    def _check_time(self, parameters: "_Parameters", now: datetime) -> None:
        timestamp = parameters.require("timestamp")
        if not timestamp.isdecimal():
            raise MalformedCallback("bad:timestamp")
        if abs(now.timestamp() - int(timestamp)) > self._window:
            raise CallbackRejected("stale")


class VerifiedQuery:
    """A callback of which only the body is missing."""

    __slots__ = ("_envelope", "_parameters")

    def __init__(self, envelope: Envelope, parameters: "_Parameters") -> None:
        self._envelope = envelope
        self._parameters = parameters

    def open(self, body: bytes) -> VerifiedPush:
        """What the callback says. Raises Refused."""
        _check_size(body)
        try:
            return self._envelope.decode(self._parameters, parse_xml(body))
        except MalformedPush as error:
            raise MalformedCallback(error.reason) from None


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise CallbackTooLarge("body")


class _Parameters:
    """The parameters WeChat signs with: each short, plain and given once."""

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
