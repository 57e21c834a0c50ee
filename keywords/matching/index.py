"""The index: all keywords of some rules, arranged so that a message finds them at once.

    equal, events      dictionaries of whole messages, menu keys and scenes
    words              one automaton for contains, prefix and the rarest group of together
    sounds             one automaton of syllables; words of two characters by one right character
    initials           the first letters of syllables, as typed in haste
    patterns           RE2, prefiltered by the literal parts of each pattern

Nothing here decides; `matching` weighs what is found. A finished index never changes.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import re2
from ahocorasick_rs import AhoCorasick

from keywords.language import phonetics
from keywords.language.normalize import fold, to_standard
from keywords.language.phonetics import PhoneticText
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule, RuleScope

# A pattern has no length of its own; it ranks like a keyword of this many characters.
PATTERN_WEIGHT = 4
MIN_INITIALS_LENGTH = 3
# Ranks leave room: a character is ten points, a step of priority a thousand.
POINTS_PER_CHARACTER = 10
POINTS_PER_PRIORITY = 1_000
_MAX_WEIGHT = 90
_MIN_PHONETIC_LENGTH = 2
# stands for all entries of two characters that sound alike; which of them, the pair keys tell
_PAIR_ENTRY = 2**32 - 1


@dataclass(frozen=True, slots=True)
class KeywordEntry:
    """One keyword of one rule; `rule` is the rule's number in the index."""

    rule_number: int
    word: str
    rank: int
    mode: MatchMode
    is_mandatory: bool
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleConditions:
    """What else a rule asks of a message, in normal form."""

    required: tuple[str, ...]
    excluded: tuple[str, ...]


