"""Change signal: wakes the long polls of phone pages."""

from __future__ import annotations

import threading


class ChangeSignal:
    """A counter that grows with every change that a phone could show."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = 0

    def notify(self) -> int:
        """Count a change and wake all who wait; returns its number."""
        with self._changed:
            self.count += 1
            self._changed.notify_all()
            return self.count

    def wait(self, after: int, seconds: float) -> int:
        """Wait until the counter is above `after`, at most `seconds`; returns the counter."""
        with self._changed:
            # the wait also ends at the limit without a change, because proxies and browsers drop
            # requests that stay silent too long
            self._changed.wait_for(lambda: self.count > after, timeout=seconds)
            return self.count
