"""Matching: one account's rules, compiled so that a message finds its rule at once.

    message ─ normalize ─┬─ equal     the whole message is the keyword: wins over all below
                         ├─ contains  its characters are in it (also prefix, together, pattern)
                         ├─ plain     … after dialect is said in the standard language
                         └─ sound     … by ear: homophones, pinyin, initials
              then mandatory, priority, longest hit, surer level, several hits, code

What was heard counts as one character shorter than what was written. In a long message the rule
that is spoken of most comes before priority, and conditions look only around the hit.

The index is immutable and does not depend on how many keywords there are: a message costs one
pass of an automaton per form. Patterns run in RE2, so none can hang. `match` is the short way;
`explain` walks the same ways and keeps every candidate with its reason.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

import re2
from ahocorasick_rs import AhoCorasick

from config import clock
from keywords import chatter, misspelling, sounds
from keywords.normalize import Normal, fold, fold_spaced, normalize, standard
from keywords.rules import Kind, Mode, Occasion, Rule, Scope
from keywords.sounds import Sounds

# A pattern has no length of its own; it ranks like a keyword of this many characters.
PATTERN_WEIGHT = 4
SHORTEST_INITIALS = 3
# Messages beyond this many characters tell a story; a condition then looks this far around a hit.
LONG = 40
SURROUNDINGS = 20
_SHORTEST_SOUND = 2
_LONGEST = 90
_CHARACTER = 10
_PRIORITY = 1_000
_MANDATORY = 1_000_000


class Level(IntEnum):
    """How a keyword was found; higher is surer."""

    SOUND = 1
    PLAIN = 2
    CONTAINS = 3
    EQUAL = 4


# Heard counts one character less than written; EQUAL never competes with the others.
_SURENESS = {
    Level.SOUND: 1 - _CHARACTER,
    Level.PLAIN: 2,
    Level.CONTAINS: 3,
    Level.EQUAL: 10 * _MANDATORY,
}

REASONS = {
    Level.EQUAL: "整句就是“{word}”",
    Level.CONTAINS: "含有“{word}”",
    Level.PLAIN: "换成普通话后含有“{word}”",
    Level.SOUND: "读音与“{word}”相同或相近",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One keyword that was found, and whether its rule may answer.

    `score` orders candidates: level, mandatory, priority and length of the hit in one number.
    `obstacle` says in Chinese why the rule may not answer, or is empty.
    """

    rule: Rule
    level: Level
    word: str
    score: int
    reason: str
    obstacle: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """One keyword of one rule inside the index."""

    rule: int
    word: str
    rank: int
    mode: Mode
    mandatory: bool
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class _Hit:
    """A keyword found in a message, from `start` up to `end`."""

    entry: _Entry
    level: Level
    start: int
    end: int
    obstacle: str = ""

    @property
    def score(self) -> int:
        """Strength of the hit; see the ladder at the top."""
        score = self.entry.rank + _SURENESS[self.level]
        if self.entry.mandatory and self.level is not Level.SOUND:
            score += _MANDATORY
        return score


@dataclass(frozen=True, slots=True)
class _Conditions:
    """What else a rule asks of a message, in normal form."""

    required: tuple[str, ...]
    excluded: tuple[str, ...]


