"""The matcher: which of an account's rules answers a message.

    message ─ normalize ─┬─ EQUAL     the whole message is the keyword; beats everything below
                         ├─ CONTAINS  the keyword is in the message (also prefix, together, pattern)
                         ├─ STANDARD  … after dialect words were replaced by standard ones
                         └─ PHONETIC  … by its sound: homophones, pinyin, initials

Within EQUAL, and among all others together, hits are ordered by: rule mandatory (not for PHONETIC),
priority, length of the keyword, level, number of hits of the rule, slug. A phonetic hit counts one
character less than it has. In a long message the rule whose keywords cover most of it comes before
priority, and the conditions of a rule look only at the text around the hit. Decision 0010 gives
the reasons and the measurements.

A matcher is immutable and may be used by many threads. `match` gives only the winner; `explain`
finds the same hits and keeps every one with the reason for or against it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from config import clock
from keywords.language import phonetics, segmentation, small_talk, typos
from keywords.language.normalize import NormalizedText, fold_spaced, normalize, to_standard
from keywords.matching import borders, scope
from keywords.matching.index import POINTS_PER_CHARACTER, KeywordEntry, KeywordIndex
from keywords.rules.values import InputKind, MatchInput, MatchMode, Rule

# In characters. A longer message usually tells a story around its question, so words far from a hit
# say little about it: conditions then look only this far to both sides of the hit.
LONG_MESSAGE = 40
CONTEXT_CHARACTERS = 20
# more than any priority and length add up to, so that a mandatory rule always wins its level
_MANDATORY_POINTS = 1_000_000


class MatchLevel(IntEnum):
    """How a keyword was found; a higher level is more certain."""

    PHONETIC = 1
    STANDARD = 2
    CONTAINS = 3
    EQUAL = 4


# Points by level (index 0 is unused). They break ties between keywords of equal length, except that
# PHONETIC costs a whole character and EQUAL exceeds whatever the other levels can reach.
_LEVEL_POINTS = (0, 1 - POINTS_PER_CHARACTER, 2, 3, 10 * _MANDATORY_POINTS)

REASON_TEXTS = {
    MatchLevel.EQUAL: "整句就是“{word}”",
    MatchLevel.CONTAINS: "含有“{word}”",
    MatchLevel.STANDARD: "换成普通话后含有“{word}”",
    MatchLevel.PHONETIC: "读音与“{word}”相同或相近",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One keyword that was found, and whether its rule may answer.

    `score` combines level, mandatory, priority and length of the keyword; higher is better.
    `reason` (how it was found) and `obstacle` (why the rule may not answer; empty when it may) are
    Chinese texts for staff.
    """

    rule: Rule
    level: MatchLevel
    word: str
    score: int
    reason: str
    obstacle: str


class _Hit(NamedTuple):
    """A keyword found in a message, from `start` up to `end`."""

    entry: KeywordEntry
    level: MatchLevel
    start: int
    end: int
    obstacle: str = ""

    @property
    def score(self) -> int:
        """The score of a `Candidate`."""
        score = self.entry.rank + _LEVEL_POINTS[self.level]
        # a mandatory rule that was only heard has no advantage, or it would beat words that were
        # written (decision 0010)
        if self.entry.is_mandatory and self.level is not MatchLevel.PHONETIC:
            score += _MANDATORY_POINTS
        return score


