"""Protocol: signed and encrypted pushes, and whether a reply to one is right.

Stands on the published format: SHA-1 over sorted values, AES-256-CBC with the key's first
half as IV, padding to 32 bytes, `16 random ‖ length ‖ text ‖ appid`.
"""

import base64
import hashlib
import hmac
import os
import struct
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BLOCK = 32
_SUCCESS = ("", "success")


class WrongReply(Exception):
    """A reply is not what WeChat would accept or not what was expected. Says in a word why."""


@dataclass(frozen=True, slots=True)
class Account:
    """An official account as its console shows it; `original_id` is the gh_ id."""

    appid: str
    original_id: str
    token: str
    aes_key: str

    def as_json(self) -> dict[str, str]:
        """The form that peers read from a file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Message:
    """One text message of a citizen. `created` is in seconds since 1970."""

    openid: str
    text: str
    message_id: int
    created: int


@dataclass(frozen=True, slots=True)
class AnyText:
    """Expected: some text, whatever it says."""


Expected = str | AnyText | None


def derive_accounts(count: int, seed: str = "bench") -> list[Account]:
    """The same accounts on every machine, for servers to be loaded with."""

    def digest(label: str, number: int) -> bytes:
        return hmac.new(seed.encode(), f"{label}/{number}".encode(), hashlib.sha256).digest()

    def aes_key(number: int) -> str:
        random = digest("aes", number) + digest("aes2", number)
        # the last of 43 letters carries four bits; A leaves the spare ones zero
        return "".join(_KEY_ALPHABET[byte % 62] for byte in random[:42]) + "A"

    return [
        Account(
            appid="wx" + digest("app", number).hex()[:16],
            original_id="gh_" + digest("gh", number).hex()[:12],
            token="tk" + digest("tok", number).hex()[:24],
            aes_key=aes_key(number),
        )
        for number in range(count)
    ]


def signature(*parts: str) -> str:
    """SHA-1 of the sorted parts, in lower-case hex."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


class PushCipher:
    """Encrypts and decrypts for one account."""

    def __init__(self, account: Account) -> None:
        key = base64.b64decode(account.aes_key + "=")
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
        self._appid = account.appid.encode()

    def encrypt(self, text: str) -> str:
        """The base64 form of a text."""
        raw = text.encode()
        message = os.urandom(16) + struct.pack(">I", len(raw)) + raw + self._appid
        pad = _BLOCK - len(message) % _BLOCK
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(message + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def decrypt(self, sealed: str) -> str:
        """The text of a base64 form. Raises WrongReply for wrong padding or appid."""
        decryptor = self._cipher.decryptor()
        raw = base64.b64decode(sealed, validate=True)
        message = decryptor.update(raw) + decryptor.finalize()
        pad = message[-1]
        if not 1 <= pad <= _BLOCK or message[-pad:] != bytes([pad]) * pad:
            raise WrongReply("padding")
        end = 20 + int(struct.unpack(">I", message[16:20])[0])
        if message[end:-pad] != self._appid:
            raise WrongReply("appid")
        return message[20:end].decode()


def push(account: Account, box: PushCipher | None, message: Message, nonce: str) -> tuple[str, str]:
    """Query string and body of one push; encrypted with a box, plain without."""
    stamp = str(message.created)
    sender = f"timestamp={stamp}&nonce={nonce}&openid={message.openid}"
    query = f"signature={signature(account.token, stamp, nonce)}&{sender}"
    xml = _message_xml(account, message)
    if box is None:
        return query, xml
    sealed = box.encrypt(xml)
    signed = signature(account.token, stamp, nonce, sealed)
    body = (
        f"<xml><ToUserName><![CDATA[{account.original_id}]]></ToUserName>"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return f"{query}&encrypt_type=aes&msg_signature={signed}", body


def _message_xml(account: Account, message: Message) -> str:
    return (
        f"<xml><ToUserName><![CDATA[{account.original_id}]]></ToUserName>"
        f"<FromUserName><![CDATA[{message.openid}]]></FromUserName>"
        f"<CreateTime>{message.created}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[{message.text}]]></Content><MsgId>{message.message_id}</MsgId></xml>"
    )


def check_reply(
    body: bytes, account: Account, box: PushCipher | None, openid: str, expected: Expected
) -> None:
    """Judge the answer to one push; None expects no reply ("" or "success").

    Raises WrongReply.
    """
    text = body.decode("utf-8", "replace").strip()
    if (text in _SUCCESS) != (expected is None):
        raise WrongReply("unexpected reply" if expected is None else "empty")
    if expected is None:
        return
    try:
        reply = ElementTree.fromstring(text)
        if box is not None:
            reply = ElementTree.fromstring(_open_envelope(reply, account, box))
    except (ElementTree.ParseError, ValueError) as error:
        raise WrongReply(type(error).__name__) from error
    _check_fields(reply, account, openid, expected)


def _open_envelope(envelope: ElementTree.Element, account: Account, box: PushCipher) -> str:
    names = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
    sealed, signed, stamp, nonce = (envelope.findtext(name) or "" for name in names)
    if not (sealed and signed and stamp and nonce):
        raise WrongReply("envelope")
    if signature(account.token, stamp, nonce, sealed) != signed:
        raise WrongReply("signature")
    return box.decrypt(sealed).strip()


def _check_fields(
    reply: ElementTree.Element, account: Account, openid: str, expected: str | AnyText
) -> None:
    addresses = (reply.findtext("ToUserName"), reply.findtext("FromUserName"))
    if addresses != (openid, account.original_id):
        raise WrongReply("addressing")
    if not (reply.findtext("CreateTime") or "").isdecimal():
        raise WrongReply("CreateTime")
    if reply.findtext("MsgType") != "text":
        raise WrongReply("MsgType")
    content = reply.findtext("Content")
    if not content or (isinstance(expected, str) and content != expected):
        raise WrongReply("content")
