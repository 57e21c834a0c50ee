"""Once: what a process makes at first need, however many threads need it at that moment.

`functools.cache` lets threads that come at the same time make one each: of a pool of connections
that is one too many, which nobody closes.
"""

import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Decorates a function without arguments: its first result is that of every later call."""

    def __init__(self, factory: Callable[[], T]) -> None:
        self._factory = factory
        self._lock = threading.Lock()
        self._value: T | None = None
        update_wrapper(self, factory)

    def __call__(self) -> T:
        """The thing; made now if there is none."""
        value = self._value
        if value is not None:
            return value
        with self._lock:
            if self._value is None:
                self._value = self._factory()
            return self._value

    def reset(self) -> T | None:
        """Give the thing up to whoever closes it, or None; the next call makes another."""
        with self._lock:
            value, self._value = self._value, None
        return value
