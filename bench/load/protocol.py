"""The callback protocol: signed and encrypted pushes, and checks of the replies to them.

Format (WeChat: 消息加解密说明): SHA-1 over sorted values; AES-256-CBC with the first half of the
key as IV; padding to 32 bytes; plain text `16 random bytes ‖ length ‖ text ‖ appid`.
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
# both mean "no reply" to WeChat, and it shows nothing
_SUCCESS = ("", "success")


class WrongReply(Exception):
    """A reply that WeChat would not accept, or not the expected one; the message says why."""


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
    """One text message of a citizen; `created` is in unix seconds."""

    openid: str
    text: str
    message_id: int
    created: int


@dataclass(frozen=True, slots=True)
class AnyText:
    """Expects any text as reply."""


Expected = str | AnyText | None


def derive_accounts(count: int, seed: str = "bench") -> list[Account]:
    """Accounts for the servers, the same on every machine."""

    def digest(label: str, number: int) -> bytes:
        return hmac.new(seed.encode(), f"{label}/{number}".encode(), hashlib.sha256).digest()

    def aes_key(number: int) -> str:
        random = digest("aes", number) + digest("aes2", number)
        # 43 base64 letters carry 258 bits for a key of 256; A makes the spare ones zero
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
    """Encryption and decryption with the key of one account."""

    def __init__(self, account: Account) -> None:
        # EncodingAESKey is base64 without its padding
        key = base64.b64decode(account.aes_key + "=")
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
        self._appid = account.appid.encode()

    def encrypt(self, text: str) -> str:
        """The base64 form of a text."""
        raw = text.encode()
        # random bytes first, so that equal messages look different when encrypted
        message = os.urandom(16) + struct.pack(">I", len(raw)) + raw + self._appid
        pad = _BLOCK - len(message) % _BLOCK
        # the cipher object is kept, a fresh encryptor is needed for each message, because CBC
        # chains
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(message + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def decrypt(self, sealed: str) -> str:
        """The text of a base64 form. Raises WrongReply for wrong padding or appid."""
        decryptor = self._cipher.decryptor()
        raw = base64.b64decode(sealed, validate=True)
        message = decryptor.update(raw) + decryptor.finalize()
        pad = message[-1]
        # padding up to 32 is valid here; checks for AES's 16 would refuse half of all replies
        if not 1 <= pad <= _BLOCK or message[-pad:] != bytes([pad]) * pad:
            raise WrongReply("padding")
        end = 20 + int(struct.unpack(">I", message[16:20])[0])
        if message[end:-pad] != self._appid:
            raise WrongReply("appid")
        return message[20:end].decode()


def push(account: Account, box: PushCipher | None, message: Message, nonce: str) -> tuple[str, str]:
    """Query string and body of one push; encrypted if a cipher is given, else plain."""
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
    """Check the answer to one push; None expects no reply ("" or "success").

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
    # all four are needed to check the signature; a server that leaves one out would be ignored by
    # WeChat
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
    # WeChat drops a reply whose addresses do not mirror those of the push
    if addresses != (openid, account.original_id):
        raise WrongReply("addressing")
    if not (reply.findtext("CreateTime") or "").isdecimal():
        raise WrongReply("CreateTime")
    if reply.findtext("MsgType") != "text":
        raise WrongReply("MsgType")
    content = reply.findtext("Content")
    if not content or (isinstance(expected, str) and content != expected):
        raise WrongReply("content")
