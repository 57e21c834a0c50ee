"""The keyword index: the keywords of some rules, compiled to be found in one pass over a message.

    equal, events   dictionaries by whole message, by menu key and by scene
    words           an Aho-Corasick automaton for contains, prefix and one group of together
    sounds          an Aho-Corasick automaton over phonetic codes (see language/phonetics)
    initials        a dictionary by the first letters of syllables ("sfz" for 身份证)
    patterns        RE2, prefiltered by the literal parts of each pattern

The cost of a message does not depend on the number of keywords. The index only finds; `matcher`
decides which rule answers. An index is immutable once made and may be read by many threads.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import re2
from ahocorasick_rs import AhoCorasick

from keywords.language import phonetics
from keywords.language.normalize import fold, parse_word_groups, to_standard
from keywords.language.phonetics import PhoneticText
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule, RuleScope

# A pattern has no length, so it ranks like a keyword of this many characters.
PATTERN_WEIGHT = 4
# Two letters stand for too many words.
MIN_INITIALS_LENGTH = 3
# A rank is one integer: priority counts in thousands, length in tens, and the units are left to the
# level of a match (see matcher). _MAX_WEIGHT keeps length below one step of priority.
POINTS_PER_CHARACTER = 10
POINTS_PER_PRIORITY = 1_000
_MAX_WEIGHT = 90
# A single syllable is a homophone of dozens of characters.
_MIN_PHONETIC_LENGTH = 2
_LATIN = re.compile("[0-9A-Za-z]")
# Stands in the automaton for every entry of two characters; the pair keys then say which one it is.
_PAIR_ENTRY = 2**32 - 1


@dataclass(frozen=True, slots=True)
class KeywordEntry:
    """One keyword of one rule.

    `rule_number` is the rule's position in `KeywordIndex.rules`; `rank` combines the priority of
    the rule and the length of the keyword; `groups` are those of a `together` keyword. `has_latin`
    says whether it has latin letters or digits, which match as whole runs only.
    """

    rule_number: int
    word: str
    rank: int
    mode: MatchMode
    is_mandatory: bool
    has_latin: bool
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleConditions:
    """The words a message must contain (any of `required`) or must not (`excluded`), normalized."""

    required: tuple[str, ...]
    excluded: tuple[str, ...]


class WordAutomaton:
    """Finds many words in one pass; several entries may share a word.

    Entries are kept in flat arrays of integers; lists of Python integers would take several times
    the memory, which counts with 100,000 keywords in every web process.
    """

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Compile pairs of word and entry id."""
        # sorted, so that all entries of a word lie side by side in the arrays
        ordered = sorted(set(pairs))
        self._entries = array("I", [entry for _, entry in ordered])
        self._starts = array("I", [0])
        listed: list[str] = []
        for position, (word, _) in enumerate(ordered):
            if not listed or word != listed[-1]:
                if listed:
                    self._starts.append(position)
                listed.append(word)
        self._starts.append(len(ordered))
        self._finder = AhoCorasick(listed, store_patterns=False) if listed else None

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Entry id, start and end of every word in the text, overlapping ones included."""
        if self._finder is None:
            return
        starts, entries = self._starts, self._entries
        # overlapping: 身份 and 身份证 are both keywords of somebody
        for word, start, end in self._finder.find_matches_as_indexes(text, overlapping=True):
            for position in range(starts[word], starts[word + 1]):
                yield entries[position], start, end


@dataclass(slots=True)
class _IndexBuilder:
    """Collects the entries of an index while it is built; mutable."""

    entries: list[KeywordEntry] = field(default_factory=list)
    equal: dict[str, list[int]] = field(default_factory=dict)
    events: dict[tuple[InputKind, str], list[int]] = field(default_factory=dict)
    event_prefixes: dict[InputKind, list[int]] = field(default_factory=dict)
    initials: dict[str, list[int]] = field(default_factory=dict)
    phonetic_pairs: dict[str, list[int]] = field(default_factory=dict)
    patterns: list[int] = field(default_factory=list)
    words: list[tuple[str, int]] = field(default_factory=list)
    phonetic_words: list[tuple[str, int]] = field(default_factory=list)

    def add(self, number: int, rule: Rule, keyword: Keyword) -> None:
        """Add one keyword of the rule with this number."""
        if keyword.kind is not InputKind.TEXT:
            self._add_event(number, rule, keyword)
        elif keyword.mode is MatchMode.PATTERN:
            entry_id = self._add_entry(number, rule, keyword.mode, keyword.text, PATTERN_WEIGHT)
            self.patterns.append(entry_id)
        elif keyword.mode is MatchMode.TOGETHER:
            self._add_together(number, rule, keyword.text)
        else:
            self._add_word(number, rule, keyword)

    def _add_event(self, number: int, rule: Rule, keyword: Keyword) -> None:
        entry_id = self._add_entry(number, rule, keyword.mode, keyword.text, len(keyword.text))
        if keyword.mode is MatchMode.PREFIX:
            self.event_prefixes.setdefault(keyword.kind, []).append(entry_id)
        else:
            self.events.setdefault((keyword.kind, keyword.text), []).append(entry_id)

    def _add_together(self, number: int, rule: Rule, text: str) -> None:
        groups = parse_word_groups(text)
        # as long as the shortest text that could match, so that alternatives do not make a rule
        # stronger
        weight = sum(min(map(len, group)) for group in groups)
        entry_id = self._add_entry(number, rule, MatchMode.TOGETHER, text, weight, groups)
        # A message that matches has a word of each group, so looking for one group is enough: the
        # one whose shortest word is longest is found least often. The matcher checks the others.
        rarest = max(groups, key=lambda group: (min(map(len, group)), -len(group)))
        self.words.extend((word, entry_id) for word in rarest)

    def _add_word(self, number: int, rule: Rule, keyword: Keyword) -> None:
        word = fold(keyword.text)
        plain = to_standard(word)
        entry_id = self._add_entry(number, rule, keyword.mode, plain, len(word))
        # both forms: the message is searched before and after its dialect words are replaced
        for form in {word, plain}:
            if keyword.mode is MatchMode.EQUAL:
                self.equal.setdefault(form, []).append(entry_id)
            else:
                self.words.append((form, entry_id))
        # a keyword with letters or digits has no reading as a whole
        if len(plain) >= _MIN_PHONETIC_LENGTH and not any(map(str.isascii, plain)):
            self._add_phonetic(plain, entry_id)

    def _add_phonetic(self, plain: str, entry_id: int) -> None:
        code = phonetics.encode_keyword(plain)
        if len(plain) == _MIN_PHONETIC_LENGTH:
            for key in phonetics.pair_keys(plain, code):
                self.phonetic_pairs.setdefault(key, []).append(entry_id)
            self.phonetic_words.extend(
                (phonetic, _PAIR_ENTRY) for phonetic in phonetics.pair_codes(plain, code)
            )
        else:
            self.phonetic_words.append((code, entry_id))
        if len(plain) >= MIN_INITIALS_LENGTH:
            self.initials.setdefault(phonetics.initials(plain), []).append(entry_id)

    def _add_entry(
        self,
        number: int,
        rule: Rule,
        mode: MatchMode,
        word: str,
        weight: int,
        groups: tuple[tuple[str, ...], ...] = (),
    ) -> int:
        # computed once when compiling and not for each message
        rank = rule.priority * POINTS_PER_PRIORITY + min(weight, _MAX_WEIGHT) * POINTS_PER_CHARACTER
        is_mandatory = rule.scope is RuleScope.MANDATORY
        has_latin = _LATIN.search(word) is not None
        self.entries.append(KeywordEntry(number, word, rank, mode, is_mandatory, has_latin, groups))
        return len(self.entries) - 1


class KeywordIndex:
    """The compiled keywords of some rules, which must be valid as `rules.spec` checks them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile. Rules are numbered in the order of their slugs, so ties break by slug."""
        # equal rules in equal order compare equal, by which `RuleSet.with_rules` reuses a matcher
        self.rules = tuple(sorted(rules, key=lambda rule: rule.slug))
        builder = _IndexBuilder()
        self._first_entries = array("I", [0])
        for number, rule in enumerate(self.rules):
            for keyword in rule.keywords:
                builder.add(number, rule, keyword)
            self._first_entries.append(len(builder.entries))
        self.conditions = tuple(map(_conditions_of, self.rules))
        self.entries: Sequence[KeywordEntry] = builder.entries
        self._equal = builder.equal
        self._events = builder.events
        self._event_prefixes = builder.event_prefixes
        self._initials = builder.initials
        self._phonetic_pairs = builder.phonetic_pairs
        self._words = WordAutomaton(builder.words)
        self._sounds = WordAutomaton(builder.phonetic_words)
        self._pattern_entries = builder.patterns
        self._patterns = _compile_patterns(
            self.entries[entry_id].word for entry_id in builder.patterns
        )

    def keywords_of(self, rule_number: int) -> list[str]:
        """The keywords of a rule: plain ones in normal form, word groups and patterns as typed."""
        first, after = self._first_entries[rule_number : rule_number + 2]
        return [entry.word for entry in self.entries[first:after]]

    def equal_to(self, text: str) -> Iterable[int]:
        """Ids of entries that equal this text."""
        return self._equal.get(text, ())

    def event_matches(self, kind: InputKind, key: str) -> Iterator[int]:
        """Ids of entries for this menu key or scene."""
        yield from self._events.get((kind, key), ())
        for entry_id in self._event_prefixes.get(kind, ()):
            if key.startswith(self.entries[entry_id].word):
                yield entry_id

    def word_matches(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Entry id, start and end of every keyword in the text; of `together`, of one group."""
        return self._words.find(text)

    def pattern_matches(self, text: str) -> Iterator[int]:
        """Ids of entries whose pattern matches anywhere in the text."""
        if self._patterns is not None:
            # Match gives None and not an empty list where no pattern can match
            for number in self._patterns.Match(text) or ():
                yield self._pattern_entries[number]

    def initials(self, run: str) -> Iterable[int]:
        """Ids of entries whose syllables begin with exactly these letters."""
        return self._initials.get(run, ())

    def phonetic_matches(self, phonetic: PhoneticText) -> Iterator[tuple[int, int, int]]:
        """Entry id, start and end of everything that has the phonetic code of a keyword."""
        pairs = self._phonetic_pairs
        for entry_id, start, end in self._sounds.find(phonetic.code):
            if entry_id != _PAIR_ENTRY:
                yield entry_id, start, end
                continue
            # two syllables of a pair only say where to look; the keys hold one character and one
            # sound
            for key in phonetics.pair_keys_at(phonetic, start):
                for entry in pairs.get(key, ()):
                    yield entry, start, end


def _conditions_of(rule: Rule) -> RuleConditions | None:
    if not rule.required and not rule.excluded:
        return None
    return RuleConditions(_normal_forms(rule.required), _normal_forms(rule.excluded))


def _normal_forms(listed: Iterable[str]) -> tuple[str, ...]:
    # both forms, as a message is searched before and after its dialect words are replaced
    return tuple(sorted({form for word in map(fold, listed) for form in (word, to_standard(word))}))


def _compile_patterns(patterns: Iterable[str]) -> re2.Filter | None:
    """All patterns in one RE2 filter, which tries only those whose literal parts occur.

    RE2 needs time linear in the text, so no pattern that staff write can hang the callback.
    """
    listed = tuple(patterns)
    if not listed:
        return None
    compiled = re2.Filter()
    for pattern in listed:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled
