"""Access tokens, each of one account, from two independent endpoints.

`/cgi-bin/token` makes a new token each time, and the previous one stays valid for five more
minutes. `/cgi-bin/stable_token` gives the same token until five minutes before it expires; with
`force_refresh` it makes a new one and the old one is invalid at once, at most 20 times a day and
not within 30 seconds of the last.
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

EXPIRED_RETENTION = (
    86_400  # seconds for which an expired token gives 42001; later it is unknown, 40001
)


@dataclass
class Token:
    """One access token; times in virtual unix seconds."""

    value: str
    appid: str
    source: str  # "token" or "stable_token"
    issued_at: float
    expires_at: float
    killed: bool = False


class Tokens:
    """All tokens that were given out, and how often each endpoint was asked."""

    def __init__(self, clock: Clock, limits: Limits, storage: Storage) -> None:
        self._clock = clock
        self._limits = limits
        self._storage = storage
        self._by_value: dict[str, Token] = {}
        self._current: dict[tuple[str, str], Token] = {}
        self._forced: dict[str, list[float]] = defaultdict(list)
        # read by tests of the token service: many workers must ask once
        self.request_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.issued_counts: dict[str, int] = defaultdict(int)
        for body in sorted(storage.load_all("token"), key=lambda one: float(one["issued_at"])):
            token = Token(**body)
            self._by_value[token.value] = token
            if not token.killed:
                self._current[token.appid, token.source] = token

    def issue_token(self, appid: str) -> tuple[str, int]:
        """A new token of /cgi-bin/token, and the seconds it is valid."""
        self.request_counts[appid]["token"] += 1
        former = self._current.get((appid, "token"))
        if former is not None:
            overlap = self._clock.now() + self._limits.token_overlap
            # the overlap lets requests that are under way with the old token finish
            former.expires_at = min(former.expires_at, overlap)
            self._save(former)
        return self._issue(appid, "token").value, self._limits.token_seconds

    def get_stable(self, appid: str) -> tuple[str, int]:
        """The current stable token, and the seconds it is still valid."""
        self.request_counts[appid]["stable_token"] += 1
        token = self._current.get((appid, "stable_token"))
        # the old token stays valid for its last five minutes, so requests under way with it do not
        # fail
        if token is None or token.expires_at - self._clock.now() <= self._limits.token_overlap:
            token = self._issue(appid, "stable_token")
        return token.value, math.ceil(token.expires_at - self._clock.now())

    def renew_stable(self, appid: str) -> tuple[str, int]:
        """A new stable token; the previous one is invalid at once."""
        self.request_counts[appid]["forced"] += 1
        now = self._clock.now()
        # the last 24 hours, because the documentation does not say when its day begins
        today = [at for at in self._forced[appid] if now - at < EXPIRED_RETENTION]
        if today and now - today[-1] < self._limits.forced_interval:
            raise ApiError(45011, "api minute-quota reach limit, must slower, retry next minute")
        if len(today) >= self._limits.forced_per_day:
            raise ApiError(45009, "reach max api daily quota limit")
        self._forced[appid] = [*today, now]
        former = self._current.get((appid, "stable_token"))
        if former is not None:
            # at once, unlike /cgi-bin/token: a leaked token is killed this way
            former.killed = True
            self._save(former)
        return self._issue(appid, "stable_token").value, self._limits.token_seconds

    def get_owner(self, value: str) -> str:
        """The appid of a valid token; 41001 if missing, 40001 if unknown, 42001 if expired."""
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
        """The appid a token was made for, valid or not; None if unknown."""
        token = self._by_value.get(value)
        return token.appid if token else None

    def revoke_all(self, appid: str) -> int:
        """Invalidate all tokens of an account, as changing its secret does; returns how many."""
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
        # 136 characters as real tokens have now; the documentation asks for room for 512
        value = f"9{secrets.randbelow(10)}_{secrets.token_urlsafe(100)[:133]}"
        token = Token(value, appid, source, now, now + self._limits.token_seconds)
        self._by_value[value] = self._current[appid, source] = token
        self.issued_counts[appid] += 1
        self._save(token)
        return token

    def _save(self, token: Token) -> None:
        self._storage.put("token", token.value, asdict(token))
