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

from simulator.core.clock import Clock

MAX_ENTRIES = 20_000
MAX_BODY_CHARACTERS = 8_000  # characters of a body

LogEntry = dict[str, Any]


def new_rid() -> str:
    """An id under which a call can be asked for later."""
    value = uuid.uuid4().hex
    return f"{value[:8]}-{value[8:16]}-{value[16:24]}"


class RequestLog:
    """The newest lines, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)

    def add(self, what: str, **facts: Any) -> LogEntry:
        """Write one line; long texts are cut."""
        short = {
            name: value[:MAX_BODY_CHARACTERS] + "…"
            if isinstance(value, str) and len(value) > MAX_BODY_CHARACTERS
            else value
            for name, value in facts.items()
        }
        with self._lock:
            line = {"n": next(self._numbers), "what": what, "at": self._clock.real(), **short}
            self._entries.append(line)
        return line

    def list_entries(self, *, after: int = 0, **filters: str) -> list[LogEntry]:
        """Lines newer than number `after` whose facts equal the wanted ones."""
        with self._lock:
            chosen = [line for line in self._entries if line["n"] > after]
        return [
            line
            for line in chosen
            if all(str(line.get(name)) == value for name, value in filters.items())
        ]

    def find_by_rid(self, rid: str) -> LogEntry | None:
        """The call that was answered with this rid."""
        with self._lock:
            return next((line for line in self._entries if line.get("rid") == rid), None)

    def clear(self) -> None:
        """Forget all lines; numbers go on."""
        with self._lock:
            self._entries.clear()
