"""A message as numbers: which pairs of characters, sounds and categories of words stand where.

    着火了  ──> 着 火 了 着火 火了 …   hashed, by characters (1 to 4) and by sounds (2 to 4)
            ──> fire, fire+now …       categories of the lexicon, and pairs of them that stand close

A linear model (see `classifier`) has a weight for each number. Hashing (Weinberger et al., 2009)
needs no list of what was seen in training, so the model is one array.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keywords.language import phonetics
from keywords.language.normalize import fold_spaced
from keywords.matching.emergencies.words import DangerWords, WordHit

HASH_BITS = 17
_LONGEST = 4
_PAIR_WINDOW = 14  # characters between two words that can belong to one statement
# more than this says nothing new, and bounds the work on a message
_MAX_LENGTH = 600
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(64 - HASH_BITS)
# both kinds of n-grams share the table: 着火 by its characters and by its sounds differ anyway,
# since sounds are characters of the private use area

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """What a message contains: the number of each feature, and the character where it stands.

    `length` counts characters, `hits` are the words of the lexicon in their order, `events` those
    that can be a danger themselves, `borders` the places between clauses.
    """

    numbers: Numbers
    positions: Numbers
    length: int
    hits: tuple[WordHit, ...]
    events: tuple[WordHit, ...]
    borders: tuple[int, ...]

    def clauses(self) -> Iterator[list[WordHit]]:
        """The words of each clause that has some."""
        rest = [*self.hits]
        for border in (*self.borders, self.length):
            clause = [hit for hit in rest if hit.start < border]
            rest = rest[len(clause) :]
            if clause:
                yield clause


def table_size(category_count: int) -> int:
    """The number of weights for a lexicon with so many categories."""
    both = 2 * category_count
    return (1 << HASH_BITS) + both + both * both


def extract(raw: str, words: DangerWords) -> Features:
    """The features of a raw message."""
    # with what looks like a mention: "@华阴公安家里着火了" has no space after the name
    text = f" {fold_spaced(raw)[:_MAX_LENGTH]} "
    phonetic = phonetics.encode(text)
    hits = words.hits(text)
    spelt = {place for hit in hits for place in range(hit.start, hit.start + len(hit.word))}
    # 着火了 has no 火了 that sounds like 豁了; beside pinyin the places differ and prove nothing
    hits += [
        hit
        for hit in words.sound_hits(phonetic)
        if len(phonetic.code) != len(text) or hit.start not in spelt
    ]
    hits.sort(key=lambda hit: hit.start)
    parts = [
        _ngrams(text, 1),
        _ngrams(phonetic.code, 2),
        _categories(hits, len(words.categories)),
    ]
    numbers = np.concatenate([part[0] for part in parts])
    positions = np.concatenate([part[1] for part in parts])
    length = len(text)
    events = tuple(hit for hit in hits if hit.is_event)
    # pinyin has fewer code characters than letters
    borders = tuple(place for place, character in enumerate(text) if character == " ")
    return Features(
        numbers, np.minimum(positions, length - 1), length, tuple(hits), events, borders
    )


def _ngrams(text: str, shortest: int) -> tuple[Numbers, Numbers]:
    """The hashes of all runs of `shortest` to four characters, and the last place of each."""
    characters = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4").astype(np.uint64)
    value = characters
    numbers, positions = [], []
    places = np.arange(len(characters))
    for size in range(1, min(_LONGEST, len(characters)) + 1):
        if size > 1:
            value = value[:-1] * _MULTIPLIER + characters[size - 1 :]
        if size >= shortest:
            mixed = (value ^ (value >> np.uint64(29))) * _SPREAD
            numbers.append((mixed >> _SHIFT).astype(np.int64))
            positions.append(places[size - 1 :])
    if not numbers:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(numbers), np.concatenate(positions)


def _categories(hits: Sequence[WordHit], category_count: int) -> tuple[Numbers, Numbers]:
    """Each category once, and each pair of categories whose words stand close together."""
    both, base = 2 * category_count, 1 << HASH_BITS
    found: dict[int, int] = {}
    placed = [(hit.start, category) for hit in hits for category in hit.categories]
    for index, (start, category) in enumerate(placed):
        found.setdefault(base + category, start)
        row = base + both + category * both
        for other_start, other in placed[index + 1 :]:
            if other_start - start > _PAIR_WINDOW:
                break
            if other != category:
                found.setdefault(row + other, other_start)
    return np.array([*found], np.int64), np.array([*found.values()], np.int64)
