"""Cipher of callbacks: AES-256-CBC around a message and the appid it is meant for.

    key        base64(EncodingAESKey + "="), 32 bytes; the IV is its first half
    plaintext  16 random bytes | length (4 bytes, big-endian) | message | appid | padding

Defined in WeChat's document "消息加解密说明" (wechat-platform.md 1.4, test vectors in 16). The
padding is PKCS#7 with blocks of 32 bytes, which AES unpadders reject, so it is removed by hand.
Callers check the signature before they decrypt: the response must not depend on what the padding
looked like (a padding oracle).
"""

import base64
import binascii
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers import algorithms, modes

# WeChat pads to 32 bytes although the block size of AES is 16
_BLOCK = 32
_RANDOM_LENGTH = 16  # they make equal messages encrypt to different texts
_SIZE_LENGTH = 4
_KEY_LENGTH = 43


class DecryptionError(Exception):
    """The text was not encrypted with this key for this appid. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def signature(*parts: str) -> str:
    """Hexadecimal SHA-1 of the sorted, joined parts: Token, timestamp, nonce, maybe Encrypt."""
    joined = "".join(sorted(parts)).encode()
    # SHA-1 is what WeChat prescribes; the secret Token is part of the input
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


class Cipher:
    """Decrypts and encrypts with one key for one appid. Thread-safe; built once per account."""

    __slots__ = ("_aes", "_appid")

    def __init__(self, aes_key: str, appid: str) -> None:
        """Raises ValueError unless `aes_key` is an EncodingAESKey of 43 base64 characters."""
        if len(aes_key) != _KEY_LENGTH:
            raise ValueError(f"an EncodingAESKey has {_KEY_LENGTH} characters")
        key = base64.b64decode(f"{aes_key}=", validate=True)
        self._aes = Aes(algorithms.AES(key), modes.CBC(key[:16]))
        self._appid = appid.encode()

    def decrypt(self, encrypted: str) -> bytes:
        """The message in a base64 text. Raises DecryptionError."""
        try:
            # strict: b64decode would silently skip characters that do not belong there
            data = binascii.a2b_base64(encrypted.strip().encode(), strict_mode=True)
        except ValueError:
            raise DecryptionError("base64") from None
        if not data or len(data) % 16:
            raise DecryptionError("blocks")
        # only whole blocks, so there is nothing left for finalize(), which would cost as much again
        plain = self._aes.decryptor().update(data)
        padding = plain[-1]
        if not 1 <= padding <= _BLOCK:
            raise DecryptionError("padding")
        content = plain[_RANDOM_LENGTH:-padding]
        end = _SIZE_LENGTH + int.from_bytes(content[:_SIZE_LENGTH], "big")
        if len(content) < _SIZE_LENGTH or end > len(content):
            raise DecryptionError("length")
        # a message for another account must not be replayed to this one, even with a shared key
        if content[end:] != self._appid:
            raise DecryptionError("appid")
        return content[_SIZE_LENGTH:end]

    def encrypt(self, message: bytes, *, random_prefix: bytes | None = None) -> str:
        """The message as base64 text; `random_prefix` fixes the random bytes, for test vectors."""
        length = len(message).to_bytes(_SIZE_LENGTH, "big")
        plain = (random_prefix or os.urandom(_RANDOM_LENGTH)) + length + message + self._appid
        padding = _BLOCK - len(plain) % _BLOCK
        data = self._aes.encryptor().update(plain + bytes([padding]) * padding)
        return binascii.b2a_base64(data, newline=False).decode()
