"""Redis, for values that can be computed again.

No correct answer depends on this module. While Redis is unavailable, `get` returns None, `put` and
`delete` do nothing and `lease` is refused. After a failed call the process does not try again for
one second, so that a dead server costs one timeout a second and not one a message (the circuit
breaker pattern).
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
_RETRY_AFTER = 1.0  # seconds

# Release only one's own lease: it may have run out, and somebody else may hold it by now. Get and
# delete must be one step, therefore a script (https://redis.io/docs/latest/commands/set/#patterns).
_RELEASE_SCRIPT = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


class _Availability:
    """Until when Redis is left alone, by the monotonic clock; shared by the threads of a process.

    Without a lock: the worst a race does is one more call that fails.
    """

    unavailable_until = 0.0


@Lazy
def client() -> redis.Redis:
    """The connection pool of this process. Calls on it may raise any of UNAVAILABLE_ERRORS."""
    return redis.Redis.from_url(
        settings.get().effective_redis_url,
        # WeChat's callback must be answered within our own limit of one second
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        protocol=2,
    )


def reset() -> None:
    """Close all connections; the next use reads the address again. For tests that move it."""
    old_client = client.reset()
    if old_client is not None:
        old_client.close()
    _Availability.unavailable_until = 0.0


def is_unavailable() -> bool:
    """Whether a call failed within the last second, so that another one is not worth a try."""
    return time.monotonic() < _Availability.unavailable_until


def mark_unavailable(error: Exception) -> None:
    """Record that a call to Redis failed, for metrics, log and `is_unavailable`."""
    if not is_unavailable():  # one line a second, not one a message
        _log.warning("redis.unavailable", error=type(error).__name__)
    _failures.inc()
    _Availability.unavailable_until = time.monotonic() + _RETRY_AFTER


def get(key: str) -> bytes | None:
    """The value of a key; None when there is none or Redis is unavailable."""
    if is_unavailable():
        return None
    try:
        value = client().get(key)
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)
        return None
    # redis-py types the answer of both its clients, the async one too
    return value if isinstance(value, bytes) else None


def put(key: str, value: bytes | str, seconds: float) -> None:
    """Store a value for some seconds; does nothing while Redis is unavailable."""
    if is_unavailable():
        return
    try:
        # Always with an expiry, so that nothing fills the server; Redis refuses a px of 0.
        client().set(key, value, px=max(1, int(seconds * 1000)))
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)


def delete(key: str) -> None:
    """Remove a key; does nothing while Redis is unavailable."""
    if is_unavailable():
        return
    try:
        client().delete(key)
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)


@contextmanager
def lease(name: str, seconds: float) -> Iterator[bool]:
    """Yields whether this caller alone holds `name`, for `seconds` at most.

    Saves work that two processes would do twice. It does not guarantee exclusion: a lease may run
    out while its holder still works. Yields False also while Redis is unavailable.
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
        # not for a refused lease: the key, if there is one, is somebody else's
        if is_held:
            _release(key, token)


def _release(key: str, token: str) -> None:
    try:
        client().eval(_RELEASE_SCRIPT, 1, key, token)
    except UNAVAILABLE_ERRORS as error:
        mark_unavailable(error)
