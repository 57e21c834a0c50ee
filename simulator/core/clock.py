"""The platform's clock, which a test can shift.

Tokens, windows, quotas and media expire by `now()`. Callbacks carry `real()`, because the receiver
compares their timestamps with its own clock.
"""

from __future__ import annotations

import time

# a fixed offset is right: China has one time zone and no daylight saving time since 1991
SHANGHAI_OFFSET = 8 * 3600
DAY = 86_400


class Clock:
    """Unix seconds, optionally shifted."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Virtual unix seconds."""
        return time.time() + self.offset

    def real(self) -> float:
        """Unix seconds of this machine."""
        return time.time()

    def day(self) -> int:
        """Number of the virtual day in Asia/Shanghai, at whose end daily quotas are reset."""
        # days by the clock of Shanghai, because the platform resets its quotas at midnight there
        return int(self.now() + SHANGHAI_OFFSET) // DAY

    def month(self) -> str:
        """Virtual month in Asia/Shanghai, as `YYYY-MM`."""
        return time.strftime("%Y-%m", time.gmtime(self.now() + SHANGHAI_OFFSET))
