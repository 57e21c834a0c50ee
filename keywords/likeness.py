"""Likeness: whether two messages ask the same thing in other words.

    features  the pairs of characters and of syllables of a text, as suggestions compare them
    sketch    the few of them by which a like text is found without comparing all with all

Two texts that share at least half of their features are alike. Texts that are so alike nearly
always have a pair of their sketches in common: a sketch is the smallest of all pairs in an order
that has nothing to do with their meaning.
"""

from functools import lru_cache
from zlib import crc32

from keywords.suggest import is_sound, pairs

ALIKE = 0.5
SKETCHED = 8
# what stands further back tells a story; the question stands in front
LONGEST = 60


@lru_cache(maxsize=16384)
def features(text: str) -> frozenset[str]:
    """What a text in normal form is compared by; a text without any is known by itself."""
    return frozenset(pairs(text[:LONGEST])) or frozenset({text})


@lru_cache(maxsize=16384)
def sketch(text: str) -> tuple[str, ...]:
    """Up to eight of the features, always the same ones for the same text."""
    found = features(text)
    # characters that are written alike sound alike: sounds are enough to find both
    heard = [pair for pair in found if is_sound(pair)]
    return tuple(sorted(heard or found, key=lambda pair: (crc32(pair.encode()), pair))[:SKETCHED])


def likeness(one: str, other: str) -> float:
    """From 0, nothing in common, to 1, the same."""
    left, right = features(one), features(other)
    return 2 * len(left & right) / (len(left) + len(right))
