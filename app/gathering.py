"""Gathering: what the inbox tells about the rules, counted after the event.

    inbox ── walk ──> hits of each rule · traffic of each account · unmatched questions

A message writes one row and nothing else; this job reads the rows once more, in order. What is
costly is worked out while nothing is held; mark and counts are then written together, so that two
runs at once, or one that dies, count every message exactly once.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from app import live
from config import jobs
from config.database import reading, retrying, transaction
from keywords import hits, sorting, stored
from keywords.book import Book
from keywords.hits import Tally
from keywords.matching import Level
from keywords.rules import Occasion
from keywords.sorting import Heap, Question
from keywords.unmatched import Reason
from matrix import traffic, walks
from matrix.inbox import Outcome
from matrix.walks import Push, Stretch

GATHER = "inbox.gather"

_WALK = "studio"
# a stretch is written while the callback waits for its turn, so it is short
_STRETCH = 500
_STRETCHES = 60
_SPOKEN = frozenset({"text", "voice"})
_REASONS = {Outcome.FALLBACK: Reason.FALLBACK, Outcome.SUGGESTION: Reason.SUGGESTION}


def gather(*, now: datetime) -> None:
    """Count what came in since the last time; what is left over gets a job of its own."""
    book = live.refresh().book  # reads in a transaction of its own
    for _ in range(_STRETCHES):
        with reading():
            stretch = walks.ahead(_WALK, now=now, at_most=_STRETCH)
            heaps = sorting.sorted_in(_questions(stretch.pushes, book))
        if not stretch.pushes or not _count(stretch, heaps):
            return
    with transaction():
        jobs.enqueue(GATHER, key=f"{GATHER}:{stretch.pushes[-1].id}")


def _count(stretch: Stretch, heaps: Sequence[Heap]) -> bool:
    def together() -> bool:
        if not walks.passed(stretch):
            return False
        found = _hits(stretch.pushes)
        hits.add(found)
        stored.note_hits({code: day for code, _, day in sorted(found)})
        traffic.add(Counter((one.account_id, one.local_day, one.outcome) for one in stretch.pushes))
        sorting.keep(heaps)
        return True

    return retrying(together)


def _hits(pushes: Sequence[Push]) -> dict[tuple[str, int, date], Tally]:
    found: dict[tuple[str, int, date], Tally] = {}
    for push in pushes:
        if push.rule_code is not None:
            key = (push.rule_code, push.account_id, push.local_day)
            count = found[key].count if key in found else 0
            found[key] = Tally(count + 1, push.received_at)
    return found


def _questions(pushes: Sequence[Push], book: Book) -> list[Question]:
    return [
        Question(push.account_id, push.text, reason, push.received_at)
        for push in pushes
        if push.kind in _SPOKEN and (reason := _reason(push, book)) is not None
    ]


def _reason(push: Push, book: Book) -> Reason | None:
    """Why a message counts as unmatched, or None; today's rules tell what was heard by ear."""
    if push.outcome is not Outcome.RULE:
        return _REASONS.get(push.outcome)
    verdict = book.explain(push.account_id, Occasion(push.text), now=push.received_at)
    if verdict.rule is None or verdict.rule.code != push.rule_code:
        return None
    return Reason.SOUND if verdict.candidates[0].level is Level.SOUND else None
