"""Pulse: wakes the pages that wait for something new."""

from __future__ import annotations

import threading


class Pulse:
    """A number that grows with every change a phone could show."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.beats = 0

    def beat(self) -> int:
        """Count a change and wake whoever waits; returns its number."""
        with self._changed:
            self.beats += 1
            self._changed.notify_all()
            return self.beats

    def wait(self, after: int, seconds: float) -> int:
        """The newest number, as soon as it is above `after` or the seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: self.beats > after, timeout=seconds)
            return self.beats
