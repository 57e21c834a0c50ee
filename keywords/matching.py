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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from config import clock
from keywords import chatter, misspelling, sounds
from keywords.index import CHARACTER, Entry, Index
from keywords.normalize import Normal, fold_spaced, normalize, standard
from keywords.rules import Kind, Mode, Occasion, Rule

# Messages beyond this many characters tell a story; a condition then looks this far around a hit.
LONG = 40
SURROUNDINGS = 20
_MANDATORY = 1_000_000


class Level(IntEnum):
    """How a keyword was found; higher is surer."""

    SOUND = 1
    PLAIN = 2
    CONTAINS = 3
    EQUAL = 4


# By level. Heard counts one character less than written; EQUAL never competes with the others.
_SURENESS = (0, 1 - CHARACTER, 2, 3, 10 * _MANDATORY)

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


class _Hit(NamedTuple):
    """A keyword found in a message, from `start` up to `end`."""

    entry: Entry
    level: Level
    start: int
    end: int
    obstacle: str = ""

    @property
    def score(self) -> int:
        """Strength of the hit; see the ladder at the top."""
        score = self.entry.rank + _SURENESS[self.level]
        if self.entry.is_mandatory and self.level is not Level.SOUND:
            score += _MANDATORY
        return score


class Matcher:
    """The compiled rules of one account (or of the whole city)."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile. Rules must be valid as `drafts` checks them; patterns must compile."""
        self._index = Index(rules)
        self.rules = self._index.rules

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

    def heard(self, text: str) -> list[Rule]:
        """The rules with any keyword in a text, whatever else stands against them."""
        normal = normalize(text)
        hits = (*self._equal_hits(normal), *self._part_hits(normal))
        return [self.rules[at] for at in sorted({hit.entry.rule for hit in hits})]

    def explain(self, occasion: Occasion, *, now: datetime) -> tuple[Candidate, ...]:
        """Every keyword that was found, best first, with its reason and any obstacle."""
        if occasion.kind is not Kind.TEXT:
            return self._candidates(list(self._event_hits(occasion)), now)
        normal = normalize(occasion.text)
        hits = list(self._part_hits(normal))
        if chatter.is_chatter(normal):
            hits = [hit._replace(obstacle="不像是在提问") for hit in hits]
        equal = self._candidates(list(self._equal_hits(normal)), now)
        parts = self._candidates(hits, now, is_long=_is_long(normal))
        return tuple(sorted(equal + parts, key=lambda each: bool(each.obstacle)))

    def _candidates(
        self, hits: list[_Hit], now: datetime, *, is_long: bool = False
    ) -> tuple[Candidate, ...]:
        stated = [hit._replace(obstacle=hit.obstacle or self._asleep(hit, now)) for hit in hits]
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
        rules = {hit.entry.rule for hit in ready}
        if len(rules) > 1:
            rules = {min(ready, key=_order(ready, is_long=is_long)).entry.rule}
        return self.rules[rules.pop()] if rules else None

    # ---- finding ----

    def _event_hits(self, occasion: Occasion) -> Iterator[_Hit]:
        for at in self._index.event(occasion.kind, occasion.text):
            entry = self._index.entries[at]
            level = Level.CONTAINS if entry.mode is Mode.PREFIX else Level.EQUAL
            yield _Hit(entry, level, 0, len(entry.word))

    def _equal_hits(self, normal: Normal) -> Iterator[_Hit]:
        for form in dict.fromkeys((normal.text, normal.core, normal.plain)):
            for at in self._index.equal(form):
                entry = self._index.entries[at]
                obstacle = self._excluded(entry.rule, _forms(normal))
                yield _Hit(entry, Level.EQUAL, 0, len(form), obstacle)

    def _part_hits(self, normal: Normal) -> Iterator[_Hit]:
        yield from self._word_hits(Level.CONTAINS, normal.core, normal)
        if normal.plain != normal.core:
            yield from self._word_hits(Level.PLAIN, normal.plain, normal)
        for at in self._index.patterns(normal.core):
            yield self._whole_hit(at, Level.CONTAINS, len(normal.core), normal)
        yield from self._sound_hits(normal)

    def _word_hits(self, level: Level, text: str, normal: Normal) -> Iterator[_Hit]:
        entries, is_long = self._index.entries, _is_long(normal)
        whole = _forms(normal)
        for at, start, end in self._index.words(text):
            entry = entries[at]
            if entry.mode is Mode.PREFIX and start:
                continue
            near = _around(text, start, end) if is_long else whole
            if entry.groups and not _all_groups(entry.groups, near):
                continue
            place = "只是地点" if chatter.is_place(text, end) else ""
            yield _Hit(entry, level, start, end, place or self._missing(entry.rule, near))

    def _sound_hits(self, normal: Normal) -> Iterator[_Hit]:
        text = normal.plain
        if sounds.has_latin(text):
            # pinyin typed with spaces between its words is easier to tell apart
            text = standard(fold_spaced(normal.raw))
            for run in sounds.latin_runs(text):
                for at in self._index.initials(run):
                    yield self._whole_hit(at, Level.SOUND, len(run), normal)
        heard = sounds.hear(text)
        for at, start, end in self._index.sounds(heard):
            entry = self._index.entries[at]
            written = heard.source[start:end]
            if written == entry.word:
                continue
            if entry.mode is Mode.EQUAL and end - start < len(heard.code):
                continue
            if entry.mode is Mode.PREFIX and start:
                continue
            if misspelling.is_likely(entry.word, written):
                obstacle = self._missing(entry.rule, _forms(normal))
                yield _Hit(entry, Level.SOUND, start, end, obstacle)

    def _whole_hit(self, at: int, level: Level, length: int, normal: Normal) -> _Hit:
        entry = self._index.entries[at]
        obstacle = self._missing(entry.rule, _forms(normal))
        return _Hit(entry, level, 0, length, obstacle)

    # ---- conditions ----

    def _missing(self, number: int, forms: Sequence[str]) -> str:
        asked = self._index.conditions[number]
        if asked is None:
            return ""
        if asked.required and not _any_in(asked.required, forms):
            return "没有任何限定词"
        return self._excluded(number, forms)

    def _excluded(self, number: int, forms: Sequence[str]) -> str:
        asked = self._index.conditions[number]
        return "含有排除词" if asked is not None and _any_in(asked.excluded, forms) else ""


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


def _forms(normal: Normal) -> tuple[str, ...]:
    return (normal.text,) if normal.text == normal.plain else (normal.text, normal.plain)


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    near = text[max(0, start - SURROUNDINGS) : end + SURROUNDINGS]
    return near, standard(near)


def _all_groups(groups: Sequence[Sequence[str]], forms: Sequence[str]) -> bool:
    return all(_any_in(group, forms) for group in groups)


def _any_in(listed: Sequence[str], forms: Sequence[str]) -> bool:
    # the innermost loop of all: written out, it takes half the time of any()
    for form in forms:
        for word in listed:
            if word in form:
                return True
    return False