class Matcher:
    """The compiled rules of one account, or of the whole city."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Compile. Rules must be valid as `rules.spec` checks them; patterns must compile."""
        self._index = KeywordIndex(rules)
        self.rules = self._index.rules

    def match(self, match_input: MatchInput, *, now: datetime) -> Rule | None:
        """The rule that answers, or None."""
        if match_input.kind is not InputKind.TEXT:
            return self._best(list(self._event_hits(match_input)), now)
        return self.match_text(normalize(match_input.text), now=now)

    def match_text(self, normal: NormalizedText, *, now: datetime) -> Rule | None:
        """The rule that answers a message already in normal form, or None."""
        equal = self._best(list(self._equal_hits(normal)), now)
        if equal is not None:
            return equal
        hits, asked = self._request_hits(normal)
        # a rule may have "谢谢" as its whole message, so small talk rules out only lower levels
        if not hits or small_talk.is_small_talk(normal):
            return None
        return self._best(hits, now, is_long=_is_long(asked))

    def rank(self, normal: NormalizedText, *, now: datetime) -> list[Rule]:
        """All rules that could answer a message, best first; small talk is not sorted out."""
        part_hits, asked = self._request_hits(normal)
        hits = [*self._equal_hits(normal), *part_hits]
        active = [hit for hit in hits if not hit.obstacle and not self._inactive_reason(hit, now)]
        active.sort(key=_order(active, is_long=_is_long(asked)))
        return [
            self.rules[number] for number in dict.fromkeys(hit.entry.rule_number for hit in active)
        ]

    def rules_mentioned(self, text: str) -> list[Rule]:
        """The rules with any keyword in a text, in the order of slugs, obstacles ignored."""
        normal = normalize(text)
        hits = (*self._equal_hits(normal), *self._part_hits(normal))
        return [self.rules[number] for number in sorted({hit.entry.rule_number for hit in hits})]

    def explain(self, match_input: MatchInput, *, now: datetime) -> tuple[Candidate, ...]:
        """Every keyword that was found, those without obstacles first, then best first."""
        if match_input.kind is not InputKind.TEXT:
            return self._candidates(list(self._event_hits(match_input)), now)
        normal = normalize(match_input.text)
        hits, asked = self._request_hits(normal)
        if asked is not normal:
            answering = {hit.entry for hit in hits}
            hits += [
                hit._replace(obstacle=scope.read(normal).left_out)
                for hit in self._part_hits(normal)
                if hit.entry not in answering
            ]
        if small_talk.is_small_talk(normal):
            # kept with a reason, so that staff see why a keyword in the message did not count
            hits = [hit._replace(obstacle="不像是在提问") for hit in hits]
        equal = self._candidates(list(self._equal_hits(normal)), now)
        parts = self._candidates(hits, now, is_long=_is_long(asked))
        return tuple(sorted(equal + parts, key=lambda each: bool(each.obstacle)))

    def _candidates(
        self, hits: list[_Hit], now: datetime, *, is_long: bool = False
    ) -> tuple[Candidate, ...]:
        with_obstacles = [
            hit._replace(obstacle=hit.obstacle or self._inactive_reason(hit, now)) for hit in hits
        ]
        order = _order(with_obstacles, is_long=is_long)
        # a dictionary instead of a set keeps the order; one word may be found several times
        found = {
            Candidate(
                rule=self.rules[hit.entry.rule_number],
                level=hit.level,
                word=hit.entry.word,
                score=hit.score,
                reason=REASON_TEXTS[hit.level].format(word=hit.entry.word),
                obstacle=hit.obstacle,
            ): None
            for hit in sorted(with_obstacles, key=lambda hit: (bool(hit.obstacle), order(hit)))
        }
        return tuple(found)

    def _inactive_reason(self, hit: _Hit, now: datetime) -> str:
        schedule = self.rules[hit.entry.rule_number].schedule
        # most rules have none, and the local time is computed only for those that do
        return "" if not schedule or schedule.is_open(clock.local(now)) else "不在生效时间内"

    def _best(self, hits: list[_Hit], now: datetime, *, is_long: bool = False) -> Rule | None:
        """The rule of the best hit without an obstacle, or None."""
        active = [hit for hit in hits if not hit.obstacle and not self._inactive_reason(hit, now)]
        rules = {hit.entry.rule_number for hit in active}
        if len(rules) > 1:  # the usual single rule needs no ordering
            rules = {min(active, key=_order(active, is_long=is_long)).entry.rule_number}
        return self.rules[rules.pop()] if rules else None

    def _event_hits(self, match_input: MatchInput) -> Iterator[_Hit]:
        for entry_id in self._index.event_matches(match_input.kind, match_input.text):
            entry = self._index.entries[entry_id]
            # a rule for exactly this menu key beats one for a prefix of several keys
            level = MatchLevel.CONTAINS if entry.mode is MatchMode.PREFIX else MatchLevel.EQUAL
            yield _Hit(entry, level, 0, len(entry.word))

    def _equal_hits(self, normal: NormalizedText) -> Iterator[_Hit]:
        # fewer than three lookups, as the forms of most messages are the same text
        for form in dict.fromkeys((normal.text, normal.core, normal.standard)):
            for entry_id in self._index.equal_to(form):
                entry = self._index.entries[entry_id]
                # a whole message has no room for required words; excluded ones still count
                obstacle = self._exclusion_obstacle(entry.rule_number, _searched_forms(normal))
                yield _Hit(entry, MatchLevel.EQUAL, 0, len(form), obstacle)

    def _request_hits(self, normal: NormalizedText) -> tuple[list[_Hit], NormalizedText]:
        """The hits in what a message asks, and that part of it.

        Hits that the scope of the message keeps from answering have an obstacle.
        """
        hits = list(self._part_hits(normal))
        # most messages that no keyword is in need no reading either
        found = scope.read(normal) if hits else scope.Scope(normal)
        if found.asked is not normal:
            hits = list(self._part_hits(found.asked))
        if found.obstacle or found.place:
            reasons = self._scope_obstacles(hits, found)
            hits = [
                hit._replace(obstacle=hit.obstacle or reasons[hit.entry.rule_number])
                for hit in hits
            ]
        return hits, found.asked

    def _scope_obstacles(self, hits: Iterable[_Hit], found: scope.Scope) -> dict[int, str]:
        """Why each rule among the hits, by its number, may not answer what is asked."""
        reasons: dict[int, str] = {}
        for hit in hits:
            number = hit.entry.rule_number
            reader = found.at_place(hit.start, is_standard=hit.level < MatchLevel.CONTAINS)
            keywords = self._index.keywords_of(number)
            reasons[number] = reasons.get(number) or reader.obstacle_for(keywords)
        return reasons

    def _part_hits(self, normal: NormalizedText) -> Iterator[_Hit]:
        written = list(self._word_hits(MatchLevel.CONTAINS, normal.core, normal))
        yield from written
        # most messages have no dialect word, and then a second pass would find the same
        if normal.standard != normal.core:
            written = list(self._word_hits(MatchLevel.STANDARD, normal.standard, normal))
            yield from written
        # a pattern is searched in the core as typed: staff write it without thinking of dialect
        for entry_id in self._index.pattern_matches(normal.core):
            yield self._whole_hit(entry_id, MatchLevel.CONTAINS, len(normal.core), normal)
        spans = [
            (hit.start, hit.end)
            for hit in written
            if not hit.obstacle and hit.entry.mode is not MatchMode.TOGETHER
        ]
        yield from self._phonetic_hits(normal, spans)

    def _word_hits(self, level: MatchLevel, text: str, normal: NormalizedText) -> Iterator[_Hit]:
        entries, is_long = self._index.entries, _is_long(normal)
        whole = _searched_forms(normal)
        for entry_id, start, end in self._index.word_matches(text):
            entry = entries[entry_id]
            if entry.mode is MatchMode.PREFIX and start:
                continue
            context = _context_of(text, start, end) if is_long else whole
            # the index looked for one group only
            if entry.groups and not _has_all_groups(entry.groups, context):
                continue
            obstacle = ""
            if small_talk.is_only_location(text, end):
                obstacle = "只是地点"
            elif entry.has_latin and borders.has_latin_edge(text[start:end]):
                obstacle = borders.number_obstacle(text, start, end, normal)
            # Not in word groups: their words are mostly parts of longer ones (票 of 门票), and
            # another group has to be found as well.
            elif (
                end - start in borders.SHORT_LENGTHS
                and entry.mode is not MatchMode.TOGETHER
                and segmentation.may_cross(text, start, end)
            ):
                keywords = partial(self._index.keywords_of, entry.rule_number)
                obstacle = borders.word_obstacle(text, start, end, keywords)
            obstacle = obstacle or self._condition_obstacle(entry.rule_number, context)
            yield _Hit(entry, level, start, end, obstacle)

    def _phonetic_hits(
        self, normal: NormalizedText, written: Sequence[tuple[int, int]]
    ) -> Iterator[_Hit]:
        """The hits by sound; `written` says where in the standard form keywords were written."""
        text, is_latin = normal.standard, phonetics.has_latin(normal.standard)
        if is_latin:
            # spaces between typed syllables say where one ends: "xi an" is not "xian"
            text = to_standard(fold_spaced(normal.raw))
            for run in phonetics.latin_runs(text):
                for entry_id in self._index.initials(run):
                    yield self._whole_hit(entry_id, MatchLevel.PHONETIC, len(run), normal)
        phonetic = phonetics.encode(text)
        for entry_id, start, end in self._index.phonetic_matches(phonetic):
            entry = self._index.entries[entry_id]
            typed = phonetic.source[start:end]
            if typed == entry.word:
                continue  # written correctly: a hit of a higher level already
            # the index does not know modes, so what equal and prefix demand is checked here
            if entry.mode is MatchMode.EQUAL and end - start < len(phonetic.code):
                continue
            if entry.mode is MatchMode.PREFIX and start:
                continue
            # last, as it is the most expensive of these checks
            if typos.is_likely_typo(entry.word, typed):
                obstacle = borders.typo_obstacle(phonetic.source, start, end, normal)
                if not obstacle and not is_latin and _is_written(start, end, written):
                    obstacle = "这里写的就是另一个关键词"
                obstacle = obstacle or self._condition_obstacle(
                    entry.rule_number, _searched_forms(normal)
                )
                yield _Hit(entry, MatchLevel.PHONETIC, start, end, obstacle)

    def _whole_hit(
        self, entry_id: int, level: MatchLevel, length: int, normal: NormalizedText
    ) -> _Hit:
        entry = self._index.entries[entry_id]
        obstacle = self._condition_obstacle(entry.rule_number, _searched_forms(normal))
        return _Hit(entry, level, 0, length, obstacle)

    def _condition_obstacle(self, number: int, forms: Sequence[str]) -> str:
        conditions = self._index.conditions[number]
        if conditions is None:
            return ""
        if conditions.required and not _has_any(conditions.required, forms):
            return "没有任何限定词"
        return self._exclusion_obstacle(number, forms)

    def _exclusion_obstacle(self, number: int, forms: Sequence[str]) -> str:
        conditions = self._index.conditions[number]
        return (
            "含有排除词" if conditions is not None and _has_any(conditions.excluded, forms) else ""
        )


