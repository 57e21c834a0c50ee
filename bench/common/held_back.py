"""The part of the labelled messages that nobody looks at while working; it is only counted."""

import hashlib

# of 256 values of the first byte of a hash: three of ten messages
_BYTES = 77


def is_held_back(text: str) -> bool:
    """Whether a message belongs to it, by the first byte of the SHA-256 of its text."""
    return hashlib.sha256(text.encode()).digest()[0] < _BYTES
