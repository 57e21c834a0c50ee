"""Once: what a process makes at first need, however many threads need it at that moment.

`functools.cache` lets threads that come at the same time make one each: of a pool of connections
that is one too many, which nobody closes.
"""

import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Decorates a function without arguments: its first result is that of every later call."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: T | None = None
        update_wrapper(self, make)

    def __call__(self) -> T:
        """The thing; made now if there is none."""
        made = self._made
        if made is not None:
            return made
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> T | None:
        """Give the thing up to whoever closes it, or None; the next call makes another."""
        with self._making:
            made, self._made = self._made, None
        return made
