"""Similarity of two messages: whether they ask the same in other words.

    features  the bigrams of a text (see language/bigrams)
    sketch    the few of them under which a text is indexed (bottom-k MinHash, Broder 1997)

Two texts are similar when their Sorensen-Dice coefficient over features is at least
`MIN_SIMILARITY`. A sketch is the k smallest features by a hash, so similar texts nearly always
share one, and candidates are found by an index instead of comparing every pair of texts.
"""

from functools import lru_cache
from zlib import crc32

from keywords.language.bigrams import bigrams, content_segments, is_phonetic_bigram

MIN_SIMILARITY = 0.5
SKETCH_SIZE = 8
# In characters. Long messages put the question first and the story behind it.
MAX_COMPARED_LENGTH = 60


@lru_cache(maxsize=16384)
def features(text: str) -> frozenset[str]:
    """The bigrams of a text in normal form; the text itself where it has none."""
    # a text of one character has no pairs and is similar to itself only
    return frozenset(bigrams(text[:MAX_COMPARED_LENGTH])) or frozenset({text})


@lru_cache(maxsize=16384)
def sketch(text: str) -> tuple[str, ...]:
    """Up to `SKETCH_SIZE` features, the same for the same text in every process.

    Hence crc32: Python's own hash of strings differs from process to process.
    """
    found = features(text)
    # equal characters have equal sounds, so phonetic pairs alone find both kinds of likeness
    phonetic = [pair for pair in found if is_phonetic_bigram(pair)]
    return tuple(
        sorted(phonetic or found, key=lambda pair: (crc32(pair.encode()), pair))[:SKETCH_SIZE]
    )


def main_phrase(text: str) -> str:
    """The longest stretch without stop words, proposed as the keyword of a new rule."""
    return max(content_segments(text), key=len, default="") or text


def dice_coefficient(text: str, other: str) -> float:
    """The Sorensen-Dice coefficient of two texts: 0 for nothing in common, 1 for the same."""
    left, right = features(text), features(other)
    return 2 * len(left & right) / (len(left) + len(right))
