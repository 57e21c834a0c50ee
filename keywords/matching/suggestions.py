"""Suggestions: what a citizen may have meant when no rule fits.

Rules and messages are compared by the pairs of characters and of syllables they share. A pair
counts the more the fewer rules have it; grammar and question words do not count. Small talk
shares nothing and gets no suggestion.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import log

from keywords.language import lexicons, phonetics, small_talk
from keywords.language.normalize import NormalizedText, fold, to_standard
from keywords.rules.values import InputKind, MatchMode, Rule

MAX_SUGGESTIONS = 3
# A suggestion must share at least this part of the strongest possible single pair …
MIN_RELATIVE_SCORE = 1.3
# … and the others must come this close to the best.
MIN_SHARE_OF_BEST = 0.5
_PHONETIC_WEIGHT = 0.6


@dataclass(frozen=True, slots=True)
class ScoredRule:
    """A rule that is like a message, and how much."""

    rule: Rule
    score: float


class SuggestionIndex:
    """All live rules of the city, found by likeness; immutable."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(sorted(rules, key=lambda rule: rule.slug))
        postings: dict[str, list[int]] = {}
        for number, rule in enumerate(self._rules):
            for pair in set(_rule_bigrams(rule)):
                postings.setdefault(pair, []).append(number)
        self._postings = {pair: tuple(numbers) for pair, numbers in postings.items()}
        self._max_bigram_weight = log(1 + len(self._rules))

    def similar_rules(self, normal: NormalizedText) -> list[ScoredRule]:
        """The rules like the message, best first."""
        scores: dict[int, float] = {}
        for pair in set(bigrams(normal.standard)):
            numbers = self._postings.get(pair, ())
            if not numbers:
                continue
            weight = self._max_bigram_weight - log(len(numbers))
            weight *= _PHONETIC_WEIGHT if is_phonetic_bigram(pair) else 1.0
            for number in numbers:
                scores[number] = scores.get(number, 0.0) + weight
        found = sorted(
            (-round(score, 6), -self._rules[number].priority, number)
            for number, score in scores.items()
            if score >= MIN_RELATIVE_SCORE * self._max_bigram_weight
        )
        return [ScoredRule(self._rules[number], -score) for score, _, number in found]


def select_closest(found: Sequence[ScoredRule]) -> list[Rule]:
    """Of rules that are like a message, best first, up to three that come close to the best."""
    return [scored.rule for scored in found if scored.score >= found[0].score * MIN_SHARE_OF_BEST][
        :MAX_SUGGESTIONS
    ]


def content_segments(text: str) -> list[str]:
    """What remains of a text between question words and words that say nothing."""
    return _stop_words().split(text)


def bigrams(text: str) -> Iterator[str]:
    """Pairs of neighbouring characters, and of their sounds, without grammar."""
    for piece in content_segments(text):
        for left, right in pairwise(piece):
            if small_talk.is_particle(left) or small_talk.is_particle(right):
                continue
            yield left + right
        if len(piece) > 1:
            yield from map("".join, pairwise(phonetics.encode(piece).code))


def is_phonetic_bigram(pair: str) -> bool:
    """Whether a pair is one of syllables and not of characters."""
    return phonetics.is_phonetic_code(pair[0])


def _rule_bigrams(rule: Rule) -> Iterator[str]:
    yield from bigrams(to_standard(fold(rule.name)))
    for keyword in rule.keywords:
        if keyword.kind is not InputKind.TEXT or keyword.mode is MatchMode.PATTERN:
            continue
        # the other groups of a `together` are mostly verbs and question words
        subject = keyword.text.split()[0] if keyword.mode is MatchMode.TOGETHER else keyword.text
        for word in subject.split("|"):
            yield from bigrams(to_standard(fold(word)))


@cache
def _stop_words() -> re.Pattern[str]:
    listed = {*lexicons.small_talk().asking, *lexicons.small_talk().empty, *lexicons.fillers().lead}
    return re.compile("|".join(sorted(map(re.escape, listed), key=len, reverse=True)))
