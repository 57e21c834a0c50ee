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

from keywords.book import Book
from keywords.concordance import form_of, is_word
from keywords.matching import Level
from keywords.rehearsal import Rehearsal, awake
from keywords.rules import Keyword, Mode, Occasion, Reach, Rule, reaches

MOST = 20
_MOST_FOUND = 200
_MOST_TRIED = 40


class Clash(StrEnum):
    """How two rules meet, the gravest first."""

    TAKEN = "taken"
    TAKES = "takes"
    SAME = "same"
    SWALLOWS = "swallows"
    HOLDS = "holds"
    WITHIN = "within"


_ORDER = list(Clash)


@dataclass(frozen=True, slots=True)
class Conflict:
    """`word` is of the draft, `other_word` of the rule it meets.

    `is_near` tells a rule of the draft's own accounts from one met further up or down only.
    """

    clash: Clash
    word: str
    other: Rule
    other_word: str
    is_near: bool


def find(book: Book, draft: Rule, *, now: datetime) -> tuple[Conflict, ...]:
    """What the draft meets, the gravest first, one conflict for each rule and kind."""
    rehearsal = Rehearsal(book, draft)
    home = rehearsal.home
    if not home:
        return ()
    near = _Neighbours(home)
    anywhere = _Neighbours([reach for reach in book.reaches.values() if reaches(draft, reach)])
    met = [
        (clash, word, other, other_word)
        for clash, word, other, other_word in _met(book, draft, now)
        if other.code != draft.code and anywhere.have(other)
    ]
    tried = _tried(book, draft, met, rehearsal, home[0], now)
    first: dict[tuple[str, Clash], Conflict] = {}
    for clash, word, other, other_word in (*tried, *met):
        conflict = Conflict(clash, word, other, other_word, near.have(other))
        first.setdefault((other.code, clash), conflict)
    ordered = sorted(
        first.values(), key=lambda one: (not one.is_near, _ORDER.index(one.clash), one.other.code)
    )
    return tuple(_gravest(ordered))[:MOST]


_Met = tuple[Clash, str, Rule, str]


class _Neighbours:
    """Some accounts, and whether a rule is meant for any of them."""

    def __init__(self, accounts: list[Reach]) -> None:
        self._accounts = accounts
        self._known: dict[tuple[object, ...], bool] = {}

    def have(self, rule: Rule) -> bool:
        """Asked often for rules of the same owner, so remembered."""
        key = (rule.department_id, rule.account_id, rule.scope)
        if key not in self._known:
            self._known[key] = any(reaches(rule, reach) for reach in self._accounts)
        return self._known[key]


def _met(book: Book, draft: Rule, now: datetime) -> Iterator[_Met]:
    """Keywords that are alike, whatever comes of it."""
    for keyword in draft.keywords:
        form = form_of(keyword)
        if form is None:
            continue
        for other in book.concordance.same(keyword):
            yield Clash.SAME, keyword.text, other, keyword.text
        if keyword.mode is Mode.PATTERN:
            for other, other_word in book.concordance.matching(keyword.text, _MOST_FOUND):
                yield Clash.SWALLOWS, keyword.text, other, other_word
        elif is_word(keyword):
            yield from _parts(book, keyword, form, now)


def _parts(book: Book, keyword: Keyword, form: str, now: datetime) -> Iterator[_Met]:
    for candidate in book.city.explain(Occasion(keyword.text), now=now):
        if candidate.level in (Level.CONTAINS, Level.PLAIN):
            yield Clash.HOLDS, keyword.text, candidate.rule, candidate.word
    if keyword.mode is not Mode.EQUAL:
        for other, other_word in book.concordance.holding(form, _MOST_FOUND):
            yield Clash.WITHIN, keyword.text, other, other_word


def _tried(
    book: Book,
    draft: Rule,
    met: list[_Met],
    rehearsal: Rehearsal,
    reach: Reach,
    now: datetime,
) -> Iterator[_Met]:
    """Phrases that would have another answer than their rule's, at one of the draft's accounts."""
    # with words required beside it, a keyword alone says nothing
    own = [each.text for each in draft.keywords if is_word(each) and not draft.required]
    own = list(dict.fromkeys((*draft.samples, *own)))[:_MOST_TRIED]
    moment = awake(draft, now=now)
    words = {other_word for clash, _, _, other_word in met if clash in (Clash.WITHIN, Clash.SAME)}
    theirs = [word for word in words if word not in own][:_MOST_TRIED]
    given = rehearsal.answers(reach, [*own, *theirs], now=moment)
    for text, winner in zip((*own, *theirs), given, strict=True):
        if winner is None:
            continue
        if winner.code != draft.code:
            if text in own:
                yield Clash.TAKEN, text, winner, ""
        elif text in words:
            before = book.match(reach.account_id, Occasion(text), now=moment)
            if before is not None and before.code != draft.code:
                yield Clash.TAKES, "", before, text


def _gravest(ordered: list[Conflict]) -> Iterator[Conflict]:
    """One conflict for each rule: the gravest, which comes first."""
    told: set[str] = set()
    for conflict in ordered:
        if conflict.other.code not in told:
            told.add(conflict.other.code)
            yield conflict
