"""Likeness: whether two messages ask the same thing in other words.

    features  the pairs of characters and of syllables of a text, as suggestions compare them
    sketch    the few of them by which a like text is found without comparing all with all

Two texts that share at least half of their features are alike. Texts that are so alike nearly
always have a pair of their sketches in common: a sketch is the smallest of all pairs in an order
that has nothing to do with their meaning.
"""

from functools import lru_cache
from zlib import crc32

from keywords.matching.suggestions import bigrams, content_segments, is_phonetic_bigram

MIN_SIMILARITY = 0.5
SKETCH_SIZE = 8
# what stands further back tells a story; the question stands in front
MAX_COMPARED_LENGTH = 60


@lru_cache(maxsize=16384)
def features(text: str) -> frozenset[str]:
    """What a text in normal form is compared by; a text without any is known by itself."""
    return frozenset(bigrams(text[:MAX_COMPARED_LENGTH])) or frozenset({text})


@lru_cache(maxsize=16384)
def sketch(text: str) -> tuple[str, ...]:
    """Up to eight of the features, always the same ones for the same text."""
    found = features(text)
    # characters that are written alike sound alike: sounds are enough to find both
    phonetic = [pair for pair in found if is_phonetic_bigram(pair)]
    return tuple(
        sorted(phonetic or found, key=lambda pair: (crc32(pair.encode()), pair))[:SKETCH_SIZE]
    )


def main_phrase(text: str) -> str:
    """What a text is about, as a keyword: its longest stretch without question words."""
    return max(content_segments(text), key=len, default="") or text


def dice_coefficient(text: str, other: str) -> float:
    """From 0, nothing in common, to 1, the same."""
    left, right = features(text), features(other)
    return 2 * len(left & right) / (len(left) + len(right))
