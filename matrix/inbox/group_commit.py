"""Group commit: what several threads want to write at the same moment shares one transaction.

A database writes ten rows in one transaction nearly as fast as one row. The first thread that finds
the queue empty becomes the leader: it waits until the batch before is committed, takes everything
that has queued up meanwhile and runs it as one batch. A thread therefore waits for at most one
batch besides its own, and learns its result only when its whole batch is committed.

The technique is known as leader/follower group commit (as in PostgreSQL's WAL and MySQL's binlog).
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
# for each item its result, or the exception that `submit` raises
Outcomes = Sequence[Any]


class _Pending(Generic[Item]):
    """An item, a lock that is held until its batch is done, and its outcome."""

    __slots__ = ("done", "item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Any = None
        self.done = threading.Lock()
        self.done.acquire()


class GroupCommit(Generic[Item]):
    """Runs items of one kind in batches.

    `work` gets a list of items and returns, in the same order, the result or the exception of each.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Outcomes]) -> None:
        self._work = work
        self._queue: list[_Pending[Item]] = []
        self._queue_lock = threading.Lock()
        self._batch_lock = threading.Lock()

    def submit(self, item: Item) -> Any:
        """Run an item, alone or in a batch with those of other threads; returns its result.

        Raises the exception that `work` gave for the item.
        """
        pending = _Pending(item)
        with self._queue_lock:
            # whoever finds the queue empty leads the next batch; later arrivals only wait
            leads = not self._queue
            self._queue.append(pending)
        if leads:
            self._run_batch()
        pending.done.acquire()
        if isinstance(pending.outcome, BaseException):
            raise pending.outcome
        return pending.outcome

    def _run_batch(self) -> None:
        with self._batch_lock:
            # let threads that are about to submit join this batch; without any it returns at once
            os.sched_yield()
            with self._queue_lock:
                batch, self._queue = self._queue, []
            try:
                outcomes = self._work([pending.item for pending in batch])
            except BaseException as error:
                # `work` itself broke: release the waiting threads with the error
                outcomes = [error] * len(batch)
        for pending, outcome in zip(batch, outcomes, strict=True):
            pending.outcome = outcome
            pending.done.release()
