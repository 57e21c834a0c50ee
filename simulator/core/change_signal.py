"""Pulse: wakes the pages that wait for something new."""

from __future__ import annotations

import threading


class ChangeSignal:
    """A number that grows with every change a phone could show."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = 0

    def notify(self) -> int:
        """Count a change and wake whoever waits; returns its number."""
        with self._changed:
            self.count += 1
            self._changed.notify_all()
            return self.count

    def wait(self, after: int, seconds: float) -> int:
        """The newest number, as soon as it is above `after` or the seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: self.count > after, timeout=seconds)
            return self.count
