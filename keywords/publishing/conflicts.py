"""Conflicts between a rule that is being edited and the live rules.

    answered_by_other   one of its own phrases would be answered by another rule
    answers_for_other   it would answer a keyword of another rule
    same_keyword        another rule has the same keyword
    pattern_matches     its pattern matches keywords of another rule
    contains_other      its keyword contains another rule's keyword
    contained_in_other  its keyword is contained in a longer one of another rule

Only rules that share an account with the draft are reported, those at its own accounts first. The
limits below keep it fast enough to run while somebody types.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keywords.matching.keyword_search import is_plain_text, normal_form
from keywords.matching.matcher import MatchLevel
from keywords.matching.ruleset import RuleSet
from keywords.publishing.what_if import WhatIf, next_active_moment
from keywords.rules.inheritance import AccountPosition, applies_to
from keywords.rules.values import Keyword, MatchInput, MatchMode, Rule

# a draft with a word like 证 overlaps with hundreds of rules: what is most severe is shown, and the
# preview follows the typing
MAX_CONFLICTS = 20
_MAX_SEARCH_HITS = 200
_MAX_CHECKED_PHRASES = 40


class ConflictKind(StrEnum):
    """The kinds of conflict, the most severe first; see the module."""

    ANSWERED_BY_OTHER = "answered_by_other"
    ANSWERS_FOR_OTHER = "answers_for_other"
    SAME_KEYWORD = "same_keyword"
    PATTERN_MATCHES = "pattern_matches"
    CONTAINS_OTHER = "contains_other"
    CONTAINED_IN_OTHER = "contained_in_other"


_SEVERITY_ORDER = list(ConflictKind)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One conflict with the rule `other`.

    `keyword` is the draft's, `other_keyword` the other rule's; either may be empty.
    `at_own_accounts`: the other rule answers at the draft's own accounts, not only at accounts
    that inherit the draft.
    """

    kind: ConflictKind
    keyword: str
    other: Rule
    other_keyword: str
    at_own_accounts: bool


def detect(ruleset: RuleSet, draft: Rule, *, now: datetime) -> tuple[Conflict, ...]:
    """The conflicts of a draft, at most `MAX_CONFLICTS`, one for each other rule.

    Those at its own accounts come first, then the more severe.
    """
    what_if = WhatIf(ruleset, draft)
    own_accounts = what_if.own_accounts
    # a department without accounts answers nobody yet
    if not own_accounts:
        return ()
    own_group = _AccountGroup(own_accounts)
    reached_group = _AccountGroup(
        [position for position in ruleset.positions.values() if applies_to(draft, position)]
    )
    overlaps = [
        (kind, keyword_text, other, other_keyword)
        for kind, keyword_text, other, other_keyword in _keyword_overlaps(ruleset, draft, now)
        # rules that no citizen can meet together do not conflict
        if other.slug != draft.slug and reached_group.includes(other)
    ]
    answer_changes = _answer_changes(ruleset, draft, overlaps, what_if, own_accounts[0], now)
    first: dict[tuple[str, ConflictKind], Conflict] = {}
    for kind, keyword_text, other, other_keyword in (*answer_changes, *overlaps):
        conflict = Conflict(kind, keyword_text, other, other_keyword, own_group.includes(other))
        # one word for each rule and kind is enough to find it
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
    """Tells whether a rule is meant for any of some accounts."""

    def __init__(self, accounts: list[AccountPosition]) -> None:
        self._accounts = accounts
        self._known: dict[tuple[object, ...], bool] = {}

    def includes(self, rule: Rule) -> bool:
        """Whether a rule is meant for any of the accounts.

        Remembered by owner and scope, on which alone the result depends.
        """
        key = (rule.department_id, rule.account_id, rule.scope)
        if key not in self._known:
            self._known[key] = any(applies_to(rule, position) for position in self._accounts)
        return self._known[key]


def _keyword_overlaps(ruleset: RuleSet, draft: Rule, now: datetime) -> Iterator[_Overlap]:
    """Keywords that overlap, whether or not an answer changes by it."""
    for keyword in draft.keywords:
        form = normal_form(keyword)
        # menu keys and scenes are no words that could overlap
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
    # the matcher itself, so that dialect and folding count as they will in the answer
    for candidate in ruleset.all_rules_matcher.explain(MatchInput(keyword.text), now=now):
        if candidate.level in (MatchLevel.CONTAINS, MatchLevel.STANDARD):
            yield ConflictKind.CONTAINS_OTHER, keyword.text, candidate.rule, candidate.word
    # a whole message can be contained in a longer keyword without ever meeting it
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
    """Phrases that would not be answered by the rule they belong to, at this account."""
    # if the rule requires further words, a keyword alone is not meant to trigger it
    own = [each.text for each in draft.keywords if is_plain_text(each) and not draft.required]
    own = list(dict.fromkeys((*draft.samples, *own)))[:_MAX_CHECKED_PHRASES]
    # now may lie outside the draft's schedule, and then nothing would be answered by it
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
    """The first, most severe, conflict with each rule."""
    seen: set[str] = set()
    for conflict in ordered:
        if conflict.other.slug not in seen:
            seen.add(conflict.other.slug)
            yield conflict
