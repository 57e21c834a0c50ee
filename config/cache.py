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
from config.lazy import Lazy

UNAVAILABLE_ERRORS = (RedisError, OSError)

_log = logs.get_logger(__name__)
_failures = Counter("hub_redis_failures_total", "Calls to Redis that failed")
_RETRY_AFTER = 1.0  # seconds without a new try after a failure

_RELEASE_SCRIPT = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


class _Availability:
    """When Redis last failed; shared by the threads of this process."""

    unavailable_until = 0.0


@Lazy
def client() -> redis.Redis:
    """The connection pool of this process; may raise any of `Away` when used."""
    return redis.Redis.from_url(
        settings.get().effective_redis_url,
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        protocol=2,
    )


def reset() -> None:
    """Drop connections and find the server anew at next use (a test moved it)."""
    old_client = client.reset()
    if old_client is not None:
        old_client.close()
    _Availability.unavailable_until = 0.0


def is_unavailable() -> bool:
    """Whether a call failed within the last second."""
    return time.monotonic() < _Availability.unavailable_until


def mark_unavailable(error: Exception) -> None:
    """Remember that Redis just failed."""
    if not is_unavailable():
        _log.warning("redis.unavailable", error=type(error).__name__)
    _failures.inc()
    _Availability.unavailable_until = time.monotonic() + _RETRY_AFTER


def get(key: str) -> bytes | None:
    """The value kept under a key; None when there is none or Redis is away."""
    if is_unavailable():
        return None
    try:
        value = client().get(key)
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)
        return None
    return value if isinstance(value, bytes) else None


def put(key: str, value: bytes | str, seconds: float) -> None:
    """Keep a value for a while; dropped when Redis is away."""
    if is_unavailable():
        return
    try:
        client().set(key, value, px=max(1, int(seconds * 1000)))
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)


def delete(key: str) -> None:
    """Forget a value."""
    if is_unavailable():
        return
    try:
        client().delete(key)
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)


@contextmanager
def lease(name: str, seconds: float) -> Iterator[bool]:
    """Whether this caller alone holds `name` now, for `seconds` at most.

    For thrift, not for correctness: False also when Redis is away.
    """
    key, token = f"lease:{name}", secrets.token_hex(8)
    try:
        is_held = not is_unavailable() and bool(
            client().set(key, token, nx=True, px=int(seconds * 1000))
        )
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)
        is_held = False
    try:
        yield is_held
    finally:
        if is_held:
            _release(key, token)


def _release(key: str, token: str) -> None:
    try:
        client().eval(_RELEASE_SCRIPT, 1, key, token)
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)
