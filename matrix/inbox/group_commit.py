"""Together: what several threads want at the same time is done in one go.

    do(item) ── joins those who wait ── the first of them leads ── work(items) ── its own outcome

A database writes ten rows in one transaction nearly as fast as one. Nobody waits longer than for
the go before, and nobody is told an outcome before the whole go is over.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
# what came of an item: its result, or the error to be raised
Outcomes = Sequence[Any]


class _Pending(Generic[Item]):
    """An item, a lock that is held until it is done, and what came of it."""

    __slots__ = ("done", "item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Any = None
        self.done = threading.Lock()
        self.done.acquire()


class GroupCommit(Generic[Item]):
    """Does things of one kind. `work` is given items and returns their outcomes in order."""

    def __init__(self, work: Callable[[Sequence[Item]], Outcomes]) -> None:
        self._work = work
        self._queue: list[_Pending[Item]] = []
        self._queue_lock = threading.Lock()
        self._batch_lock = threading.Lock()

    def submit(self, item: Item) -> Any:
        """Have an item done, alone or with those of other threads. Raises its error."""
        pending = _Pending(item)
        with self._queue_lock:
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
            # threads that are nearly there may still join; alone, this is over at once
            os.sched_yield()
            with self._queue_lock:
                batch, self._queue = self._queue, []
            try:
                outcomes = self._work([pending.item for pending in batch])
            except BaseException as error:
                # those who wait must not wait for ever
                outcomes = [error] * len(batch)
        for pending, outcome in zip(batch, outcomes, strict=True):
            pending.outcome = outcome
            pending.done.release()
