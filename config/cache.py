"""Redis, for what can be made again.

Nothing here is needed for a right answer. When Redis is away, reads find nothing, writes are
dropped, leases are refused, and for a second nobody asks again, so a dead server costs one
short timeout and not one per message.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from prometheus_client import Counter
from redis.exceptions import RedisError

from config import logs, settings
from config.once import Once

Away = (RedisError, OSError)

_log = logs.get(__name__)
_failures = Counter("hub_redis_failures_total", "Calls to Redis that failed")
_PAUSE = 1.0  # seconds without a new try after a failure

_RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


class _Health:
    """When Redis last failed; shared by the threads of this process."""

    away_until = 0.0


@Once
def client() -> redis.Redis:
    """The connection pool of this process; may raise any of `Away` when used."""
    return redis.Redis.from_url(
        settings.get().redis, socket_timeout=1.0, socket_connect_timeout=0.5, protocol=2
    )


def forget() -> None:
    """Drop connections and find the server anew at next use (a test moved it)."""
    made = client.forget()
    if made is not None:
        made.close()
    _Health.away_until = 0.0


def is_away() -> bool:
    """Whether a call failed within the last second."""
    return time.monotonic() < _Health.away_until


def noticed(error: Exception) -> None:
    """Remember that Redis just failed."""
    if not is_away():
        _log.warning("redis.away", error=type(error).__name__)
    _failures.inc()
    _Health.away_until = time.monotonic() + _PAUSE


def get(key: str) -> bytes | None:
    """The value kept under a key; None when there is none or Redis is away."""
    if is_away():
        return None
    try:
        value = client().get(key)
    except Away as error:
        noticed(error)
        return None
    return value if isinstance(value, bytes) else None


def put(key: str, value: bytes | str, seconds: float) -> None:
    """Keep a value for a while; dropped when Redis is away."""
    if is_away():
        return
    try:
        client().set(key, value, px=max(1, int(seconds * 1000)))
    except Away as error:
        noticed(error)


def drop(key: str) -> None:
    """Forget a value."""
    if is_away():
        return
    try:
        client().delete(key)
    except Away as error:
        noticed(error)


@contextmanager
def lease(name: str, seconds: float) -> Iterator[bool]:
    """Whether this caller alone holds `name` now, for `seconds` at most.

    For thrift, not for correctness: False also when Redis is away.
    """
    key, mine = f"lease:{name}", secrets.token_hex(8)
    try:
        held = not is_away() and bool(client().set(key, mine, nx=True, px=int(seconds * 1000)))
    except Away as error:
        noticed(error)
        held = False
    try:
        yield held
    finally:
        if held:
            _release(key, mine)


def _release(key: str, mine: str) -> None:
    try:
        client().eval(_RELEASE, 1, key, mine)
    except Away as error:
        noticed(error)
