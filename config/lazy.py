"""Lazy: a value that a process makes at its first use, and only once.

`functools.cache` calls the function once for each thread that arrives before the first result is
there (https://docs.python.org/3/library/functools.html#functools.cache). For a pool of connections
that means a second pool which nobody closes.
"""

import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Decorator of a function without arguments: every call returns the result of the first one.

    When the function raises, nothing is kept and the next call tries again. The function must not
    return None, which stands for "not made yet".
    """

    def __init__(self, factory: Callable[[], T]) -> None:
        self._factory = factory
        self._lock = threading.Lock()
        self._value: T | None = None
        update_wrapper(self, factory)

    def __call__(self) -> T:
        """The value, made now if there is none. Raises what the function raises."""
        # Double-checked locking: safe under the GIL, and every later call saves the lock.
        value = self._value
        if value is not None:
            return value
        with self._lock:
            if self._value is None:
                self._value = self._factory()
            return self._value

    def reset(self) -> T | None:
        """Remove the value and return it for the caller to close; None if there was none."""
        with self._lock:
            value, self._value = self._value, None
        return value
