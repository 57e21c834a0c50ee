"""Conflicts: where a rule that is being written meets the rules in force.

    taken     one of its own phrases would be answered by another rule
    takes     it would answer a keyword of another rule from now on
    same      another rule has the same keyword
    swallows  its pattern matches keywords of another rule
    holds     its keyword has another rule's keyword in it
    within    its keyword stands in a longer one of another rule

Only rules that answer at an account which the draft reaches as well are told; those of its own
accounts come first. Quick enough to be asked while somebody types.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keywords.matching.keyword_search import is_plain_text, normal_form
from keywords.matching.matcher import MatchLevel
from keywords.matching.ruleset import RuleSet
from keywords.publishing.what_if import WhatIf, next_active_moment
from keywords.rules.values import AccountPosition, Keyword, MatchInput, MatchMode, Rule, applies_to

MAX_CONFLICTS = 20
_MAX_SEARCH_HITS = 200
_MAX_CHECKED_PHRASES = 40


class ConflictKind(StrEnum):
    """How two rules meet, the gravest first."""

    ANSWERED_BY_OTHER = "answered_by_other"
    ANSWERS_FOR_OTHER = "answers_for_other"
    SAME_KEYWORD = "same_keyword"
    PATTERN_MATCHES = "pattern_matches"
    CONTAINS_OTHER = "contains_other"
    CONTAINED_IN_OTHER = "contained_in_other"


_SEVERITY_ORDER = list(ConflictKind)


@dataclass(frozen=True, slots=True)
class Conflict:
    """`word` is of the draft, `other_word` of the rule it meets.

    `is_near` tells a rule of the draft's own accounts from one met further up or down only.
    """

    kind: ConflictKind
    keyword: str
    other: Rule
    other_keyword: str
    at_own_accounts: bool


def detect(ruleset: RuleSet, draft: Rule, *, now: datetime) -> tuple[Conflict, ...]:
    """What the draft meets, the gravest first, one conflict for each rule and kind."""
    what_if = WhatIf(ruleset, draft)
    own_accounts = what_if.own_accounts
    if not own_accounts:
        return ()
    own_group = _AccountGroup(own_accounts)
    reached_group = _AccountGroup(
        [position for position in ruleset.positions.values() if applies_to(draft, position)]
    )
    overlaps = [
        (kind, keyword_text, other, other_keyword)
        for kind, keyword_text, other, other_keyword in _keyword_overlaps(ruleset, draft, now)
        if other.slug != draft.slug and reached_group.includes(other)
    ]
    answer_changes = _answer_changes(ruleset, draft, overlaps, what_if, own_accounts[0], now)
    first: dict[tuple[str, ConflictKind], Conflict] = {}
    for kind, keyword_text, other, other_keyword in (*answer_changes, *overlaps):
        conflict = Conflict(kind, keyword_text, other, other_keyword, own_group.includes(other))
        first.setdefault((other.slug, kind), conflict)
    ordered = sorted(
        first.values(),
        key=lambda item: (
            not item.at_own_accounts,
            _SEVERITY_ORDER.index(item.kind),
            item.other.slug,
        ),
    )
    return tuple(_most_severe(ordered))[:MAX_CONFLICTS]


_Overlap = tuple[ConflictKind, str, Rule, str]


class _AccountGroup:
    """Some accounts, and whether a rule is meant for any of them."""

    def __init__(self, accounts: list[AccountPosition]) -> None:
        self._accounts = accounts
        self._known: dict[tuple[object, ...], bool] = {}

    def includes(self, rule: Rule) -> bool:
        """Asked often for rules of the same owner, so remembered."""
        key = (rule.department_id, rule.account_id, rule.scope)
        if key not in self._known:
            self._known[key] = any(applies_to(rule, position) for position in self._accounts)
        return self._known[key]


def _keyword_overlaps(ruleset: RuleSet, draft: Rule, now: datetime) -> Iterator[_Overlap]:
    """Keywords that are alike, whatever comes of it."""
    for keyword in draft.keywords:
        form = normal_form(keyword)
        if form is None:
            continue
        for other in ruleset.keyword_search.with_same_form(keyword):
            yield ConflictKind.SAME_KEYWORD, keyword.text, other, keyword.text
        if keyword.mode is MatchMode.PATTERN:
            for other, other_keyword in ruleset.keyword_search.matching_pattern(
                keyword.text, _MAX_SEARCH_HITS
            ):
                yield ConflictKind.PATTERN_MATCHES, keyword.text, other, other_keyword
        elif is_plain_text(keyword):
            yield from _partial_overlaps(ruleset, keyword, form, now)


def _partial_overlaps(
    ruleset: RuleSet, keyword: Keyword, form: str, now: datetime
) -> Iterator[_Overlap]:
    for candidate in ruleset.all_rules_matcher.explain(MatchInput(keyword.text), now=now):
        if candidate.level in (MatchLevel.CONTAINS, MatchLevel.STANDARD):
            yield ConflictKind.CONTAINS_OTHER, keyword.text, candidate.rule, candidate.word
    if keyword.mode is not MatchMode.EQUAL:
        for other, other_keyword in ruleset.keyword_search.containing(form, _MAX_SEARCH_HITS):
            yield ConflictKind.CONTAINED_IN_OTHER, keyword.text, other, other_keyword


def _answer_changes(
    ruleset: RuleSet,
    draft: Rule,
    overlaps: list[_Overlap],
    what_if: WhatIf,
    position: AccountPosition,
    now: datetime,
) -> Iterator[_Overlap]:
    """Phrases that would have another answer than their rule's, at one of the draft's accounts."""
    # with words required beside it, a keyword alone says nothing
    own = [each.text for each in draft.keywords if is_plain_text(each) and not draft.required]
    own = list(dict.fromkeys((*draft.samples, *own)))[:_MAX_CHECKED_PHRASES]
    moment = next_active_moment(draft, now=now)
    overlapping_words = {
        other_keyword
        for kind, _, _, other_keyword in overlaps
        if kind in (ConflictKind.CONTAINED_IN_OTHER, ConflictKind.SAME_KEYWORD)
    }
    other_phrases = [keyword_text for keyword_text in overlapping_words if keyword_text not in own][
        :_MAX_CHECKED_PHRASES
    ]
    answers = what_if.answers_after(position, [*own, *other_phrases], now=moment)
    for text, winner in zip((*own, *other_phrases), answers, strict=True):
        if winner is None:
            continue
        if winner.slug != draft.slug:
            if text in own:
                yield ConflictKind.ANSWERED_BY_OTHER, text, winner, ""
        elif text in overlapping_words:
            before = ruleset.match(position.account_id, MatchInput(text), now=moment)
            if before is not None and before.slug != draft.slug:
                yield ConflictKind.ANSWERS_FOR_OTHER, "", before, text


def _most_severe(ordered: list[Conflict]) -> Iterator[Conflict]:
    """One conflict for each rule: the gravest, which comes first."""
    seen: set[str] = set()
    for conflict in ordered:
        if conflict.other.slug not in seen:
            seen.add(conflict.other.slug)
            yield conflict
