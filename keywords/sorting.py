"""Sorting: questions that no rule answered surely, put to the clusters they are like.

    questions ── sorted_in (reads) ──> heaps ── keep (writes) ──> clusters

A question is compared with the few clusters that share a pair of its sketch, however many there
are; the one that is most like it takes it, else it begins a new one. The same questions in the
same order always make the same clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, delete, func, insert, select, update

from config.database import session
from config.masking import mask
from keywords import chatter, likeness
from keywords.normalize import normalize
from keywords.unmatched import Cluster, Reason, SketchPair, State

MOST_SAMPLES = 5
LONGEST_SAMPLE = 120
# an account's clusters beyond this many make room, the rarest first
MOST_CLUSTERS = 3000


@dataclass(frozen=True, slots=True)
class Question:
    """One message that was not surely answered, as the citizen wrote it."""

    account_id: int
    text: str
    reason: Reason
    at: datetime


@dataclass(slots=True)
class Heap:
    """What is to be added to one cluster, or to a new one where `cluster_id` is None."""

    account_id: int
    text: str
    cluster_id: int | None = None
    samples: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def add(self, sample: str, question: Question) -> None:
        """Put one more question on the heap."""
        self.questions.append(question)
        if len(self.samples) < MOST_SAMPLES and sample not in self.samples:
            self.samples.append(sample)


def sorted_in(questions: Sequence[Question]) -> list[Heap]:
    """Put each question on the heap it is like, or begin a new one. Changes nothing.

    Small talk and what has no words is left out.
    """
    by_account: dict[int, list[tuple[str, str, Question]]] = {}
    for question in questions:
        sample = mask(question.text)[:LONGEST_SAMPLE]
        normal = normalize(sample)
        if normal.plain and not chatter.is_chatter(normal):
            text = normal.plain[: likeness.LONGEST]
            by_account.setdefault(question.account_id, []).append((text, sample, question))
    return [heap for key, asked in by_account.items() for heap in _heaps(key, asked)]


def _heaps(account_id: int, asked: Sequence[tuple[str, str, Question]]) -> list[Heap]:
    index: dict[str, list[Heap]] = {}
    for heap in _known(account_id, {text for text, _, _ in asked}):
        _enter(heap, index)
    for text, sample, question in asked:
        near = _closest(text, index)
        heap = near or Heap(account_id, text)
        if near is None:
            _enter(heap, index)
        heap.add(sample, question)
    found = {id(heap): heap for heaps in index.values() for heap in heaps if heap.questions}
    return list(found.values())


def _known(account_id: int, texts: set[str]) -> list[Heap]:
    """The account's clusters that share a pair with one of these texts, the oldest first."""
    pairs = sorted({pair for text in texts for pair in likeness.sketch(text)})
    found = select(SketchPair.cluster_id).where(
        SketchPair.account_id == account_id, SketchPair.pair.in_(pairs)
    )
    rows = session.execute(
        select(Cluster.id, Cluster.text, Cluster.samples)
        .where(Cluster.id.in_(found))
        .order_by(Cluster.id)
    )
    return [Heap(account_id, text, key, list(samples)) for key, text, samples in rows]


def _enter(heap: Heap, index: dict[str, list[Heap]]) -> None:
    for pair in likeness.sketch(heap.text):
        index.setdefault(pair, []).append(heap)


def _closest(text: str, index: dict[str, list[Heap]]) -> Heap | None:
    near = {id(heap): heap for pair in likeness.sketch(text) for heap in index.get(pair, ())}
    # of equals the first one stays: Python's max keeps the order
    best = max(near.values(), key=lambda heap: likeness.likeness(text, heap.text), default=None)
    is_alike = best is not None and likeness.likeness(text, best.text) >= likeness.ALIKE
    return best if is_alike else None


def keep(heaps: Sequence[Heap]) -> None:
    """Write down what was sorted in."""
    _add_to_known([heap for heap in heaps if heap.cluster_id is not None])
    fresh = [heap for heap in heaps if heap.cluster_id is None]
    if fresh:
        _begin(fresh)
        _make_room(sorted({heap.account_id for heap in fresh}))


def _add_to_known(heaps: Sequence[Heap]) -> None:
    if not heaps:
        return
    added: Any = bindparam("added")
    statement = (
        update(Cluster)
        .where(Cluster.id == bindparam("key"))
        .values(
            count=Cluster.count + added,
            later=case((Cluster.state == State.OPEN, 0), else_=Cluster.later + added),
            reason=bindparam("last_reason"),
            last_at=bindparam("newest"),
            samples=bindparam("shown"),
        )
    )
    session.connection().execute(
        statement,
        [
            {
                "key": heap.cluster_id,
                "added": len(heap.questions),
                "last_reason": heap.questions[-1].reason,
                "newest": heap.questions[-1].at,
                "shown": heap.samples,
            }
            for heap in sorted(heaps, key=lambda heap: heap.cluster_id or 0)
        ],
    )


def _begin(heaps: Sequence[Heap]) -> None:
    rows = [
        Cluster(
            account_id=heap.account_id,
            text=heap.text,
            samples=heap.samples,
            reason=heap.questions[-1].reason,
            count=len(heap.questions),
            later=0,
            first_at=heap.questions[0].at,
            last_at=heap.questions[-1].at,
            state=State.OPEN,
            rule_code="",
            closed_by="",
        )
        for heap in heaps
    ]
    session.add_all(rows)
    session.flush()  # the pairs need the ids
    session.execute(
        insert(SketchPair),
        [
            {"account_id": row.account_id, "pair": pair, "cluster_id": row.id}
            for row in rows
            for pair in likeness.sketch(row.text)
        ],
    )


def _make_room(account_ids: Sequence[int]) -> None:
    counts = session.execute(
        select(Cluster.account_id, func.count())
        .where(Cluster.account_id.in_(account_ids))
        .group_by(Cluster.account_id)
        .having(func.count() > MOST_CLUSTERS)
    ).all()
    for account_id, count in counts:
        rarest = (
            select(Cluster.id)
            .where(Cluster.account_id == account_id)
            .order_by(Cluster.count, Cluster.last_at, Cluster.id)
            .limit(count - MOST_CLUSTERS)
        )
        session.execute(delete(Cluster).where(Cluster.id.in_(rarest)))
