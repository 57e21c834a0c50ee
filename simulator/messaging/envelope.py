"""Envelope: signing and encrypting as the platform does, for callbacks and their answers.

    key    base64(EncodingAESKey + "="), 32 bytes; IV is its first half
    plain  16 random bytes, 4 bytes length (big endian), message, appid; PKCS#7 to blocks of 32

(WeChat: 消息加解密说明.) Written from the protocol, on purpose without any code of the receiver.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class BadEnvelope(Exception):
    """The sealed text cannot be opened; the reason says why."""


def sign(*parts: str) -> str:
    """SHA-1 of the sorted parts, as lower-case hex."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def verify_signature(signature: str, *parts: str) -> bool:
    """Whether the signature belongs to the parts."""
    return hmac.compare_digest(signature.encode(), sign(*parts).encode())


def encrypt(message: str, *, aes_key: str, appid: str, random: bytes | None = None) -> str:
    """The message sealed for the account; `random` (16 bytes) is given only by test vectors."""
    key = _key(aes_key)
    body = message.encode()
    plain = (random or secrets.token_bytes(16)) + len(body).to_bytes(4, "big") + body
    plain += appid.encode()
    padding = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(sealed: str, *, aes_key: str, appid: str) -> str:
    """The message inside; `BadEnvelope` for broken text, padding, length or another appid."""
    key = _key(aes_key)
    try:
        data = base64.b64decode(sealed, validate=True)
    except ValueError as error:
        raise BadEnvelope("Encrypt 不是有效的 base64") from error
    if not data or len(data) % 16:
        raise BadEnvelope("密文长度不是 16 的倍数")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    padding = plain[-1]
    if not 1 <= padding <= BLOCK:
        raise BadEnvelope("补位不对，多半是 EncodingAESKey 不一致")
    content = plain[16:-padding]
    length = int.from_bytes(content[:4], "big")
    if len(content) < 4 or length > len(content) - 4:
        raise BadEnvelope("长度字段超出密文")
    if content[4 + length :] != appid.encode():
        raise BadEnvelope("密文末尾的 appid 不是本公众号")
    try:
        return content[4 : 4 + length].decode()
    except UnicodeDecodeError as error:
        raise BadEnvelope("解密后的内容不是 UTF-8") from error


def _key(aes_key: str) -> bytes:
    return base64.b64decode(aes_key + "=")
