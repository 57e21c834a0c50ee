"""Detection of messages about danger to life, which are answered before any rule is asked.

A word of danger makes an emergency unless the message is about the aftermath (papers, money, last
year): a citizen whose house burnt down and who asks for aid needs the rule about aid. Weaker words
are also ruled out by expressions of doubt. Both exceptions end where the message says that it is
happening now. When in doubt the prompt is shown: a needless one costs the citizen a line of text,
a missing one may cost a life. The words are in `language/lexicons/emergencies.yaml`; the city adds
its own on the page of default replies.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

from keywords.language import lexicons
from keywords.language.normalize import NormalizedText, fold, parse_word_groups, to_standard


class EmergencyDetector:
    """The compiled word lists; immutable once made."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """Compile. `extra` are the city's own words, treated like `words` of the lexicon."""
        lexicon = lexicons.emergencies()
        words = {*lexicon.words, *filter(None, map(fold, extra))}
        self._always = lexicons.any_of(lexicon.always)
        self._words = lexicons.any_of(words)
        self._word_groups = [parse_word_groups(line) for line in lexicon.word_groups]
        self._paperwork = lexicons.any_of(lexicon.paperwork)
        self._doubt = lexicons.any_of((*lexicon.paperwork, *lexicon.doubt))
        self._happening_now = lexicons.any_of(lexicon.happening_now)
        self._protected = lexicons.any_of(lexicon.protected)
        # Most messages contain no word of danger, and one pass of this automaton shows it. Of word
        # groups the smallest is enough: without a word of it the line cannot match.
        anchors = (min(groups, key=len) for groups in self._word_groups)
        all_words = {*lexicon.always, *words}
        self._anchors = AhoCorasick([*all_words.union(*anchors)], store_patterns=False)

    def find(self, normal: NormalizedText) -> str | None:
        """The word of danger in a message (several joined by "、"), or None.

        Searches the whole text and not only its core, so that no filler hides a word.
        """
        # both forms: dialect replacement could also take a word of danger apart
        for form in dict.fromkeys((normal.text, to_standard(normal.text))):
            if self._anchors.find_matches_as_indexes(form):
                # protected words contain a word of danger by chance
                found = self._find(self._protected.sub("", form))
                if found:
                    return found
        return None

    def _find(self, text: str) -> str:
        """The word of danger in one form of a message, or an empty string."""
        if self._paperwork.search(text) and not self._happening_now.search(text):
            return ""
        # certain words first: they need no second word and no doubt rules them out
        always = self._always.search(text)
        if always:
            return always.group()
        for groups in self._word_groups:
            if _has_all_groups(text, groups):
                return "、".join(_longest_found(text, group) for group in groups)
        found = self._words.search(text)
        is_doubtful = self._doubt.search(text) and not self._happening_now.search(text)
        return found.group() if found and not is_doubtful else ""


@lru_cache(maxsize=4)
def emergency_detector(extra: frozenset[str]) -> EmergencyDetector:
    """The detector with the city's own words `extra`, compiled once a process."""
    # every new rule set asks for one, the city's words hardly ever change
    return EmergencyDetector(extra)


def _has_all_groups(text: str, groups: Sequence[Sequence[str]]) -> bool:
    """Whether a text contains a word of each group.

    Loops instead of all() and any(): most texts fail at the first group, and then the generators
    cost more than the search.
    """
    for group in groups:
        for word in group:
            if word in text:
                break
        else:
            return False
    return True


def _longest_found(text: str, group: Sequence[str]) -> str:
    """The longest word of a group that stands in a text which has one."""
    # the longest says most to the agent who reads the alert
    return max((word for word in group if word in text), key=len)
