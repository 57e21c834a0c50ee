"""Tokens: access tokens, each of one account.

Two independent endpoints. `/cgi-bin/token` makes a new one each time and lets the former live five
more minutes. `/cgi-bin/stable_token` hands out the same one until five minutes before its end;
forced, it makes a new one and kills the old at once, at most 20 times a day and 30 seconds apart.
(WeChat: 获取接口调用凭据, 获取稳定版接口调用凭据.)
"""

from __future__ import annotations

import math
import secrets
from collections import defaultdict
from dataclasses import asdict, dataclass

from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.limits import Limits
from simulator.core.storage import Storage

EXPIRED_RETENTION = 86_400  # seconds an expired token is still called expired, not unknown


@dataclass
class Token:
    """One access token and its life in virtual unix seconds."""

    value: str
    appid: str
    source: str  # "token" or "stable_token"
    issued_at: float
    expires_at: float
    killed: bool = False


class Tokens:
    """Every token that was handed out, and how often somebody asked."""

    def __init__(self, clock: Clock, limits: Limits, storage: Storage) -> None:
        self._clock = clock
        self._limits = limits
        self._storage = storage
        self._by_value: dict[str, Token] = {}
        self._current: dict[tuple[str, str], Token] = {}
        self._forced: dict[str, list[float]] = defaultdict(list)
        self.request_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.issued_counts: dict[str, int] = defaultdict(int)
        for body in sorted(storage.load_all("token"), key=lambda one: float(one["issued_at"])):
            token = Token(**body)
            self._by_value[token.value] = token
            if not token.killed:
                self._current[token.appid, token.source] = token

    def issue_token(self, appid: str) -> tuple[str, int]:
        """A new token of the ordinary endpoint and the seconds it lives."""
        self.request_counts[appid]["token"] += 1
        former = self._current.get((appid, "token"))
        if former is not None:
            overlap = self._clock.now() + self._limits.token_overlap
            former.expires_at = min(former.expires_at, overlap)
            self._save(former)
        return self._issue(appid, "token").value, self._limits.token_seconds

    def get_stable(self, appid: str) -> tuple[str, int]:
        """The current stable token and the seconds it still lives."""
        self.request_counts[appid]["stable_token"] += 1
        token = self._current.get((appid, "stable_token"))
        if token is None or token.expires_at - self._clock.now() <= self._limits.token_overlap:
            token = self._issue(appid, "stable_token")
        return token.value, math.ceil(token.expires_at - self._clock.now())

    def renew_stable(self, appid: str) -> tuple[str, int]:
        """A new stable token; the former dies at once."""
        self.request_counts[appid]["forced"] += 1
        now = self._clock.now()
        today = [at for at in self._forced[appid] if now - at < EXPIRED_RETENTION]
        if today and now - today[-1] < self._limits.forced_interval:
            raise ApiError(45011, "api minute-quota reach limit, must slower, retry next minute")
        if len(today) >= self._limits.forced_per_day:
            raise ApiError(45009, "reach max api daily quota limit")
        self._forced[appid] = [*today, now]
        former = self._current.get((appid, "stable_token"))
        if former is not None:
            former.killed = True
            self._save(former)
        return self._issue(appid, "stable_token").value, self._limits.token_seconds

    def get_owner(self, value: str) -> str:
        """The appid a living token belongs to; raises 41001, 40001 or 42001."""
        if not value:
            raise ApiError(41001, "access_token missing")
        token = self._by_value.get(value)
        if token is None or token.killed:
            raise ApiError(
                40001,
                "invalid credential, access_token is invalid or not latest, "
                "could get access_token by getStableAccessToken",
            )
        if token.expires_at <= self._clock.now():
            raise ApiError(42001, "access_token expired")
        return token.appid

    def find_owner(self, value: str) -> str | None:
        """The appid a token was made for, living or dead."""
        token = self._by_value.get(value)
        return token.appid if token else None

    def revoke_all(self, appid: str) -> int:
        """Make every token of the account invalid, as a changed secret would; returns how many."""
        count = 0
        for token in self._by_value.values():
            if token.appid == appid and not token.killed:
                token.killed = True
                self._save(token)
                count += 1
        self._current.pop((appid, "token"), None)
        self._current.pop((appid, "stable_token"), None)
        return count

    def _issue(self, appid: str, source: str) -> Token:
        now = self._clock.now()
        for old in [
            one for one in self._by_value.values() if one.expires_at < now - EXPIRED_RETENTION
        ]:
            del self._by_value[old.value]
            self._storage.delete("token", old.value)
        value = f"9{secrets.randbelow(10)}_{secrets.token_urlsafe(100)[:133]}"
        token = Token(value, appid, source, now, now + self._limits.token_seconds)
        self._by_value[value] = self._current[appid, source] = token
        self.issued_counts[appid] += 1
        self._save(token)
        return token

    def _save(self, token: Token) -> None:
        self._storage.put("token", token.value, asdict(token))
