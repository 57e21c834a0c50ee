"""Calls for help that say nothing else: 救命, 着火了, 我不想活了; also by their sound.

They are so short that the classifier, which sums up what speaks for and against a danger, has too
little to go by; and they leave no room for anything that could make them harmless.
"""

import re
from collections.abc import Iterable

from keywords.language import lexicons, phonetics
from keywords.matching.emergencies.kinds import Danger, DangerKind, Tier

# a longer clause says more than the call
MAX_LENGTH = 16
_MAX_LATIN_LENGTH = 60


class Calls:
    """The compiled calls of the lexicon; immutable once made."""

    def __init__(self) -> None:
        """Compile."""
        lexicon = lexicons.emergencies()
        kinds = {word: kind for kind, words in lexicon.alone.items() for word in words}
        self._kinds = {word: DangerKind(kind) for word, kind in kinds.items()}
        forms = (phonetics.encode_keyword, _sound_of_characters)
        self._by_code = {form(word): word for form in forms for word in kinds}
        self.words = frozenset(kinds)
        self._spelt = _pattern(kinds, lexicon.lead, lexicon.trail)
        self._sounding = _pattern(
            self._by_code,
            map(_sound_of_characters, lexicon.lead),
            map(_sound_of_characters, lexicon.trail),
        )

    def find(self, text: str, clauses: Iterable[str]) -> Danger | None:
        """The danger of a folded text or of one of its clauses that is nothing but a call."""
        for clause in (text, *clauses):
            if len(clause) > (MAX_LENGTH if not clause.isascii() else _MAX_LATIN_LENGTH):
                continue
            found = self._spelt.fullmatch(clause)
            if found:
                return Danger(Tier.CERTAIN, self._kinds[found["call"]], found["call"])
            found = self._sounding.fullmatch(phonetics.encode(clause).code)
            if found:
                word = self._by_code[found["call"]]
                return Danger(Tier.POSSIBLE, self._kinds[word], word)
        return None


def _sound_of_characters(word: str) -> str:
    # a message is encoded character by character: 着 in 着货了 has its usual reading
    return phonetics.encode(word).code


def _pattern(calls: Iterable[str], lead: Iterable[str], trail: Iterable[str]) -> re.Pattern[str]:
    before, call, after = (lexicons.any_of(words).pattern for words in (lead, calls, trail))
    # said twice or with a second call behind, as people in danger do; the first one counts
    return re.compile(f"(?:{before})*(?P<call>{call})(?:{before}|{call}|{after})*")