def _order(hits: Iterable[_Hit], *, is_long: bool) -> Callable[[_Hit], tuple[int, ...]]:
    """The sort key by which the best hit comes first; `is_long` as for the message."""
    counts: dict[int, int] = {}
    covered: dict[int, set[int]] = {}
    for hit in hits:
        if not hit.obstacle:
            counts[hit.entry.rule_number] = counts.get(hit.entry.rule_number, 0) + 1
            if is_long:
                covered.setdefault(hit.entry.rule_number, set()).update(range(hit.start, hit.end))

    def key(hit: _Hit) -> tuple[int, ...]:
        rule = hit.entry.rule_number
        coverage = len(covered.get(rule, ())) if is_long else 0
        # EQUAL and mandatory stay above coverage; priority and length come after it
        mandatory = hit.score // _MANDATORY_POINTS
        return -mandatory, -coverage, -hit.score, -counts.get(rule, 0), rule, hit.start

    return key


def _is_written(start: int, end: int, written: Iterable[tuple[int, int]]) -> bool:
    """Whether a keyword as long as this piece, or longer, was written where the piece stands."""
    return any(
        left < end and start < right and right - left >= end - start for left, right in written
    )


def _is_long(normal: NormalizedText) -> bool:
    return len(normal.core) > LONG_MESSAGE


def _searched_forms(normal: NormalizedText) -> tuple[str, ...]:
    return (normal.text,) if normal.text == normal.standard else (normal.text, normal.standard)


def _context_of(text: str, start: int, end: int) -> tuple[str, str]:
    # before and after: Chinese says what is asked on either side of the subject
    context = text[max(0, start - CONTEXT_CHARACTERS) : end + CONTEXT_CHARACTERS]
    return context, to_standard(context)


def _has_all_groups(groups: Sequence[Sequence[str]], forms: Sequence[str]) -> bool:
    return all(_has_any(group, forms) for group in groups)


def _has_any(listed: Sequence[str], forms: Sequence[str]) -> bool:
    # called most often of all; nested loops take half the time of any() with a generator
    for form in forms:
        for word in listed:
            # looked at only where the word was found, so the loop stays as fast
            if word in form and (
                (word[0] > "z" and word[-1] > "z") or borders.is_whole_run(word, form)
            ):
                return True
    return False
