"""Encryption of stored secrets: with the first key of FIELD_KEYS; decryption with any of them.

A copy of the database alone reveals no AppSecret. Fernet is AES-128-CBC with HMAC-SHA256
(https://github.com/fernet/spec). To change a key while the hub runs: put the new one first, run
`flask --app wsgi reseal`, then remove the old one.
"""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from config import settings


class DecryptionFailed(Exception):
    """An encrypted value fits none of the keys in FIELD_KEYS; one was lost or removed too early."""


# `cache` and not Lazy, because it is keyed: a process whose keys change gets another object, and
# two threads that make the same one do no harm.
@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """The text encrypted with the first key, as URL-safe base64. Differs at every call."""
    return _fernet(settings.get().field_keys).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """The text that was encrypted with any key still listed. Raises DecryptionFailed."""
    try:
        return _fernet(settings.get().field_keys).decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise DecryptionFailed("a stored secret fits none of the keys in FIELD_KEYS") from error


class EncryptedText(TypeDecorator[str]):
    """A text column that is encrypted in the database. It cannot be searched or compared in SQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The value as it is stored."""
        return None if value is None else encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The stored value decrypted. Raises DecryptionFailed."""
        return None if value is None else decrypt(value)
