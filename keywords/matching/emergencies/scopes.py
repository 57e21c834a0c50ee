"""What is said about a danger in its own clause: told by others, or nothing that quiets it.

    听说厂里有人触电                 hearsay before the danger, in its clause: at most possible
    低保申请没批我不想活了           a call, and no word that quiets it in its clause: certain

Only the clause of the danger counts; an administrative word, there or elsewhere, does not.
"""

from collections.abc import Sequence

from keywords.matching.emergencies.features import Features
from keywords.matching.emergencies.words import DangerWords, WordHit

_HEARSAY = ("hearsay",)
_NEGATION = ("neg",)
# 没有人着火, 不是要跳楼: further away a "not" denies something else
_NEGATION_REACH = 1
_QUIETING = (
    *_HEARSAY,
    *("resolved", "past", "doubt", "hypothetical", "drill", "fiction", "hyperbole"),
    "everyday",
)


class Scopes:
    """The categories of a lexicon that say how a danger is meant; immutable once made."""

    def __init__(self, words: DangerWords, calls: frozenset[str]) -> None:
        """Find the categories; `calls` are the words that are dangers by themselves."""
        self._hearsay = frozenset(map(words.categories.index, _HEARSAY))
        self._quieting = frozenset(map(words.categories.index, _QUIETING))
        self._negation = frozenset(map(words.categories.index, _NEGATION))
        self._calls = calls

    def is_hearsay(self, found: Features) -> bool:
        """Whether each clause with an event says before it that somebody else told of it."""
        clauses = [clause for clause in found.clauses() if any(_is_clear(hit) for hit in clause)]
        return bool(clauses) and all(self._begins_with_hearsay(clause) for clause in clauses)

    def has_plain_call(self, found: Features) -> bool:
        """Whether a clause has a call for help and nothing that quiets it."""
        return any(
            any(self._is_plain_call(hit, clause) for hit in clause)
            and not any(self._quieting.intersection(hit.categories) for hit in clause)
            for clause in found.clauses()
        )

    def _is_plain_call(self, call: WordHit, clause: Sequence[WordHit]) -> bool:
        return call.word in self._calls and not any(
            self._negation.intersection(hit.categories)
            and 0 <= call.start - hit.start - len(hit.word) <= _NEGATION_REACH
            for hit in clause
        )

    def _begins_with_hearsay(self, clause: Sequence[WordHit]) -> bool:
        first = next(index for index, hit in enumerate(clause) if _is_clear(hit))
        return any(self._hearsay.intersection(hit.categories) for hit in clause[:first])


def _is_clear(hit: WordHit) -> bool:
    # a single character is no more than a hint
    return hit.is_event and len(hit.word) > 1
