"""Suggestions: rules that resemble a message which no rule answers.

Rules and messages are compared by the bigrams they share, each weighted by its inverse document
frequency: a pair counts more the fewer rules contain it. Small talk is sorted out by the caller.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

from keywords.language.bigrams import bigrams, is_phonetic_bigram
from keywords.language.normalize import NormalizedText, fold, to_standard
from keywords.rules.values import InputKind, MatchMode, Rule

MAX_SUGGESTIONS = 3
# A suggestion needs this many times the weight of one pair that only a single rule contains: one
# shared pair alone is chance.
MIN_RELATIVE_SCORE = 1.3
# Further suggestions need this share of the best one's score.
MIN_SHARE_OF_BEST = 0.5
# Homophones are frequent in Chinese, so a shared sound says less than a shared character.
_PHONETIC_WEIGHT = 0.6


@dataclass(frozen=True, slots=True)
class ScoredRule:
    """A rule that resembles a message; `score` is the weight of the bigrams they share."""

    rule: Rule
    score: float


class SuggestionIndex:
    """An inverted index from bigrams to rules; immutable once made."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Index rules by the bigrams of their names and keywords."""
        self._rules = tuple(sorted(rules, key=lambda rule: rule.slug))
        postings: dict[str, list[int]] = {}
        for number, rule in enumerate(self._rules):
            # each pair once: a rule that repeats a word does not become more similar
            for pair in set(_rule_bigrams(rule)):
                postings.setdefault(pair, []).append(number)
        self._postings = {pair: tuple(numbers) for pair, numbers in postings.items()}
        # what a pair weighs that only one rule has; the thresholds are relative to it, so they hold
        # for ten rules and for ten thousand
        self._max_bigram_weight = log(1 + len(self._rules))

    def similar_rules(self, normal: NormalizedText) -> list[ScoredRule]:
        """The rules that resemble the message, best first; of equal ones the higher priority.

        Empty when none reaches `MIN_RELATIVE_SCORE`.
        """
        scores: dict[int, float] = {}
        for pair in set(bigrams(normal.standard)):
            numbers = self._postings.get(pair, ())
            if not numbers:
                continue
            weight = self._max_bigram_weight - log(len(numbers))
            weight *= _PHONETIC_WEIGHT if is_phonetic_bigram(pair) else 1.0
            for number in numbers:
                scores[number] = scores.get(number, 0.0) + weight
        # rounded, so that the order in which weights were added up does not decide between rules
        found = sorted(
            (-round(score, 6), -self._rules[number].priority, number)
            for number, score in scores.items()
            if score >= MIN_RELATIVE_SCORE * self._max_bigram_weight
        )
        return [ScoredRule(self._rules[number], -score) for score, _, number in found]


def select_closest(found: Sequence[ScoredRule]) -> list[Rule]:
    """The first `MAX_SUGGESTIONS` of `found` that reach `MIN_SHARE_OF_BEST` of the best score.

    `found` is sorted best first and not empty.
    """
    return [scored.rule for scored in found if scored.score >= found[0].score * MIN_SHARE_OF_BEST][
        :MAX_SUGGESTIONS
    ]


def _rule_bigrams(rule: Rule) -> Iterator[str]:
    # the name says what the rule is about, often in words that no keyword has
    yield from bigrams(to_standard(fold(rule.name)))
    for keyword in rule.keywords:
        # keys of menus are no words, and a pattern's text is no language
        if keyword.kind is not InputKind.TEXT or keyword.mode is MatchMode.PATTERN:
            continue
        # the first group names the subject; the others are mostly verbs and question words
        subject = keyword.text.split()[0] if keyword.mode is MatchMode.TOGETHER else keyword.text
        for word in subject.split("|"):
            yield from bigrams(to_standard(fold(word)))
