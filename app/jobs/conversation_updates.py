"""The job that brings the list of conversations up to date with the inbox."""

from datetime import datetime

from config.database import read_only, transaction
from matrix import conversations
from matrix.conversations import ProjectionBatch

# of five thousand messages: a worker has other jobs too, and the lease must not run out
_MAX_BATCHES = 40


def update_conversations(*, now: datetime) -> None:
    """Bring the list of conversations up to date with the inbox.

    What is left after two hundred thousand messages is done by another job.
    """
    with read_only():
        after_id = conversations.position()
    for _ in range(_MAX_BATCHES):
        # Reading and writing are separate, because SQLite's write lock is held only for parts of
        # 500 rows (docs/decisions/0050).
        with read_only():
            batch = conversations.read_batch(after_id, now=now)
        _save(batch)
        if batch.is_last:
            return
        after_id = batch.last_id
    with transaction():
        conversations.request_next_refresh()


def _save(batch: ProjectionBatch) -> None:
    # short transactions, because with SQLite the callback waits for each of them
    for part in batch.parts():
        with transaction():
            conversations.save(part)
    with transaction():
        # Last: when a worker dies before this, the batch is read again, and a conversation only
        # moves forward.
        conversations.record_progress(batch)
