"""Clustering: puts messages that no rule answered with certainty into clusters of similar ones.

    messages ── assign (reads) ──> updates ── save (writes) ──> clusters

A message is compared only with the clusters that share a pair of its sketch, so the cost does not
grow with their number. It goes to the most similar one; else, where there is a sentence encoder, to
the one that asks the same in other words; else it begins a new cluster. The same messages in the
same order give the same clusters. Reading and writing are separate, so that no lock is held while
texts are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, delete, func, insert, select, update

from config.database import session
from config.security.masking import mask_pii
from keywords.language import meaning, small_talk
from keywords.language.normalize import normalize
from keywords.statistics import similarity
from keywords.statistics.question_meanings import QuestionMeanings
from keywords.statistics.unanswered import Cluster, ClusterState, SketchPair, UnansweredReason

MAX_SAMPLES = 5
MAX_SAMPLE_LENGTH = 120
# per account; the rarest clusters beyond are deleted
MAX_CLUSTERS = 3000


@dataclass(frozen=True, slots=True)
class UnansweredMessage:
    """One message without a certain answer, as the citizen wrote it; `at` is when it came."""

    account_id: int
    text: str
    reason: UnansweredReason
    at: datetime


@dataclass(slots=True)
class ClusterUpdate:
    """What is to be added to one cluster, or to a new one where `cluster_id` is None.

    `text` is the normalized text the cluster is compared by; `samples` are masked originals.
    """

    account_id: int
    text: str
    cluster_id: int | None = None
    samples: list[str] = field(default_factory=list)
    messages: list[UnansweredMessage] = field(default_factory=list)

    def add(self, sample: str, message: UnansweredMessage) -> None:
        """Add one message, and its masked text as a sample while there are few."""
        self.messages.append(message)
        if len(self.samples) < MAX_SAMPLES and sample not in self.samples:
            self.samples.append(sample)


def assign(messages: Sequence[UnansweredMessage]) -> list[ClusterUpdate]:
    """Assign each message to the most similar cluster or to a new one. Writes nothing.

    Small talk and messages without words are left out. Personal data is masked before anything
    else is done, so it cannot reach the database.
    """
    by_account: dict[int, list[tuple[str, str, UnansweredMessage]]] = {}
    for message in messages:
        # mask before cutting, or half an identity number would no longer look like one
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
    # clusters of the database and of this batch together, so that two new messages alike begin one
    # cluster
    clusters = _AccountClusters(account_id, {text for text, _, _ in prepared_messages})
    for text, sample, message in prepared_messages:
        # in the order of arrival: the first message of a cluster gives it its text
        clusters.find_or_create(text).add(sample, message)
    # clusters that got no message are left out
    return [cluster_update for cluster_update in clusters.known.values() if cluster_update.messages]


class _AccountClusters:
    """The clusters of one account that a batch of texts may belong to.

    `known` has them by key: the id of a stored one, a negative number of a new one.
    """

    def __init__(self, account_id: int, texts: set[str]) -> None:
        self._account_id = account_id
        self.known: dict[int, ClusterUpdate] = {}
        self._index: dict[str, list[ClusterUpdate]] = {}
        for cluster_update in _candidate_clusters(account_id, texts):
            self._add(cluster_update.cluster_id or 0, cluster_update)
        self._meanings = _load_meanings(account_id) if meaning.is_enabled() else None

    def find_or_create(self, text: str) -> ClusterUpdate:
        """The cluster a text belongs to: by its words, else by its meaning, else a new one."""
        return _find_closest(text, self._index) or self._find_by_meaning(text) or self._new(text)

    def _find_by_meaning(self, text: str) -> ClusterUpdate | None:
        key = self._meanings.find_closest(text) if self._meanings is not None else None
        if key is not None and key not in self.known:
            row = session.execute(
                select(Cluster.text, Cluster.samples).where(Cluster.id == key)
            ).one()
            self._add(key, ClusterUpdate(self._account_id, row.text, key, list(row.samples)))
        return self.known[key] if key is not None else None

    def _new(self, text: str) -> ClusterUpdate:
        cluster_update, key = ClusterUpdate(self._account_id, text), -1 - len(self.known)
        self._add(key, cluster_update)
        if self._meanings is not None:
            self._meanings.add(key, text)
        return cluster_update

    def _add(self, key: int, cluster_update: ClusterUpdate) -> None:
        self.known[key] = cluster_update
        for pair in similarity.sketch(cluster_update.text):
            self._index.setdefault(pair, []).append(cluster_update)


def _load_meanings(account_id: int) -> QuestionMeanings:
    rows = session.execute(
        select(Cluster.id, Cluster.text)
        .where(Cluster.account_id == account_id)
        .order_by(Cluster.id)
    ).all()
    return QuestionMeanings(account_id, [row.id for row in rows], [row.text for row in rows])


def _candidate_clusters(account_id: int, texts: set[str]) -> list[ClusterUpdate]:
    """The account's clusters that share a sketch pair with any of these texts, oldest first."""
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


def _find_closest(text: str, index: dict[str, list[ClusterUpdate]]) -> ClusterUpdate | None:
    matched = {
        id(cluster_update): cluster_update
        for pair in similarity.sketch(text)
        for cluster_update in index.get(pair, ())
    }
    # max gives the first of equal ones, so the oldest cluster wins
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
    """Write the updates of `assign`; new clusters beyond the limit displace the rarest."""
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
            # counted from the closing on, to show whether the rule that was made helps
            count_since_closed=case(
                (Cluster.state == ClusterState.OPEN, 0), else_=Cluster.count_since_closed + added
            ),
            reason=bindparam("last_reason"),
            last_at=bindparam("newest"),
            samples=bindparam("shown"),
        )
    )
    # by id, so that two processes lock the rows in the same order
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
            # what was asked once, long ago, goes first
            .order_by(Cluster.count, Cluster.last_at, Cluster.id)
            .limit(count - MAX_CLUSTERS)
        )
        session.execute(delete(Cluster).where(Cluster.id.in_(rarest)))