class WordAutomaton:
    """Many words to find in one pass, each with the entries that listen for it."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Compile (word, entry) pairs."""
        ordered = sorted(set(pairs))
        self._entries = array("I", [entry for _, entry in ordered])
        self._starts = array("I", [0])
        listed: list[str] = []
        for at, (word, _) in enumerate(ordered):
            if not listed or word != listed[-1]:
                if listed:
                    self._starts.append(at)
                listed.append(word)
        self._starts.append(len(ordered))
        self._finder = AhoCorasick(listed, store_patterns=False) if listed else None

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Entry, start and end of everything in the text."""
        if self._finder is None:
            return
        starts, entries = self._starts, self._entries
        for word, start, end in self._finder.find_matches_as_indexes(text, overlapping=True):
            for at in range(starts[word], starts[word + 1]):
                yield entries[at], start, end


@dataclass(slots=True)
class _IndexBuilder:
    """What building collects on its way."""

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
        """Take in one keyword of the rule of this number."""
        if keyword.kind is not InputKind.TEXT:
            self._add_event(number, rule, keyword)
        elif keyword.mode is MatchMode.PATTERN:
            at = self._add_entry(number, rule, keyword.mode, keyword.text, PATTERN_WEIGHT)
            self.patterns.append(at)
        elif keyword.mode is MatchMode.TOGETHER:
            self._add_together(number, rule, keyword.text)
        else:
            self._add_word(number, rule, keyword)

    def _add_event(self, number: int, rule: Rule, keyword: Keyword) -> None:
        at = self._add_entry(number, rule, keyword.mode, keyword.text, len(keyword.text))
        if keyword.mode is MatchMode.PREFIX:
            self.event_prefixes.setdefault(keyword.kind, []).append(at)
        else:
            self.events.setdefault((keyword.kind, keyword.text), []).append(at)

    def _add_together(self, number: int, rule: Rule, text: str) -> None:
        groups = parse_word_groups(text)
        weight = sum(min(map(len, group)) for group in groups)
        at = self._add_entry(number, rule, MatchMode.TOGETHER, text, weight, groups)
        rarest = max(groups, key=lambda group: (min(map(len, group)), -len(group)))
        self.words.extend((word, at) for word in rarest)

    def _add_word(self, number: int, rule: Rule, keyword: Keyword) -> None:
        word = fold(keyword.text)
        plain = to_standard(word)
        at = self._add_entry(number, rule, keyword.mode, plain, len(word))
        for form in {word, plain}:
            if keyword.mode is MatchMode.EQUAL:
                self.equal.setdefault(form, []).append(at)
            else:
                self.words.append((form, at))
        if len(plain) >= _MIN_PHONETIC_LENGTH and not any(map(str.isascii, plain)):
            self._add_phonetic(plain, at)

    def _add_phonetic(self, plain: str, at: int) -> None:
        code = phonetics.encode_keyword(plain)
        if len(plain) == _MIN_PHONETIC_LENGTH:
            for key in phonetics.pair_keys(plain, code):
                self.phonetic_pairs.setdefault(key, []).append(at)
            self.phonetic_words.extend(
                (phonetic, _PAIR_ENTRY) for phonetic in phonetics.pair_codes(plain, code)
            )
        else:
            self.phonetic_words.append((code, at))
        if len(plain) >= MIN_INITIALS_LENGTH:
            self.initials.setdefault(phonetics.initials(plain), []).append(at)

    def _add_entry(
        self,
        number: int,
        rule: Rule,
        mode: MatchMode,
        word: str,
        weight: int,
        groups: tuple[tuple[str, ...], ...] = (),
    ) -> int:
        rank = rule.priority * POINTS_PER_PRIORITY + min(weight, _MAX_WEIGHT) * POINTS_PER_CHARACTER
        is_mandatory = rule.scope is RuleScope.MANDATORY
        self.entries.append(KeywordEntry(number, word, rank, mode, is_mandatory, groups))
        return len(self.entries) - 1


class KeywordIndex:
    """The compiled keywords of some rules. Rules are valid as `drafts` checks them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile. `rules` are numbered by their codes."""
        self.rules = tuple(sorted(rules, key=lambda rule: rule.slug))
        builder = _IndexBuilder()
        for number, rule in enumerate(self.rules):
            for keyword in rule.keywords:
                builder.add(number, rule, keyword)
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
        self._patterns = _compile_patterns(self.entries[at].word for at in builder.patterns)

    def equal_to(self, text: str) -> Iterable[int]:
        """Entries that want exactly this message."""
        return self._equal.get(text, ())

    def event_matches(self, kind: InputKind, key: str) -> Iterator[int]:
        """Entries that listen for this menu key or scene."""
        yield from self._events.get((kind, key), ())
        for at in self._event_prefixes.get(kind, ()):
            if key.startswith(self.entries[at].word):
                yield at

    def word_matches(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Entry, start and end of every word in the text; of together, its rarest group."""
        return self._words.find(text)

    def pattern_matches(self, text: str) -> Iterator[int]:
        """Entries whose pattern matches somewhere in the text."""
        if self._patterns is not None:
            for number in self._patterns.Match(text) or ():
                yield self._pattern_entries[number]

    def initials(self, run: str) -> Iterable[int]:
        """Entries whose syllables begin with these letters."""
        return self._initials.get(run, ())

    def phonetic_matches(self, phonetic: PhoneticText) -> Iterator[tuple[int, int, int]]:
        """Entry, start and end of everything that sounds like a keyword."""
        pairs = self._phonetic_pairs
        for at, start, end in self._sounds.find(phonetic.code):
            if at != _PAIR_ENTRY:
                yield at, start, end
                continue
            for key in phonetics.pair_keys_at(phonetic, start):
                for entry in pairs.get(key, ()):
                    yield entry, start, end


def parse_word_groups(text: str) -> tuple[tuple[str, ...], ...]:
    """The groups of a `together` keyword in normal form; empty words are dropped."""
    groups = (
        tuple(sorted({to_standard(fold(word)) for word in group.split("|")} - {""}))
        for group in text.split()
    )
    return tuple(group for group in groups if group)


def _conditions_of(rule: Rule) -> RuleConditions | None:
    if not rule.required and not rule.excluded:
        return None
    return RuleConditions(_normal_forms(rule.required), _normal_forms(rule.excluded))


def _normal_forms(listed: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({form for word in map(fold, listed) for form in (word, to_standard(word))}))


def _compile_patterns(patterns: Iterable[str]) -> re2.Filter | None:
    """All patterns in one filter: only those whose literal parts occur are tried at all."""
    listed = tuple(patterns)
    if not listed:
        return None
    compiled = re2.Filter()
    for pattern in listed:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled
