"""Journal: everything that was received and sent, in order, so that tests can count.

An `api` line is one call of an account's server; a `callback` line is one attempt to deliver a
push. Lines carry no token and no secret. Kept in memory, the newest 20,000.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections import deque
from typing import Any

from simulator.clock import Clock

KEPT = 20_000
SHOWN = 8_000  # characters of a body

Line = dict[str, Any]


def new_rid() -> str:
    """An id under which a call can be asked for later."""
    value = uuid.uuid4().hex
    return f"{value[:8]}-{value[8:16]}-{value[16:24]}"


class Journal:
    """The newest lines, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._lines: deque[Line] = deque(maxlen=KEPT)

    def add(self, what: str, **facts: Any) -> Line:
        """Write one line; long texts are cut."""
        short = {
            name: value[:SHOWN] + "…" if isinstance(value, str) and len(value) > SHOWN else value
            for name, value in facts.items()
        }
        with self._lock:
            line = {"n": next(self._numbers), "what": what, "at": self._clock.real(), **short}
            self._lines.append(line)
        return line

    def lines(self, *, after: int = 0, **wanted: str) -> list[Line]:
        """Lines newer than number `after` whose facts equal the wanted ones."""
        with self._lock:
            chosen = [line for line in self._lines if line["n"] > after]
        return [
            line
            for line in chosen
            if all(str(line.get(name)) == value for name, value in wanted.items())
        ]

    def by_rid(self, rid: str) -> Line | None:
        """The call that was answered with this rid."""
        with self._lock:
            return next((line for line in self._lines if line.get("rid") == rid), None)

    def clear(self) -> None:
        """Forget all lines; numbers go on."""
        with self._lock:
            self._lines.clear()
