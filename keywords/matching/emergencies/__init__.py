"""Detection of messages about danger to life, which are heard before any rule is asked.

    text ── a word of an event, or one that sounds like it? ──> no: None, at the cost of a search
         └─ yes ──> features ──> linear classifier ──> None, possible or certain
         └─ a call and nothing else, or one of the city's own words ──> certain

What makes a danger of an event is what is said about the event: who, where, when, in a film, as a
drill. No single word decides, and an administrative sentence beside it cancels nothing. When in
doubt it is `possible`: a needless line costs the citizen a smile, a missing one may cost a life.
The words are data (`language/lexicons/emergencies.yaml`), the weights learned
(`bench/fit_danger.py`, docs/decisions/0056).
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache

from keywords.language import lexicons
from keywords.language.normalize import NormalizedText, fold, fold_spaced
from keywords.matching.emergencies import classifier, features
from keywords.matching.emergencies.calls import Calls
from keywords.matching.emergencies.features import Features
from keywords.matching.emergencies.kinds import Danger, DangerKind, Tier
from keywords.matching.emergencies.scopes import Scopes
from keywords.matching.emergencies.words import DangerWords

__all__ = ["Danger", "DangerKind", "EmergencyDetector", "Tier", "emergency_detector"]

# a reason is read at a glance; more words would not say more
_MOST_REASONS = 4


class EmergencyDetector:
    """The compiled words and the classifier; immutable once made."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """Compile. `extra` are the city's own words, each of which is certain where it stands."""
        self._words = danger_words()
        self._weights = classifier.load()
        self._calls = calls()
        self._scopes = Scopes(self._words, self._calls.words)
        folded = {*filter(None, map(fold, extra))}
        # the classifier knows these already, and better than that each of them is always certain
        own = [word for word in folded if not self._words.knows(word)]
        self._own = lexicons.any_of(own) if own else None

    def find(self, normal: NormalizedText) -> Danger | None:
        """The danger that a message speaks of, or None."""
        own = self._own.search(normal.text) if self._own else None
        if own:
            return Danger(Tier.CERTAIN, DangerKind.OTHER, own.group())
        # what looks like a mention is left out of `text`, and may hold the danger itself
        text = fold_spaced(normal.raw) if "@" in normal.raw else normal.text
        call = self._find_call(normal)
        if call:
            return self._with_kind(call, normal)
        if not self._words.may_speak_of_danger(text):
            return None
        found = features.extract(normal.raw, self._words)
        score = classifier.score(found, self._weights)
        if score <= self._weights.possible:
            return None
        return Danger(self._tier(found, score), self._kind(found), self._reason(found))

    def _tier(self, found: Features, score: float) -> Tier:
        if self._scopes.is_hearsay(found):
            return Tier.POSSIBLE
        is_certain = score > self._weights.certain or self._scopes.has_plain_call(found)
        return Tier.CERTAIN if is_certain else Tier.POSSIBLE

    def _find_call(self, normal: NormalizedText) -> Danger | None:
        # cheap for a short message; of a long one no clause is looked at without punctuation
        clauses = fold_spaced(normal.raw).split()
        return self._calls.find(normal.text, clauses if len(clauses) > 1 else ())

    def _with_kind(self, call: Danger, normal: NormalizedText) -> Danger:
        """A call with the kind of the rest of the message, where the call itself tells none."""
        if call.kind is not DangerKind.OTHER or len(normal.text) <= len(call.reason) + 1:
            return call
        found = features.extract(normal.raw, self._words)
        others = [hit for hit in found.events if hit.word not in call.reason]
        return replace(call, kind=self._kind(found)) if others else call

    def _kind(self, found: Features) -> DangerKind:
        scores = classifier.kind_scores(found, self._weights)
        return DangerKind(self._weights.kind_names[int(scores.argmax())])

    def _reason(self, found: Features) -> str:
        """The events in the stretch that says most for a danger, else the first ones."""
        places = classifier.weights_by_place(found, self._weights.places)
        start, end = classifier.best_stretch(places)
        inside = [hit.word for hit in found.events if start <= hit.start < end]
        words = inside or [hit.word for hit in found.events]
        return "、".join([*dict.fromkeys(words)][:_MOST_REASONS])


@cache
def danger_words() -> DangerWords:
    """The compiled lexicon, made once a process."""
    return DangerWords()


@cache
def calls() -> Calls:
    """The compiled calls, made once a process."""
    return Calls()


@lru_cache(maxsize=4)
def emergency_detector(extra: frozenset[str]) -> EmergencyDetector:
    """The detector with the city's own words `extra`, compiled once a process."""
    # every new rule set asks for one, the city's words hardly ever change
    return EmergencyDetector(extra)
