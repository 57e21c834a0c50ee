"""The request log: every request received and sent, in order, so that tests can count them.

An `api` entry is one call of an account's server, a `callback` entry one attempt to deliver a
push. Entries contain no token and no secret. The newest 20,000 are kept in memory.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections import deque

from simulator.core.clock import Clock
from simulator.core.json_object import JsonObject

# without a limit a simulator that runs for weeks would fill the memory
MAX_ENTRIES = 20_000
MAX_BODY_CHARACTERS = 8_000  # characters; longer bodies are cut

LogEntry = JsonObject


def new_rid() -> str:
    """A new request id, by which openapi/rid/get finds the call."""
    value = uuid.uuid4().hex
    # the form of real rids (8-8-8 hex digits), so that code that finds them in an errmsg is tested
    return f"{value[:8]}-{value[8:16]}-{value[16:24]}"


class RequestLog:
    """The newest entries, the oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)

    def add(self, what: str, **facts: object) -> LogEntry:
        """Add an entry; long texts are cut."""
        # a call may carry an article of a megabyte, and twenty thousand entries are kept
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
        """Entries newer than number `after` whose facts equal the given ones."""
        with self._lock:
            chosen = [line for line in self._entries if line["n"] > after]
        return [
            line
            for line in chosen
            if all(str(line.get(name)) == value for name, value in filters.items())
        ]

    def find_by_rid(self, rid: str) -> LogEntry | None:
        """The API call that was answered with this rid, or None."""
        with self._lock:
            return next((line for line in self._entries if line.get("rid") == rid), None)

    def clear(self) -> None:
        """Delete all entries; numbering continues."""
        with self._lock:
            self._entries.clear()
