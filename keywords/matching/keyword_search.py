"""The concordance: which rules have which keywords, and in which longer ones a word stands.

All words in normal form lie in one long string, one a line, so that a search for a part of them
is a search in a text: quick enough to follow somebody's typing.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import re2

from keywords.language.normalize import fold, to_standard
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule


class KeywordSearchIndex:
    """Immutable; the keywords of some rules."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Write down every keyword that is compared with text."""
        self._rules = tuple(rules)
        self._rule_numbers = array("I")
        self._starts = array("I")
        self._by_form: dict[str, list[int]] = {}
        lines: list[str] = []
        offset = 0
        for number, rule in enumerate(self._rules):
            for keyword in rule.keywords:
                form = normal_form(keyword)
                if form is None:
                    continue
                self._by_form.setdefault(form, []).append(number)
                if is_plain_text(keyword):
                    self._rule_numbers.append(number)
                    self._starts.append(offset)
                    lines.append(form)
                    offset += len(form) + 1
        self._joined_keywords = "\n".join(lines)

    def with_same_form(self, keyword: Keyword) -> Iterator[Rule]:
        """The rules that have this very keyword, in normal form, in whatever mode of its kind."""
        form = normal_form(keyword)
        for number in dict.fromkeys(self._by_form.get(form or "", ())):
            yield self._rules[number]

    def containing(self, word: str, limit: int) -> Iterator[tuple[Rule, str]]:
        """Rules with a longer keyword around this one, and that keyword."""
        found, offset = 0, self._joined_keywords.find(word)
        while offset >= 0 and found < limit:
            rule, line, end = self._keyword_at(offset)
            if line != word:
                found += 1
                yield rule, line
            offset = self._joined_keywords.find(word, end)

    def matching_pattern(self, pattern: str, limit: int) -> Iterator[tuple[Rule, str]]:
        """Rules with a keyword that a valid pattern matches, and that keyword."""
        seen = -1
        for number, found in enumerate(re2.finditer(f"(?m){pattern}", self._joined_keywords)):
            if number >= limit:
                return
            rule, line, end = self._keyword_at(found.start())
            if end != seen:
                seen = end
                yield rule, line

    def _keyword_at(self, offset: int) -> tuple[Rule, str, int]:
        """The rule whose keyword stands at this place, the keyword, and where it ends."""
        number = bisect_right(self._starts, offset) - 1
        start = self._starts[number]
        end = self._joined_keywords.find("\n", start)
        end = end if end >= 0 else len(self._joined_keywords)
        return self._rules[self._rule_numbers[number]], self._joined_keywords[start:end], end


def is_plain_text(keyword: Keyword) -> bool:
    """Whether the keyword is plain words: neither a pattern nor groups, nor a menu key."""
    return keyword.kind is InputKind.TEXT and keyword.mode not in (
        MatchMode.TOGETHER,
        MatchMode.PATTERN,
    )


def normal_form(keyword: Keyword) -> str | None:
    """A keyword in the form in which two are the same; None when it does not listen to text."""
    if keyword.kind is not InputKind.TEXT:
        return None
    if keyword.mode is MatchMode.PATTERN:
        return f"/{keyword.text}/"
    if keyword.mode is MatchMode.TOGETHER:
        groups = ("|".join(sorted(group.split("|"))) for group in keyword.text.split())
        return " ".join(sorted(groups))
    return to_standard(fold(keyword.text))
