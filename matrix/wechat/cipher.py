"""The cipher of callbacks: AES-256-CBC around a message and the appid it is for.

    key   = base64(EncodingAESKey + "=")          32 bytes; the IV is its first half
    plain = 16 random bytes | length (4, big-endian) | message | appid | padding to 32

Rules: "message encryption and decryption" of the platform's documents. Padding is PKCS#7 with
blocks of 32, which AES unpadders refuse, so it is taken off by hand. Whoever opens has checked
the signature before: no answer may depend on what the padding looked like.
"""

import base64
import binascii
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers import algorithms, modes

_BLOCK = 32
_RANDOM_LENGTH = 16  # random bytes that only keep equal messages from looking equal
_SIZE_LENGTH = 4
_KEY_LENGTH = 43


class DecryptionError(Exception):
    """The text was not sealed with this key for this appid. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def signature(*parts: str) -> str:
    """The lower-case SHA-1 of the sorted parts: Token, timestamp, nonce and perhaps Encrypt."""
    joined = "".join(sorted(parts)).encode()
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


class Cipher:
    """Opens and seals with one key for one appid. Built once per account, safe in threads."""

    __slots__ = ("_aes", "_appid")

    def __init__(self, aes_key: str, appid: str) -> None:
        """Raises ValueError unless `aes_key` is an EncodingAESKey of 43 characters."""
        if len(aes_key) != _KEY_LENGTH:
            raise ValueError(f"an EncodingAESKey has {_KEY_LENGTH} characters")
        key = base64.b64decode(f"{aes_key}=", validate=True)
        self._aes = Aes(algorithms.AES(key), modes.CBC(key[:16]))
        self._appid = appid.encode()

    def decrypt(self, encrypted: str) -> bytes:
        """The message inside base64 text. Raises Unopenable."""
        try:
            data = binascii.a2b_base64(encrypted.strip().encode(), strict_mode=True)
        except ValueError:
            raise DecryptionError("base64") from None
        if not data or len(data) % 16:
            raise DecryptionError("blocks")
        # whole blocks: nothing is left for a finalize(), which would cost as much again
        plain = self._aes.decryptor().update(data)
        padding = plain[-1]
        if not 1 <= padding <= _BLOCK:
            raise DecryptionError("padding")
        content = plain[_RANDOM_LENGTH:-padding]
        end = _SIZE_LENGTH + int.from_bytes(content[:_SIZE_LENGTH], "big")
        if len(content) < _SIZE_LENGTH or end > len(content):
            raise DecryptionError("length")
        if content[end:] != self._appid:
            raise DecryptionError("appid")
        return content[_SIZE_LENGTH:end]

    def encrypt(self, message: bytes, *, random_prefix: bytes | None = None) -> str:
        """Base64 text only this key opens; `head` fixes the 16 random bytes."""
        length = len(message).to_bytes(_SIZE_LENGTH, "big")
        plain = (random_prefix or os.urandom(_RANDOM_LENGTH)) + length + message + self._appid
        padding = _BLOCK - len(plain) % _BLOCK
        data = self._aes.encryptor().update(plain + bytes([padding]) * padding)
        return binascii.b2a_base64(data, newline=False).decode()
