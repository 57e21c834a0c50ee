"""Secrets at rest: sealed with the first key of FIELD_KEYS, opened with any of them.

A database that leaks gives no AppSecret away; a key can be changed without a stop: put the
new key first, run `flask --app wsgi reseal`, then take the old key out.
"""

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from config import settings


class DecryptionFailed(Exception):
    """A sealed value fits none of the keys in FIELD_KEYS."""


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt a text with the current key."""
    return _fernet(settings.get().field_keys).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """The text that was sealed with any key still listed.

    Raises Unreadable when no key fits.
    """
    try:
        return _fernet(settings.get().field_keys).decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise DecryptionFailed("a stored secret fits none of the keys in FIELD_KEYS") from error


class EncryptedText(TypeDecorator[str]):
    """A text column that is encrypted in the database and plain in the program."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seal on the way in."""
        return None if value is None else encrypt(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Open on the way out."""
        return None if value is None else decrypt(value)
