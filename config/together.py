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


class _Errand(Generic[Item]):
    """An item, a lock that is held until it is done, and what came of it."""

    __slots__ = ("done", "item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Any = None
        self.done = threading.Lock()
        self.done.acquire()


class Together(Generic[Item]):
    """Does things of one kind. `work` is given items and returns their outcomes in order."""

    def __init__(self, work: Callable[[Sequence[Item]], Outcomes]) -> None:
        self._work = work
        self._queue: list[_Errand[Item]] = []
        self._queueing = threading.Lock()
        self._turn = threading.Lock()

    def do(self, item: Item) -> Any:
        """Have an item done, alone or with those of other threads. Raises its error."""
        errand = _Errand(item)
        with self._queueing:
            leads = not self._queue
            self._queue.append(errand)
        if leads:
            self._lead()
        errand.done.acquire()
        if isinstance(errand.outcome, BaseException):
            raise errand.outcome
        return errand.outcome

    def _lead(self) -> None:
        with self._turn:
            # threads that are nearly there may still join; alone, this is over at once
            os.sched_yield()
            with self._queueing:
                errands, self._queue = self._queue, []
            try:
                outcomes = self._work([errand.item for errand in errands])
            except BaseException as error:
                # those who wait must not wait for ever
                outcomes = [error] * len(errands)
        for errand, outcome in zip(errands, outcomes, strict=True):
            errand.outcome = outcome
            errand.done.release()
