"""The job that counts the inbox: hits of rules, messages per account, unanswered questions.

    inbox ── cursor ──> hits of each rule · messages of each account · unanswered questions

The callback writes one row for a message and nothing else, so this job reads the rows once more, in
order. The costly part, clustering, runs in a read-only transaction. The cursor and the counts are
then written in one transaction, so that two runs at once, or one that dies, count every message
exactly once.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from app import snapshots
from config import jobs
from config.database import read_only, run_in_transaction, transaction
from config.jobs import JobName
from keywords.matching.matcher import MatchLevel
from keywords.matching.ruleset import RuleSet
from keywords.rules import store
from keywords.rules.values import MatchInput
from keywords.statistics import clustering, hits
from keywords.statistics.clustering import ClusterUpdate, UnansweredMessage
from keywords.statistics.hits import HitIncrement
from keywords.statistics.unanswered import UnansweredReason
from matrix.inbox import Outcome, cursors, daily_counts
from matrix.inbox.cursors import Batch, Push


class InboxJob(JobName):
    """Jobs that count what the inbox tells."""

    UPDATE_STATISTICS = "inbox.update_statistics", "统计收到的消息"


# stored in the table of cursors; another name would count the whole inbox a second time
_CURSOR = "studio"
# rows; with SQLite the callback waits while a batch is written, so it is short
_BATCH_SIZE = 500
# A backlog (after a long stop) goes on in another job, before the lease of this one runs out.
_MAX_BATCHES = 60
# a menu click or a scan that found no rule is a mistake of staff and no question of a citizen
_SPOKEN_KINDS = frozenset({"text", "voice"})
_REASONS = {
    Outcome.FALLBACK: UnansweredReason.FALLBACK,
    Outcome.SUGGESTION: UnansweredReason.SUGGESTION,
}


def update_statistics(*, now: datetime) -> None:
    """Count what came in since the last run; what is left after sixty batches is another job."""
    ruleset = snapshots.refresh().ruleset  # reads in a transaction of its own
    for _ in range(_MAX_BATCHES):
        with read_only():
            batch = cursors.next_batch(_CURSOR, now=now, at_most=_BATCH_SIZE)
            clusters = clustering.assign(_questions(batch.pushes, ruleset))
        if not batch.pushes or not _save_batch(batch, clusters):
            return
    with transaction():
        jobs.enqueue(
            InboxJob.UPDATE_STATISTICS, key=f"{InboxJob.UPDATE_STATISTICS}:{batch.pushes[-1].id}"
        )


def _save_batch(batch: Batch, clusters: Sequence[ClusterUpdate]) -> bool:
    def save_once() -> bool:
        # compare-and-set, first in the transaction: when another run was faster, nothing is
        # counted twice
        if not cursors.advance(batch):
            return False
        tallies = _hits(batch.pushes)
        hits.record(tallies)
        # sorted, so that two transactions lock the rules in the same order
        store.record_hit_days({code: day for code, _, day in sorted(tallies)})
        daily_counts.add(
            Counter((push.account_id, push.local_day, push.outcome) for push in batch.pushes)
        )
        clustering.save(clusters)
        return True

    return run_in_transaction(save_once)


def _hits(pushes: Sequence[Push]) -> dict[tuple[str, int, date], HitIncrement]:
    tallies: dict[tuple[str, int, date], HitIncrement] = {}
    for push in pushes:
        if push.rule_slug is not None:
            key = (push.rule_slug, push.account_id, push.local_day)
            count = tallies[key].count if key in tallies else 0
            tallies[key] = HitIncrement(count + 1, push.received_at)
    return tallies


def _questions(pushes: Sequence[Push], ruleset: RuleSet) -> list[UnansweredMessage]:
    return [
        UnansweredMessage(push.account_id, push.text, reason, push.received_at)
        for push in pushes
        if push.kind in _SPOKEN_KINDS and (reason := _unanswered_reason(push, ruleset)) is not None
    ]


def _unanswered_reason(push: Push, ruleset: RuleSet) -> UnansweredReason | None:
    """Why a message counts as unanswered, or None.

    The inbox does not say how a rule matched. Today's rules do: a match by sound alone is worth a
    look, because the keyword may be missing.
    """
    if push.outcome is not Outcome.RULE:
        return _REASONS.get(push.outcome)
    matcher = ruleset.matcher(push.account_id)
    tallies = matcher.explain(MatchInput(push.text), now=push.received_at)
    if not tallies or tallies[0].obstacle or tallies[0].rule.slug != push.rule_slug:
        return None
    return UnansweredReason.PHONETIC if tallies[0].level is MatchLevel.PHONETIC else None
