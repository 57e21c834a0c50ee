"""Emergencies: life and limb, before everything else.

A word of danger raises the alarm, unless the message speaks of papers, money or last year: the
citizen whose house burnt down and who asks for aid needs the aid's rule. Weaker words are calmed
by doubt as well. Said to be happening now, it is an alarm all the same. A prompt too many costs a
line, one too few may cost a life. The words are data (`words/emergencies.yaml`); the city adds
its own.
"""

import re
from collections.abc import Iterable, Sequence

from ahocorasick_rs import AhoCorasick

from keywords.language import lexicons
from keywords.language.normalize import NormalizedText, fold, to_standard
from keywords.matching.index import parse_word_groups


class EmergencyDetector:
    """The compiled word lists; immutable."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """`extra` are the city's own words; they count like those of the list's `words`."""
        listed = lexicons.emergencies()
        self._always = _any_of(listed.always)
        self._words = _any_of((*listed.words, *filter(None, map(fold, extra))))
        self._together = [parse_word_groups(line) for line in listed.together]
        self._paperwork = _any_of(listed.papers)
        self._doubt = _any_of((*listed.papers, *listed.doubt))
        self._happening_now = _any_of(listed.now)
        self._protected = _any_of(listed.keep)
        # most messages hold no word of danger at all: one pass tells
        anchors = (min(groups, key=len) for groups in self._together)
        all_words = {*listed.always, *listed.words, *filter(None, map(fold, extra))}
        self._anchors = AhoCorasick([*all_words.union(*anchors)], store_patterns=False)

    def find(self, normal: NormalizedText) -> str | None:
        """The word of danger in a message, several with "、", or None.

        Looks at the whole text, greetings too.
        """
        for form in dict.fromkeys((normal.text, to_standard(normal.text))):
            if self._anchors.find_matches_as_indexes(form):
                found = self._find(self._protected.sub("", form))
                if found:
                    return found
        return None

    def _find(self, text: str) -> str:
        """The word of danger in one form of a message, or an empty string."""
        if self._paperwork.search(text) and not self._happening_now.search(text):
            return ""
        always = self._always.search(text)
        if always:
            return always.group()
        for groups in self._together:
            if _has_all_groups(text, groups):
                return "、".join(_longest_found(text, group) for group in groups)
        found = self._words.search(text)
        is_doubtful = self._doubt.search(text) and not self._happening_now.search(text)
        return found.group() if found and not is_doubtful else ""


def _has_all_groups(text: str, groups: Sequence[Sequence[str]]) -> bool:
    """Whether a text has a word of each group; written out, as most fail at their first group."""
    for group in groups:
        for word in group:
            if word in text:
                break
        else:
            return False
    return True


def _longest_found(text: str, group: Sequence[str]) -> str:
    """The longest word of a group that stands in a text which has one."""
    return max((word for word in group if word in text), key=len)


def _any_of(listed: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, listed), key=len, reverse=True)))
