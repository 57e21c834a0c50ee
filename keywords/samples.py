"""Samples: phrases of a rule that must go on being answered by it.

Before a change is published the samples of the rule itself are tried, and those of every other
rule that the change may touch. What loses its answer is `Broken`, and says who would answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from keywords.book import Book
from keywords.rehearsal import Rehearsal, awake
from keywords.rules import Occasion, Reach, Rule, reaches


@dataclass(frozen=True, slots=True)
class Broken:
    """A sample of `rule` that another would answer at this account; None is nobody.

    `emergency` is the word of danger that comes before any rule, or empty.
    """

    sample: str
    rule: Rule
    account_id: int
    answering: Rule | None
    emergency: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying the samples, before a deed that must not wait for it.

    It holds for content of this hash, and as long as the rules have this revision.
    """

    sha256: str
    revision: int
    broken: tuple[Broken, ...] = ()


def broken(book: Book, changed: Rule, *, now: datetime) -> tuple[Broken, ...]:
    """The samples that lose their answer when this rule is published, each once."""
    rehearsal = Rehearsal(book, changed)
    return (*_own(book, changed, rehearsal, now), *_others(book, changed, rehearsal, now))


def _own(book: Book, changed: Rule, rehearsal: Rehearsal, now: datetime) -> Iterator[Broken]:
    """Samples that the rule itself answers at none of its own accounts."""
    home = rehearsal.home
    if not changed.samples or not home:
        return
    moment = awake(changed, now=now)
    given = [rehearsal.answers(reach, changed.samples, now=moment) for reach in home]
    for number, sample in enumerate(changed.samples):
        danger = book.emergency(sample)
        if danger:
            yield Broken(sample, changed, home[0].account_id, None, danger)
        elif changed not in (answers[number] for answers in given):
            yield Broken(sample, changed, home[0].account_id, given[0][number])


def _others(book: Book, changed: Rule, rehearsal: Rehearsal, now: datetime) -> Iterator[Broken]:
    """Samples of other rules that are answered by their own rule now and no longer then."""
    accounts, challengers = rehearsal.accounts, rehearsal.challengers
    for rule in book.city.rules:
        if not rule.samples or rule.code == changed.code:
            continue
        moment = awake(rule, now=now)
        touched = [
            sample
            for sample in rule.samples
            if rule.code in rehearsal.tied or challengers.match(Occasion(sample), now=moment)
        ]
        if touched:
            yield from _lost(book, rule, touched, rehearsal, accounts, moment)


def _lost(
    book: Book,
    rule: Rule,
    touched: list[str],
    rehearsal: Rehearsal,
    accounts: list[Reach],
    moment: datetime,
) -> Iterator[Broken]:
    """Those that would lose their answer, at the first account where they do."""
    told: set[str] = set()
    for reach in accounts:
        if not reaches(rule, reach):
            continue
        held = [
            sample
            for sample in touched
            if sample not in told
            and book.match(reach.account_id, Occasion(sample), now=moment) == rule
            and not book.emergency(sample)
        ]
        for sample, after in zip(
            held, rehearsal.contest(rule, reach, held, now=moment), strict=True
        ):
            if after != rule:
                told.add(sample)
                yield Broken(sample, rule, reach.account_id, after)
