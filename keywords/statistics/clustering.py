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
from config.security.masking import mask_pii
from keywords.language import small_talk
from keywords.language.normalize import normalize
from keywords.statistics import similarity
from keywords.statistics.unanswered import Cluster, ClusterState, SketchPair, UnansweredReason

MAX_SAMPLES = 5
MAX_SAMPLE_LENGTH = 120
# an account's clusters beyond this many make room, the rarest first
MAX_CLUSTERS = 3000


@dataclass(frozen=True, slots=True)
class UnansweredMessage:
    """One message that was not surely answered, as the citizen wrote it."""

    account_id: int
    text: str
    reason: UnansweredReason
    at: datetime


@dataclass(slots=True)
class ClusterUpdate:
    """What is to be added to one cluster, or to a new one where `cluster_id` is None."""

    account_id: int
    text: str
    cluster_id: int | None = None
    samples: list[str] = field(default_factory=list)
    messages: list[UnansweredMessage] = field(default_factory=list)

    def add(self, sample: str, message: UnansweredMessage) -> None:
        """Put one more question on the heap."""
        self.messages.append(message)
        if len(self.samples) < MAX_SAMPLES and sample not in self.samples:
            self.samples.append(sample)


def assign(messages: Sequence[UnansweredMessage]) -> list[ClusterUpdate]:
    """Put each question on the heap it is like, or begin a new one. Changes nothing.

    Small talk and what has no words is left out.
    """
    by_account: dict[int, list[tuple[str, str, UnansweredMessage]]] = {}
    for message in messages:
        sample = mask_pii(message.text)[:MAX_SAMPLE_LENGTH]
        normal = normalize(sample)
        if normal.standard and not small_talk.is_small_talk(normal):
            text = normal.standard[: similarity.MAX_COMPARED_LENGTH]
            by_account.setdefault(message.account_id, []).append((text, sample, message))
    return [
        cluster_update
        for key, prepared_messages in by_account.items()
        for cluster_update in _assign_for_account(key, prepared_messages)
    ]


def _assign_for_account(
    account_id: int, prepared_messages: Sequence[tuple[str, str, UnansweredMessage]]
) -> list[ClusterUpdate]:
    index: dict[str, list[ClusterUpdate]] = {}
    for cluster_update in _candidate_clusters(
        account_id, {text for text, _, _ in prepared_messages}
    ):
        _add_to_index(cluster_update, index)
    for text, sample, message in prepared_messages:
        matched = _find_closest(text, index)
        cluster_update = matched or ClusterUpdate(account_id, text)
        if matched is None:
            _add_to_index(cluster_update, index)
        cluster_update.add(sample, message)
    found = {
        id(cluster_update): cluster_update
        for cluster_updates in index.values()
        for cluster_update in cluster_updates
        if cluster_update.messages
    }
    return list(found.values())


def _candidate_clusters(account_id: int, texts: set[str]) -> list[ClusterUpdate]:
    """The account's clusters that share a pair with one of these texts, the oldest first."""
    pairs = sorted({pair for text in texts for pair in similarity.sketch(text)})
    found = select(SketchPair.cluster_id).where(
        SketchPair.account_id == account_id, SketchPair.pair.in_(pairs)
    )
    rows = session.execute(
        select(Cluster.id, Cluster.text, Cluster.samples)
        .where(Cluster.id.in_(found))
        .order_by(Cluster.id)
    )
    return [ClusterUpdate(account_id, text, key, list(samples)) for key, text, samples in rows]


def _add_to_index(cluster_update: ClusterUpdate, index: dict[str, list[ClusterUpdate]]) -> None:
    for pair in similarity.sketch(cluster_update.text):
        index.setdefault(pair, []).append(cluster_update)


def _find_closest(text: str, index: dict[str, list[ClusterUpdate]]) -> ClusterUpdate | None:
    matched = {
        id(cluster_update): cluster_update
        for pair in similarity.sketch(text)
        for cluster_update in index.get(pair, ())
    }
    # of equals the first one stays: Python's max keeps the order
    best = max(
        matched.values(),
        key=lambda cluster_update: similarity.dice_coefficient(text, cluster_update.text),
        default=None,
    )
    is_alike = (
        best is not None
        and similarity.dice_coefficient(text, best.text) >= similarity.MIN_SIMILARITY
    )
    return best if is_alike else None


def save(cluster_updates: Sequence[ClusterUpdate]) -> None:
    """Write down what was sorted in."""
    _update_existing(
        [
            cluster_update
            for cluster_update in cluster_updates
            if cluster_update.cluster_id is not None
        ]
    )
    new_updates = [
        cluster_update for cluster_update in cluster_updates if cluster_update.cluster_id is None
    ]
    if new_updates:
        _insert_new(new_updates)
        _delete_rarest(sorted({cluster_update.account_id for cluster_update in new_updates}))


def _update_existing(cluster_updates: Sequence[ClusterUpdate]) -> None:
    if not cluster_updates:
        return
    added: Any = bindparam("added")
    statement = (
        update(Cluster)
        .where(Cluster.id == bindparam("key"))
        .values(
            count=Cluster.count + added,
            count_since_closed=case(
                (Cluster.state == ClusterState.OPEN, 0), else_=Cluster.count_since_closed + added
            ),
            reason=bindparam("last_reason"),
            last_at=bindparam("newest"),
            samples=bindparam("shown"),
        )
    )
    session.connection().execute(
        statement,
        [
            {
                "key": cluster_update.cluster_id,
                "added": len(cluster_update.messages),
                "last_reason": cluster_update.messages[-1].reason,
                "newest": cluster_update.messages[-1].at,
                "shown": cluster_update.samples,
            }
            for cluster_update in sorted(
                cluster_updates, key=lambda cluster_update: cluster_update.cluster_id or 0
            )
        ],
    )


def _insert_new(cluster_updates: Sequence[ClusterUpdate]) -> None:
    rows = [
        Cluster(
            account_id=cluster_update.account_id,
            text=cluster_update.text,
            samples=cluster_update.samples,
            reason=cluster_update.messages[-1].reason,
            count=len(cluster_update.messages),
            count_since_closed=0,
            first_at=cluster_update.messages[0].at,
            last_at=cluster_update.messages[-1].at,
            state=ClusterState.OPEN,
            rule_slug="",
            closed_by_name="",
        )
        for cluster_update in cluster_updates
    ]
    session.add_all(rows)
    session.flush()  # the pairs need the ids
    session.execute(
        insert(SketchPair),
        [
            {"account_id": row.account_id, "pair": pair, "cluster_id": row.id}
            for row in rows
            for pair in similarity.sketch(row.text)
        ],
    )


def _delete_rarest(account_ids: Sequence[int]) -> None:
    counts = session.execute(
        select(Cluster.account_id, func.count())
        .where(Cluster.account_id.in_(account_ids))
        .group_by(Cluster.account_id)
        .having(func.count() > MAX_CLUSTERS)
    ).all()
    for account_id, count in counts:
        rarest = (
            select(Cluster.id)
            .where(Cluster.account_id == account_id)
            .order_by(Cluster.count, Cluster.last_at, Cluster.id)
            .limit(count - MAX_CLUSTERS)
        )
        session.execute(delete(Cluster).where(Cluster.id.in_(rarest)))