class _Words:
    """Many words to find in one pass, each with the entries that listen for it."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
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


class Matcher:
    """The compiled rules of one account (or of the whole city)."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile. Rules must be valid as `drafts` checks them; patterns must compile."""
        self.rules = tuple(sorted(rules, key=lambda rule: rule.code))
        self._entries: list[_Entry] = []
        self._conditions = [_conditions(rule) for rule in self.rules]
        self._equal: dict[str, list[int]] = {}
        self._events: dict[tuple[Kind, str], list[int]] = {}
        self._event_prefixes: dict[Kind, list[int]] = {}
        self._initials: dict[str, list[int]] = {}
        self._heard_pairs: dict[str, list[int]] = {}
        self._pattern_entries: list[int] = []
        found: list[tuple[str, int]] = []
        heard: list[tuple[str, int]] = []
        for number, rule in enumerate(self.rules):
            for keyword in rule.keywords:
                self._add(number, rule, keyword.text, keyword.mode, keyword.kind, found, heard)
        self._words = _Words(found)
        self._sounds = _Words(heard)
        # read while compiling, so that no citizen waits for it
        misspelling.dictionary()
        self._patterns = _compiled(self._entries[at].word for at in self._pattern_entries)

    def match(self, occasion: Occasion, *, now: datetime) -> Rule | None:
        """The rule that answers, or None."""
        if occasion.kind is not Kind.TEXT:
            return self._best(list(self._event_hits(occasion)), now)
        return self.match_text(normalize(occasion.text), now=now)

    def match_text(self, normal: Normal, *, now: datetime) -> Rule | None:
        """The rule that answers a message already in normal form, or None."""
        equal = self._best(list(self._equal_hits(normal)), now)
        if equal is not None or chatter.is_chatter(normal):
            return equal
        return self._best(list(self._part_hits(normal)), now, is_long=_is_long(normal))

    def ranked(self, normal: Normal, *, now: datetime) -> list[Rule]:
        """All rules that could answer a message, best first."""
        hits = [*self._equal_hits(normal), *self._part_hits(normal)]
        ready = [hit for hit in hits if not hit.obstacle and not self._asleep(hit, now)]
        ready.sort(key=_order(ready, is_long=_is_long(normal)))
        return [self.rules[at] for at in dict.fromkeys(hit.entry.rule for hit in ready)]

    def explain(self, occasion: Occasion, *, now: datetime) -> tuple[Candidate, ...]:
        """Every keyword that was found, best first, with its reason and any obstacle."""
        if occasion.kind is not Kind.TEXT:
            return self._candidates(list(self._event_hits(occasion)), now)
        normal = normalize(occasion.text)
        equal = self._candidates(list(self._equal_hits(normal)), now)
        hits = list(self._part_hits(normal))
        if chatter.is_chatter(normal):
            hits = [replace(hit, obstacle="不像是在提问") for hit in hits]
        return equal + self._candidates(hits, now, is_long=_is_long(normal))

    def _candidates(
        self, hits: list[_Hit], now: datetime, *, is_long: bool = False
    ) -> tuple[Candidate, ...]:
        stated = [replace(hit, obstacle=hit.obstacle or self._asleep(hit, now)) for hit in hits]
        order = _order(stated, is_long=is_long)
        found = {
            Candidate(
                rule=self.rules[hit.entry.rule],
                level=hit.level,
                word=hit.entry.word,
                score=hit.score,
                reason=REASONS[hit.level].format(word=hit.entry.word),
                obstacle=hit.obstacle,
            ): None
            for hit in sorted(stated, key=lambda hit: (bool(hit.obstacle), order(hit)))
        }
        return tuple(found)

    def _asleep(self, hit: _Hit, now: datetime) -> str:
        schedule = self.rules[hit.entry.rule].schedule
        return "" if not schedule or schedule.is_open(clock.local(now)) else "不在生效时间内"

    def _best(self, hits: list[_Hit], now: datetime, *, is_long: bool = False) -> Rule | None:
        ready = [hit for hit in hits if not hit.obstacle and not self._asleep(hit, now)]
        if not ready:
            return None
        if len(ready) == 1:
            return self.rules[ready[0].entry.rule]
        return self.rules[min(ready, key=_order(ready, is_long=is_long)).entry.rule]

    # ---- building ----

    def _add(
        self,
        number: int,
        rule: Rule,
        text: str,
        mode: Mode,
        kind: Kind,
        found: list[tuple[str, int]],
        heard: list[tuple[str, int]],
    ) -> None:
        at = len(self._entries)
        binding = rule.scope is Scope.MANDATORY
        if kind is not Kind.TEXT:
            self._entries.append(_Entry(number, text, _rank(rule, len(text)), mode, binding))
            if mode is Mode.PREFIX:
                self._event_prefixes.setdefault(kind, []).append(at)
            else:
                self._events.setdefault((kind, text), []).append(at)
        elif mode is Mode.PATTERN:
            self._entries.append(_Entry(number, text, _rank(rule, PATTERN_WEIGHT), mode, binding))
            self._pattern_entries.append(at)
        elif mode is Mode.TOGETHER:
            groups = together_groups(text)
            weight = sum(min(map(len, group)) for group in groups)
            self._entries.append(_Entry(number, text, _rank(rule, weight), mode, binding, groups))
            rarest = max(groups, key=lambda group: (min(map(len, group)), -len(group)))
            found.extend((word, at) for word in rarest)
        else:
            self._add_word(number, rule, text, mode, found, heard)

    def _add_word(
        self,
        number: int,
        rule: Rule,
        text: str,
        mode: Mode,
        found: list[tuple[str, int]],
        heard: list[tuple[str, int]],
    ) -> None:
        at = len(self._entries)
        word = fold(text)
        plain = standard(word)
        binding = rule.scope is Scope.MANDATORY
        self._entries.append(_Entry(number, plain, _rank(rule, len(word)), mode, binding))
        for form in {word, plain}:
            if mode is Mode.EQUAL:
                self._equal.setdefault(form, []).append(at)
            else:
                found.append((form, at))
        if len(plain) >= _SHORTEST_SOUND and not any(map(str.isascii, plain)):
            spelled = sounds.spell(plain)
            if len(plain) == _SHORTEST_SOUND:
                for key in sounds.pair_keys(plain, spelled):
                    self._heard_pairs.setdefault(key, []).append(at)
            else:
                heard.append((spelled, at))
            if len(plain) >= SHORTEST_INITIALS:
                self._initials.setdefault(sounds.initials(plain), []).append(at)

    # ---- finding ----

    def _event_hits(self, occasion: Occasion) -> Iterator[_Hit]:
        for at in self._events.get((occasion.kind, occasion.text), ()):
            yield _Hit(self._entries[at], Level.EQUAL, 0, len(occasion.text))
        for at in self._event_prefixes.get(occasion.kind, ()):
            entry = self._entries[at]
            if occasion.text.startswith(entry.word):
                yield _Hit(entry, Level.CONTAINS, 0, len(entry.word))

    def _equal_hits(self, normal: Normal) -> Iterator[_Hit]:
        for form in dict.fromkeys((normal.text, normal.core, normal.plain)):
            for at in self._equal.get(form, ()):
                entry = self._entries[at]
                obstacle = self._excluded(entry.rule, (normal.text, normal.plain))
                yield _Hit(entry, Level.EQUAL, 0, len(form), obstacle)

    def _part_hits(self, normal: Normal) -> Iterator[_Hit]:
        yield from self._word_hits(Level.CONTAINS, normal.core, normal)
        if normal.plain != normal.core:
            yield from self._word_hits(Level.PLAIN, normal.plain, normal)
        if self._patterns is not None:
            for number in self._patterns.Match(normal.core) or ():
                entry = self._entries[self._pattern_entries[number]]
                obstacle = self._missing(entry.rule, (normal.text, normal.plain))
                yield _Hit(entry, Level.CONTAINS, 0, len(normal.core), obstacle)
        yield from self._sound_hits(normal)

    def _word_hits(self, level: Level, text: str, normal: Normal) -> Iterator[_Hit]:
        entries, is_long = self._entries, _is_long(normal)
        whole = (normal.text, normal.plain)
        for at, start, end in self._words.find(text):
            entry = entries[at]
            if entry.mode is Mode.PREFIX and start:
                continue
            near = _around(text, start, end) if is_long else whole
            if entry.groups and not _all_groups(entry.groups, near):
                continue
            place = chatter.is_place(text, end) and "只是地点"
            yield _Hit(entry, level, start, end, place or self._missing(entry.rule, near))

    def _sound_hits(self, normal: Normal) -> Iterator[_Hit]:
        text, whole = normal.plain, (normal.text, normal.plain)
        heard = sounds.hear(text)
        if sounds.has_latin(text):
            text = standard(fold_spaced(normal.raw))
            heard = sounds.hear(text)
            for run in sounds.latin_runs(text):
                for at in self._initials.get(run, ()):
                    entry = self._entries[at]
                    obstacle = self._missing(entry.rule, whole)
                    yield _Hit(entry, Level.SOUND, 0, len(run), obstacle)
        for at, start, end in self._heard(heard):
            entry = self._entries[at]
            written = heard.source[start:end]
            if written == entry.word:
                continue
            if entry.mode is Mode.EQUAL and end - start < len(heard.code):
                continue
            if entry.mode is Mode.PREFIX and start:
                continue
            if misspelling.is_likely(entry.word, written):
                yield _Hit(entry, Level.SOUND, start, end, self._missing(entry.rule, whole))

    def _heard(self, heard: Sounds) -> Iterator[tuple[int, int, int]]:
        """Entry, start and end of everything that sounds like a keyword."""
        yield from self._sounds.find(heard.code)
        pairs = self._heard_pairs
        for start, key in sounds.keys_in(heard):
            for at in pairs.get(key, ()):
                yield at, start, start + _SHORTEST_SOUND

    # ---- conditions ----

    def _missing(self, number: int, forms: Sequence[str]) -> str:
        asked = self._conditions[number]
        if asked is None:
            return ""
        if asked.required and not _any_in(asked.required, forms):
            return "没有任何限定词"
        return self._excluded(number, forms)

    def _excluded(self, number: int, forms: Sequence[str]) -> str:
        asked = self._conditions[number]
        return "含有排除词" if asked is not None and _any_in(asked.excluded, forms) else ""


