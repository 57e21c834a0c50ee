"""The envelope of callbacks and their answers: signature and encryption of safe mode.

    key    base64(EncodingAESKey + "="), 32 bytes; IV is its first half
    plain  16 random bytes, 4 bytes length (big endian), message, appid; PKCS#7 to blocks of 32

(WeChat: 消息加解密说明.) Written from the protocol and without any code of the receiver, so that an
error there cannot be repeated here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# blocks of 32 bytes, twice those of AES: unpadders of crypto libraries accept 1 to 16 only and fail
# on half of all messages
BLOCK = 32


class BadEnvelope(Exception):
    """The text cannot be decrypted; the message says why."""


def sign(*parts: str) -> str:
    """SHA-1 of the sorted and joined parts, as lower-case hex."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def verify_signature(signature: str, *parts: str) -> bool:
    """Whether the signature belongs to the parts."""
    return hmac.compare_digest(signature.encode(), sign(*parts).encode())


def encrypt(message: str, *, aes_key: str, appid: str, random: bytes | None = None) -> str:
    """The message encrypted for an account; `random` (16 bytes) is given by test vectors only."""
    key = _key(aes_key)
    body = message.encode()
    plain = (random or secrets.token_bytes(16)) + len(body).to_bytes(4, "big") + body
    plain += appid.encode()
    padding = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(sealed: str, *, aes_key: str, appid: str) -> str:
    """The decrypted message; BadEnvelope for wrong base64, padding, length or appid."""
    key = _key(aes_key)
    try:
        data = base64.b64decode(sealed, validate=True)
    except ValueError as error:
        raise BadEnvelope("Encrypt 不是有效的 base64") from error
    # CBC works on blocks of AES, which have 16 bytes
    if not data or len(data) % 16:
        raise BadEnvelope("密文长度不是 16 的倍数")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    padding = plain[-1]
    if not 1 <= padding <= BLOCK:
        raise BadEnvelope("补位不对，多半是 EncodingAESKey 不一致")
    content = plain[16:-padding]
    length = int.from_bytes(content[:4], "big")
    # the length comes from the sender: without the check a wrong key would read beyond the text
    if len(content) < 4 or length > len(content) - 4:
        raise BadEnvelope("长度字段超出密文")
    # the signature does not say for which account; without this a reply for one could be shown at
    # another
    if content[4 + length :] != appid.encode():
        raise BadEnvelope("密文末尾的 appid 不是本公众号")
    try:
        return content[4 : 4 + length].decode()
    except UnicodeDecodeError as error:
        raise BadEnvelope("解密后的内容不是 UTF-8") from error


def _key(aes_key: str) -> bytes:
    # 43 characters carry 258 bits; the equals sign completes the base64 of 32 bytes
    return base64.b64decode(aes_key + "=")
