"""The concordance: which rules have which keywords, and in which longer ones a word stands.

All words in normal form lie in one long string, one a line, so that a search for a part of them
is a search in a text: quick enough to follow somebody's typing.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import re2

from keywords.normalize import fold, standard
from keywords.rules import Keyword, Kind, Mode, Rule


class Concordance:
    """Immutable; the keywords of some rules."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Write down every keyword that is compared with text."""
        self._rules = tuple(rules)
        self._numbers = array("I")
        self._starts = array("I")
        self._same: dict[str, list[int]] = {}
        lines: list[str] = []
        at = 0
        for number, rule in enumerate(self._rules):
            for keyword in rule.keywords:
                form = form_of(keyword)
                if form is None:
                    continue
                self._same.setdefault(form, []).append(number)
                if is_word(keyword):
                    self._numbers.append(number)
                    self._starts.append(at)
                    lines.append(form)
                    at += len(form) + 1
        self._text = "\n".join(lines)

    def same(self, keyword: Keyword) -> Iterator[Rule]:
        """The rules that have this very keyword, in normal form, in whatever mode of its kind."""
        form = form_of(keyword)
        for number in dict.fromkeys(self._same.get(form or "", ())):
            yield self._rules[number]

    def holding(self, word: str, at_most: int) -> Iterator[tuple[Rule, str]]:
        """Rules with a longer keyword around this one, and that keyword."""
        found, at = 0, self._text.find(word)
        while at >= 0 and found < at_most:
            rule, line, end = self._line(at)
            if line != word:
                found += 1
                yield rule, line
            at = self._text.find(word, end)

    def matching(self, pattern: str, at_most: int) -> Iterator[tuple[Rule, str]]:
        """Rules with a keyword that a valid pattern matches, and that keyword."""
        seen = -1
        for number, found in enumerate(re2.finditer(f"(?m){pattern}", self._text)):
            if number >= at_most:
                return
            rule, line, end = self._line(found.start())
            if end != seen:
                seen = end
                yield rule, line

    def _line(self, at: int) -> tuple[Rule, str, int]:
        """The rule whose keyword stands at this place, the keyword, and where it ends."""
        number = bisect_right(self._starts, at) - 1
        start = self._starts[number]
        end = self._text.find("\n", start)
        end = end if end >= 0 else len(self._text)
        return self._rules[self._numbers[number]], self._text[start:end], end


def is_word(keyword: Keyword) -> bool:
    """Whether the keyword is plain words: neither a pattern nor groups, nor a menu key."""
    return keyword.kind is Kind.TEXT and keyword.mode not in (Mode.TOGETHER, Mode.PATTERN)


def form_of(keyword: Keyword) -> str | None:
    """A keyword in the form in which two are the same; None when it does not listen to text."""
    if keyword.kind is not Kind.TEXT:
        return None
    if keyword.mode is Mode.PATTERN:
        return f"/{keyword.text}/"
    if keyword.mode is Mode.TOGETHER:
        groups = ("|".join(sorted(group.split("|"))) for group in keyword.text.split())
        return " ".join(sorted(groups))
    return standard(fold(keyword.text))
