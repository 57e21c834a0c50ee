"""What every rule means: one vector for each rule, made little by little and kept while it stays.

    rules ──> their texts ──(only new ones)── update() ──> table ── similarities(message) ──> rules

A rule's text is its name, samples and keywords and the beginning of what it answers, as one text:
measured, one vector of all these finds a rule as well as one vector for each of them, at a tenth
of the memory (decision 0017).

Encoding a rule takes milliseconds, so nothing is encoded when a rule set is made. Whoever owns the
rule set calls `update` between requests; a rule that has no vector yet is found by its words alone.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from keywords.language import meaning
from keywords.rules.replies import News, Text
from keywords.rules.values import InputKind, MatchMode, Rule

if TYPE_CHECKING:
    from keywords.language.vector_table import VectorTable

# In characters. Beyond, a text gains nothing and only costs time.
MAX_RULE_TEXT = 400
MAX_REPLY_TEXT = 100
# Long messages put the question first and the story behind it.
MAX_MESSAGE_TEXT = 60
# Rules that are looked at for what they mean alone; the next ones are never close enough.
NEAREST_RULES = 200
# few enough that `update` does not overstay its seconds by much
_BATCH = 8


class RuleMeanings:
    """The vectors of some rules, by their number. One thread may update while others search."""

    def __init__(self, rules: Sequence[Rule], previous: "RuleMeanings | None" = None) -> None:
        """Without vectors, but for those of rules that `previous` has with the same text."""
        self._rules = rules
        self._table: VectorTable | None = None
        # by content, as the rules of a reloaded rule set are new objects
        self._digests: list[bytes] = []
        if previous is not None and previous._table is not None:
            self._digests = _digests(rules)
            self._take_over(previous, previous._table)

    def update(self, *, seconds: float) -> bool:
        """Encode rules that have no vector, for about so long. Gives whether all have one now.

        The first call of a process loads the encoder.
        """
        if self._table is None:
            self._digests = self._digests or _digests(self._rules)
            self._table = meaning.load().new_table(len(self._rules))
        deadline = time.monotonic() + seconds
        missing = self._table.empty_rows()
        for start in range(0, len(missing), _BATCH):
            if time.monotonic() > deadline:
                return False
            numbers = missing[start : start + _BATCH]
            texts = [rule_text(self._rules[number]) for number in numbers]
            self._table.fill(numbers, meaning.load().encode(texts))
        return True

    def similarities(self, text: str, numbers: Iterable[int]) -> dict[int, float]:
        """How similar a message is to these rules and to the nearest others, by their number.

        -1 to 1; what is unrelated lies around 0. Rules without a vector are left out.
        """
        if self._table is None:
            return {}
        vector = meaning.load().encode([text[:MAX_MESSAGE_TEXT]])[0]
        return self._table.nearest(vector, NEAREST_RULES, also=list(numbers))

    def _take_over(self, previous: "RuleMeanings", table: "VectorTable") -> None:
        rows = {digest: row for row, digest in enumerate(previous._digests)}
        self._table = meaning.load().new_table(len(self._rules))
        self._table.copy(
            table,
            [
                (rows[digest], number)
                for number, digest in enumerate(self._digests)
                if digest in rows
            ],
        )


def rule_text(rule: Rule) -> str:
    """The text by which a rule is encoded, with no word twice."""
    words = dict.fromkeys(word for part in _parts(rule) for word in part.split())
    return " ".join(words)[:MAX_RULE_TEXT]


def _parts(rule: Rule) -> Iterator[str]:
    yield rule.name
    yield _reply_text(rule)[:MAX_REPLY_TEXT]
    yield from rule.samples
    for keyword in rule.keywords:
        # keys of menus are no words, and a pattern's text is no language
        if keyword.kind is InputKind.TEXT and keyword.mode is not MatchMode.PATTERN:
            yield keyword.text.replace("|", " ")


def _reply_text(rule: Rule) -> str:
    for reply in rule.replies:
        match reply:
            case Text():
                return reply.content
            case News():
                return f"{reply.title} {reply.description}"
    return ""


def _digests(rules: Iterable[Rule]) -> list[bytes]:
    return [blake2b(rule_text(rule).encode(), digest_size=16).digest() for rule in rules]
