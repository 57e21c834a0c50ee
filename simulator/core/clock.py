"""Clock: what time the platform believes it is.

Tokens, windows, quotas and media live by `now()`, which a test may shift. Callbacks carry `real()`,
because the receiver compares their timestamps with its own watch.
"""

from __future__ import annotations

import time

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
        """Number of the virtual day in Asia/Shanghai; quotas start again with a new one."""
        return int(self.now() + SHANGHAI_OFFSET) // DAY

    def month(self) -> str:
        """Virtual month in Asia/Shanghai, as `YYYY-MM`."""
        return time.strftime("%Y-%m", time.gmtime(self.now() + SHANGHAI_OFFSET))