def together_groups(text: str) -> tuple[tuple[str, ...], ...]:
    """The groups of a `together` keyword in normal form; empty words are dropped."""
    groups = (
        tuple(sorted({standard(fold(word)) for word in group.split("|")} - {""}))
        for group in text.split()
    )
    return tuple(group for group in groups if group)


def _compiled(patterns: Iterable[str]) -> re2.Filter | None:
    """All patterns in one filter: only those whose literal parts occur are tried at all."""
    listed = tuple(patterns)
    if not listed:
        return None
    compiled = re2.Filter()
    for pattern in listed:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled


def _order(hits: Iterable[_Hit], *, is_long: bool) -> Callable[[_Hit], tuple[int, ...]]:
    """The sort key under which the best hit comes first."""
    counts: dict[int, int] = {}
    covered: dict[int, set[int]] = {}
    for hit in hits:
        if not hit.obstacle:
            counts[hit.entry.rule] = counts.get(hit.entry.rule, 0) + 1
            if is_long:
                covered.setdefault(hit.entry.rule, set()).update(range(hit.start, hit.end))

    def key(hit: _Hit) -> tuple[int, ...]:
        rule = hit.entry.rule
        spoken_of = len(covered.get(rule, ())) if is_long else 0
        mandatory = hit.score // _MANDATORY
        return -mandatory, -spoken_of, -hit.score, -counts.get(rule, 0), rule, hit.start

    return key


def _is_long(normal: Normal) -> bool:
    return len(normal.core) > LONG


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    near = text[max(0, start - SURROUNDINGS) : end + SURROUNDINGS]
    return near, standard(near)


def _all_groups(groups: Sequence[Sequence[str]], forms: Sequence[str]) -> bool:
    return all(_any_in(group, forms) for group in groups)


def _any_in(listed: Sequence[str], forms: Sequence[str]) -> bool:
    return any(word in form for form in forms for word in listed)


def _conditions(rule: Rule) -> _Conditions | None:
    if not rule.required and not rule.excluded:
        return None
    return _Conditions(_forms(rule.required), _forms(rule.excluded))


def _forms(listed: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({form for word in map(fold, listed) for form in (word, standard(word))}))


def _rank(rule: Rule, length: int) -> int:
    return rule.priority * _PRIORITY + min(length, _LONGEST) * _CHARACTER
