"""Call quotas: how often an account may call each path in a day and in a minute.

Counts are per account, path and Shanghai day. Unknown paths have the large default. (WeChat:
接口调用频次说明; formal accounts with few followers.)
"""

from __future__ import annotations

from collections import defaultdict

from simulator.core.clock import Clock
from simulator.core.errors import ApiError

# high enough not to disturb; calls whose limit is known are listed below
DEFAULT_DAILY = 100_000
DAILY = {
    "/cgi-bin/token": 2_000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/menu/create": 1_000,
    "/cgi-bin/menu/get": 10_000,
    "/cgi-bin/menu/delete": 1_000,
    "/cgi-bin/menu/addconditional": 2_000,
    "/cgi-bin/menu/delconditional": 2_000,
    "/cgi-bin/menu/trymatch": 20_000,
    "/cgi-bin/tags/create": 1_000,
    "/cgi-bin/tags/get": 1_000,
    "/cgi-bin/tags/update": 1_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/user/get": 500,
    "/cgi-bin/user/info/updateremark": 10_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/media/upload": 100_000,
    "/cgi-bin/media/get": 200_000,
}
PER_MINUTE = {"/cgi-bin/stable_token": 10_000}
CLEARS_PER_MONTH = 10
PATH_CLEARS_PER_MONTH = 50


class Quotas:
    """Counters of calls, in memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[tuple[str, str, int], int] = defaultdict(int)
        self._minute: dict[tuple[str, str, int], int] = defaultdict(int)
        self._cleared: dict[tuple[str, str, str], int] = defaultdict(int)
        self._daily: dict[tuple[str, str], int] = {}
        self._per_minute: dict[tuple[str, str], int] = {}

    def set_limit(
        self, appid: str, path: str, *, daily: int | None = None, minute: int | None = None
    ) -> None:
        """Set the limit of an account for a path."""
        if daily is not None:
            self._daily[appid, path] = daily
        if minute is not None:
            self._per_minute[appid, path] = minute

    def consume(self, appid: str, path: str) -> None:
        """Count a call; raises 45009 when the daily, 45011 when the per-minute limit is used up."""
        minute_key = (appid, path, int(self._clock.now()) // 60)
        # the minute is checked first, so a refused call does not use up the daily quota
        per_minute = self._minute_limit(appid, path)
        if per_minute is not None and self._minute[minute_key] >= per_minute:
            raise ApiError(45011, "api minute-quota reach limit, must slower, retry next minute")
        day_key = (appid, path, self._clock.day())
        if self._used[day_key] >= self._day_limit(appid, path):
            raise ApiError(45009, "reach max api daily quota limit")
        self._used[day_key] += 1
        if per_minute is not None:
            self._minute[minute_key] += 1

    def usage(self, appid: str, path: str) -> dict[str, dict[str, int]]:
        """The answer of openapi/quota/get for a path."""
        limit = self._day_limit(appid, path)
        used = self._used.get((appid, path, self._clock.day()), 0)
        answer = {"quota": {"daily_limit": limit, "used": used, "remain": limit - used}}
        per_minute = self._minute_limit(appid, path)
        if per_minute is not None:
            answer["rate_limit"] = {"call_count": per_minute, "refresh_second": 60}
        return answer

    def clear(self, appid: str) -> None:
        """Reset all counters of an account; 48006 after ten times a month."""
        self._count_clear(appid, "all", CLEARS_PER_MONTH)
        for key in [one for one in self._used if one[0] == appid]:
            del self._used[key]

    def clear_path(self, appid: str, path: str) -> None:
        """Reset one counter; 48006 after fifty times a month."""
        self._count_clear(appid, "path", PATH_CLEARS_PER_MONTH)
        self._used.pop((appid, path, self._clock.day()), None)

    def _count_clear(self, appid: str, what: str, maximum: int) -> None:
        key = (appid, what, self._clock.month())
        if self._cleared[key] >= maximum:
            raise ApiError(
                48006, "forbid to clear quota because of reaching the limit, the limit is monthly"
            )
        self._cleared[key] += 1

    def _day_limit(self, appid: str, path: str) -> int:
        return self._daily.get((appid, path), DAILY.get(path, DEFAULT_DAILY))

    def _minute_limit(self, appid: str, path: str) -> int | None:
        return self._per_minute.get((appid, path), PER_MINUTE.get(path))
