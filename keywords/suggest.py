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

from keywords import chatter, sounds, words
from keywords.normalize import Normal, fold, standard
from keywords.rules import Kind, Mode, Rule

MOST = 3
# A suggestion must share at least this part of the strongest possible single pair …
NEAR = 1.3
# … and the others must come this close to the best.
CLOSE = 0.5
_SOUND_WEIGHT = 0.6


@dataclass(frozen=True, slots=True)
class Near:
    """A rule that is like a message, and how much."""

    rule: Rule
    score: float


class SuggestionIndex:
    """All live rules of the city, found by likeness; immutable."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(sorted(rules, key=lambda rule: rule.code))
        postings: dict[str, list[int]] = {}
        for number, rule in enumerate(self._rules):
            for pair in set(_rule_pairs(rule)):
                postings.setdefault(pair, []).append(number)
        self._postings = {pair: tuple(numbers) for pair, numbers in postings.items()}
        self._strongest = log(1 + len(self._rules))

    def near(self, normal: Normal) -> list[Near]:
        """The rules like the message, best first."""
        scores: dict[int, float] = {}
        for pair in set(pairs(normal.plain)):
            numbers = self._postings.get(pair, ())
            if not numbers:
                continue
            weight = self._strongest - log(len(numbers))
            weight *= _SOUND_WEIGHT if is_sound(pair) else 1.0
            for number in numbers:
                scores[number] = scores.get(number, 0.0) + weight
        found = sorted(
            (-round(score, 6), -self._rules[number].priority, number)
            for number, score in scores.items()
            if score >= NEAR * self._strongest
        )
        return [Near(self._rules[number], -score) for score, _, number in found]


def closest(found: Sequence[Near]) -> list[Rule]:
    """Of rules that are like a message, best first, up to three that come close to the best."""
    return [one.rule for one in found if one.score >= found[0].score * CLOSE][:MOST]


def pairs(text: str) -> Iterator[str]:
    """Pairs of neighbouring characters, and of their sounds, without grammar."""
    for piece in _empty_words().split(text):
        for left, right in pairwise(piece):
            if chatter.is_particle(left) or chatter.is_particle(right):
                continue
            yield left + right
        if len(piece) > 1:
            yield from map("".join, pairwise(sounds.hear(piece).code))


def is_sound(pair: str) -> bool:
    """Whether a pair is one of syllables and not of characters."""
    return sounds.is_code(pair[0])


def _rule_pairs(rule: Rule) -> Iterator[str]:
    yield from pairs(standard(fold(rule.name)))
    for keyword in rule.keywords:
        if keyword.kind is not Kind.TEXT or keyword.mode is Mode.PATTERN:
            continue
        # the other groups of a `together` are mostly verbs and question words
        subject = keyword.text.split()[0] if keyword.mode is Mode.TOGETHER else keyword.text
        for word in subject.split("|"):
            yield from pairs(standard(fold(word)))


@cache
def _empty_words() -> re.Pattern[str]:
    listed = {*words.chatter().asking, *words.chatter().empty, *words.fillers().lead}
    return re.compile("|".join(sorted(map(re.escape, listed), key=len, reverse=True)))
