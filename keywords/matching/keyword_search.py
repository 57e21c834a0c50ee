"""Search over keywords: which rules have a keyword, or a longer one that contains it.

All keywords in normal form stand in one string, one a line, so a search for a substring or a
pattern in all of them is one search in a text. With 100,000 keywords that is fast enough to check
a rule for conflicts while it is being typed.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import re2

from keywords.language.normalize import fold, to_standard
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule


class KeywordSearchIndex:
    """The keywords of some rules; immutable once made."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Index every keyword of kind text; menu keys and scenes are left out."""
        self._rules = tuple(rules)
        self._rule_numbers = array("I")
        self._starts = array("I")
        self._by_form: dict[str, list[int]] = {}
        # joined once: one search in a long string is many times faster than one in each keyword
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
        """The rules with a keyword of the same normal form, whatever its mode of matching."""
        form = normal_form(keyword)
        for number in dict.fromkeys(self._by_form.get(form or "", ())):
            yield self._rules[number]

    def containing(self, word: str, limit: int) -> Iterator[tuple[Rule, str]]:
        """Rules with a longer keyword that contains `word` (in normal form), and that keyword.

        At most `limit` of them.
        """
        found, offset = 0, self._joined_keywords.find(word)
        while offset >= 0 and found < limit:
            rule, line, end = self._keyword_at(offset)
            # the same keyword is reported by `with_same_form`
            if line != word:
                found += 1
                yield rule, line
            # from the end of that keyword on, so that each is given once
            offset = self._joined_keywords.find(word, end)

    def matching_pattern(self, pattern: str, limit: int) -> Iterator[tuple[Rule, str]]:
        """Rules with a keyword that a valid RE2 pattern matches, and that keyword.

        Looks at `limit` matches at most; several may lie in one keyword, which is given once.
        """
        seen = -1  # where the keyword of the match before ended
        # (?m): ^ and $ of the pattern mean a keyword and not all of them
        for number, found in enumerate(re2.finditer(f"(?m){pattern}", self._joined_keywords)):
            if number >= limit:
                return
            rule, line, end = self._keyword_at(found.start())
            if end != seen:
                seen = end
                yield rule, line

    def _keyword_at(self, offset: int) -> tuple[Rule, str, int]:
        """The rule whose keyword is at this offset of the joined string, the keyword, its end."""
        # starts ascend, so the last one that is not behind the offset is that of its keyword
        number = bisect_right(self._starts, offset) - 1
        start = self._starts[number]
        end = self._joined_keywords.find("\n", start)
        end = end if end >= 0 else len(self._joined_keywords)
        return self._rules[self._rule_numbers[number]], self._joined_keywords[start:end], end


def is_plain_text(keyword: Keyword) -> bool:
    """Whether the keyword is one piece of text: no pattern, no word groups, no menu key."""
    return keyword.kind is InputKind.TEXT and keyword.mode not in (
        MatchMode.TOGETHER,
        MatchMode.PATTERN,
    )


def normal_form(keyword: Keyword) -> str | None:
    """The form by which two keywords are the same; None for menu keys and scenes.

    Word groups are sorted but not folded, so groups written differently count as different.
    """
    if keyword.kind is not InputKind.TEXT:
        return None
    if keyword.mode is MatchMode.PATTERN:
        # slashes do not survive folding, so no plain keyword has the form of a pattern
        return f"/{keyword.text}/"
    if keyword.mode is MatchMode.TOGETHER:
        # groups and alternatives may be written in any order
        groups = ("|".join(sorted(group.split("|"))) for group in keyword.text.split())
        return " ".join(sorted(groups))
    return to_standard(fold(keyword.text))
