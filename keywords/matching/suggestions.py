"""Suggestions: rules that resemble a message which no rule answers.

What speaks for a rule is weighed and added up to one score, its log-odds: the logarithm of how many
times likelier it is that the rule is meant than that it is not.

    bigrams   pairs of characters and sounds it shares with the message; a pair counts more the
              fewer rules contain it (inverse document frequency)
    meaning   how similar both are to the sentence encoder, where there is one
    own       it is a rule of the account that was written to
    matched   it would answer if the account had it

The weights are fitted by `bench.fit_suggestions` on the labelled messages; decision 0017 has the
measurements. Small talk is sorted out by the caller.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from math import log

from keywords.language import meaning
from keywords.language.bigrams import bigrams, is_phonetic_bigram
from keywords.language.normalize import NormalizedText, fold, to_standard
from keywords.matching.rule_meanings import RuleMeanings
from keywords.rules.values import InputKind, MatchMode, Rule

MAX_SUGGESTIONS = 3
# Log-odds that the best suggestion of a list needs, and how far a further one may lie below it.
# With these, citizens find what they mean in seven of ten lists, and in every other one of those
# just above the threshold. Asking as much of the further ones would hide a tenth of the rules that
# are meant, and spare nobody a list.
MIN_SCORE = -3.5
MAX_BELOW_BEST = 3.0
# Homophones are frequent in Chinese, so a shared sound says less than a shared character.
_PHONETIC_WEIGHT = 0.6
# Bigrams beyond say nothing new: the message holds a keyword, whatever its length.
MAX_BIGRAMS = 4.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one rule. `bigrams` is in pairs that only a single rule has; `meaning` is
    None where the rule has no vector.
    """

    bigrams: float
    meaning: float | None
    is_own: bool
    is_matched: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """Log-odds: `base` those of any rule, the others what a unit of each evidence adds."""

    base: float
    bigrams: float
    meaning: float
    own: float
    matched: float

    def score(self, evidence: Evidence) -> float:
        """The log-odds that the rule is meant."""
        return (
            self.base
            + self.bigrams * min(evidence.bigrams, MAX_BIGRAMS)
            + self.meaning * (evidence.meaning or 0.0)
            + self.own * evidence.is_own
            + self.matched * evidence.is_matched
        )


WEIGHTS = Weights(base=-7.84, bigrams=0.83, meaning=7.53, own=3.18, matched=3.86)
# for hubs, and rules, without a sentence encoder
WEIGHTS_WITHOUT_MEANING = Weights(base=-7.39, bigrams=1.43, meaning=0.0, own=3.40, matched=4.71)


@dataclass(frozen=True, slots=True)
class ScoredRule:
    """A rule that resembles a message; `score` is in log-odds."""

    rule: Rule
    score: float


class SuggestionIndex:
    """Rules by what they resemble: an inverted index of their bigrams, and their vectors.

    Immutable but for the vectors, which `update_meanings` adds.
    """

    def __init__(self, rules: Iterable[Rule], previous: "SuggestionIndex | None" = None) -> None:
        """Index rules by the bigrams of their names and keywords; take over vectors they had."""
        self._rules = tuple(sorted(rules, key=lambda rule: rule.slug))
        self._numbers = {rule.slug: number for number, rule in enumerate(self._rules)}
        postings: dict[str, list[int]] = {}
        for number, rule in enumerate(self._rules):
            # each pair once: a rule that repeats a word does not become more similar
            for pair in set(_rule_bigrams(rule)):
                postings.setdefault(pair, []).append(number)
        self._postings = {pair: tuple(numbers) for pair, numbers in postings.items()}
        # what a pair weighs that only one rule has; the scores are relative to it, so they mean the
        # same for ten rules and for ten thousand
        self._max_bigram_weight = log(1 + len(self._rules))
        self._meanings: RuleMeanings | None = None
        if meaning.is_enabled():
            known = previous._meanings if previous is not None else None
            self._meanings = RuleMeanings(self._rules, known)

    def update_meanings(self, *, seconds: float) -> bool:
        """Encode rules that have no vector, for about so long. Gives whether nothing is left."""
        return self._meanings is None or self._meanings.update(seconds=seconds)

    def similar_rules(
        self,
        normal: NormalizedText,
        *,
        own: Set[str] = frozenset(),
        matched: Set[str] = frozenset(),
    ) -> list[ScoredRule]:
        """The rules that may be meant, best first; of equal ones the higher priority.

        `own` and `matched` are slugs. Rules that `select_closest` would never take are left out.
        """
        found: list[tuple[float, int, int]] = []
        for number, evidence in self.collect_evidence(normal, own=own, matched=matched):
            weights = WEIGHTS_WITHOUT_MEANING if evidence.meaning is None else WEIGHTS
            # rounded, so that the order in which weights were added up does not decide
            score = round(weights.score(evidence), 6)
            if score >= MIN_SCORE - MAX_BELOW_BEST:
                found.append((-score, -self._rules[number].priority, number))
        return [ScoredRule(self._rules[number], -score) for score, _, number in sorted(found)]

    def collect_evidence(
        self,
        normal: NormalizedText,
        *,
        own: Set[str] = frozenset(),
        matched: Set[str] = frozenset(),
    ) -> Iterator[tuple[int, Evidence]]:
        """What speaks for each rule, by its place in the order of slugs.

        Rules for which nothing speaks may be left out.
        """
        pairs = self._shared_bigrams(normal)
        numbers = {self._numbers[slug] for slug in matched}.union(pairs)
        similarities = self._similarities(normal, own, numbers)
        for number in numbers.union(similarities):
            slug = self._rules[number].slug
            yield (
                number,
                Evidence(
                    bigrams=pairs.get(number, 0.0),
                    meaning=similarities.get(number),
                    is_own=slug in own,
                    is_matched=slug in matched,
                ),
            )

    def _similarities(
        self, normal: NormalizedText, own: Set[str], numbers: set[int]
    ) -> dict[int, float]:
        """What rules mean beside the message: of these numbers, the account's and the nearest."""
        if self._meanings is None:
            return {}
        # own rules suffice with less; where all are own, the nearest have them
        asked = own if len(own) < len(self._rules) else frozenset()
        own_numbers = [self._numbers[slug] for slug in asked]
        return self._meanings.similarities(normal.raw, numbers.union(own_numbers))

    def _shared_bigrams(self, normal: NormalizedText) -> dict[int, float]:
        """The weight of the bigrams that rules share with a message, by the rule's number."""
        shared: dict[int, float] = {}
        for pair in set(bigrams(normal.standard)):
            numbers = self._postings.get(pair, ())
            if not numbers:
                continue
            weight = 1 - log(len(numbers)) / self._max_bigram_weight
            weight *= _PHONETIC_WEIGHT if is_phonetic_bigram(pair) else 1.0
            for number in numbers:
                shared[number] = shared.get(number, 0.0) + weight
        return shared


def select_closest(found: Sequence[ScoredRule]) -> list[Rule]:
    """The first `MAX_SUGGESTIONS` of `found` that lie within `MAX_BELOW_BEST` of the best one.

    `found` is sorted best first. None where the best does not reach `MIN_SCORE`.
    """
    if not found or found[0].score < MIN_SCORE:
        return []
    close = (scored for scored in found if scored.score >= found[0].score - MAX_BELOW_BEST)
    return [scored.rule for scored in islice(close, MAX_SUGGESTIONS)]


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
