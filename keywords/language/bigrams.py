"""Character and syllable bigrams of a text, by which similar texts are found.

Suggestions compare a message with rules by them, and clustering compares unanswered messages
with each other; both ignore question words, stop words and particles, which all messages share.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from keywords.language import lexicons, phonetics, small_talk


def bigrams(text: str) -> Iterator[str]:
    """Pairs of neighbouring characters of text in normal form, then of neighbouring syllables.

    Syllables are phonetic codes (see `phonetics`), so homophones share their pairs. Pairs do not
    reach across a stop word, and pairs of characters with a particle are left out.
    """
    # stretch by stretch: a pair across a removed word would join characters that nobody wrote
    # together
    for segment in content_segments(text):
        for left, right in pairwise(segment):
            if small_talk.is_particle(left) or small_talk.is_particle(right):
                continue
            yield left + right
        # particles stay in the sounds: taken out, their neighbours would become a pair
        if len(segment) > 1:
            yield from map("".join, pairwise(phonetics.encode(segment).code))


def is_phonetic_bigram(pair: str) -> bool:
    """Whether a pair is one of syllables and not of characters."""
    # codes lie in the private use area, which folding removes from text, so the first character
    # decides
    return phonetics.is_phonetic_code(pair[0])


def content_segments(text: str) -> list[str]:
    """The stretches of a text between question words and stop words; may contain empty ones."""
    return _stop_words().split(text)


@cache
def _stop_words() -> re.Pattern[str]:
    lexicon = lexicons.small_talk()
    # greetings too: normalization removes them at the ends of a message only
    return lexicons.any_of({*lexicon.question_words, *lexicon.stop_words, *lexicons.fillers().lead})
