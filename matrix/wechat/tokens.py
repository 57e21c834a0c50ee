"""Access tokens: one per account, shared by all processes, fetched by one of them at a time.

Looked up in this process's memory, then in Redis (encrypted), then fetched by WeChat's
`stable_token` call (wechat-platform.md 3.1). That call returns the same token until five minutes
before it expires, so fetching twice does no harm. `force_refresh` is never used: it would
invalidate the token of every other system that the department connected to the account.

A token is renewed when less than five minutes are left, at a random moment, so that processes do
not all do it in the same second. While one renews it, the others use the old one, or wait.

Redis holds nothing that cannot be fetched again; without it, each process goes on with its own
token in memory. This module reads the clock itself, because tokens expire in real time.
"""

import json
import os
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from config import cache, clock, logs, settings
from config.security import crypto
from matrix.wechat import http_client
from matrix.wechat.credentials import Credentials
from matrix.wechat.errors import GatewayError, NotAuthorised, StaleToken, Temporary
from matrix.wechat.return_codes import Reaction

_STABLE_TOKEN = http_client.ApiCall("POST", "/cgi-bin/stable_token")

_MEMORY_SECONDS = 5.0  # seconds this process believes its memory before it asks Redis again
# renewed when a random number of seconds in this range is left; WeChat hands out the next token
# from 300 seconds before the end
_RENEWAL_MARGIN = (180.0, 290.0)
_LEASE_SECONDS = 20.0  # seconds; longer than one call to WeChat may take
_LEASE_WAIT = 5.0  # seconds to wait for another process that fetches
_LOCK_WAIT = 15.0  # seconds to wait for another thread that fetches
_FAILURE_SECONDS = 5.0  # seconds in which a failure is not tried again

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Token:
    """A token; times are Unix seconds. `read_at` is when this process last saw it in Redis."""

    value: str = field(repr=False)
    expires_at: float  # unix seconds
    renew_at: float
    read_at: float = 0.0  # when this process last saw it in Redis, or fetched it


class _ProcessState:
    """What the threads of this process share.

    `failures` and `confirmed` keep threads that queued behind a fetch from repeating it: the error
    by (appid, secret), and by appid the token that WeChat refused in a call and yet returned again.
    """

    def __init__(self) -> None:
        self.tokens: dict[str, _Token] = {}
        self.failures: dict[tuple[str, str], tuple[float, GatewayError]] = {}
        self.confirmed: dict[str, tuple[float, str]] = {}
        self.locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


_state = _ProcessState()


def current(account: Credentials) -> str:
    """A token that should work now.

    Raises NotAuthorised when the account's AppID, secret or allow-list is wrong, Temporary when
    WeChat cannot be reached.
    """
    now = _now()
    token = _find_token(account.appid, now)
    if token and now < token.renew_at:
        return token.value
    return _renew(account, old=token if token and now < token.expires_at else None)


def replace_refused(account: Credentials, refused: str) -> str:
    """The token to try instead of one that WeChat refused.

    Fetches a new one only if the refused one is still the current one: another process may have
    renewed it meanwhile. Raises what `current` raises.
    """
    token = _read_shared(account.appid, _now()) or _state.tokens.get(account.appid)
    if token and token.value != refused and _now() < token.expires_at:
        _state.tokens[account.appid] = token
        return token.value
    return _renew(account, refused=refused)


def verify_credentials(account: Credentials) -> datetime:
    """Fetch a token now, whatever is stored. Returns when it expires.

    For checking whether secret and allow-list are right. Raises NotAuthorised or Temporary, never a
    remembered error.
    """
    token = _request_token(account)
    _save(account.appid, token, _now())
    return datetime.fromtimestamp(token.expires_at, UTC)


def reset() -> None:
    """Forget everything, as in a new process (for tests and after a fork)."""
    global _state  # the one thing this module owns
    _state = _ProcessState()


def _find_token(appid: str, now: float) -> _Token | None:
    """The newest token this process can know of, perhaps expired."""
    cached = _state.tokens.get(appid)
    if cached and now - cached.read_at < _MEMORY_SECONDS and now < cached.renew_at:
        return cached
    stored = _read_shared(appid, now)
    if stored:
        _state.tokens[appid] = stored
        return stored
    if cached and now < cached.renew_at:
        _save(appid, cached, now)  # Redis lost it: put it back for the other processes
    return cached


def _renew(account: Credentials, *, old: _Token | None = None, refused: str = "") -> str:
    """A new token; returns `old`, if given, while somebody else fetches the new one."""
    lock = _state.locks[account.appid]
    # with a token that still works, nobody waits: one thread renews, the others go on
    if not lock.acquire(timeout=0 if old else _LOCK_WAIT):
        if old:
            return old.value
        raise Temporary(
            meaning="正在获取接口凭据", call=_STABLE_TOKEN.path, reaction=Reaction.RETRY
        )
    try:
        return _renew_locked(account, old, refused)
    except GatewayError:
        if old:
            # the old token is good for minutes yet, and the next call tries again
            _log.warning("wechat.token_renewal_failed", appid=account.appid)
            return old.value
        raise
    finally:
        lock.release()


def _renew_locked(account: Credentials, old: _Token | None, refused: str) -> str:
    """`_renew` while holding this process's lock for the account."""
    appid = account.appid
    renewed = _find_renewed_elsewhere(appid, refused)
    if renewed:
        return renewed.value
    # a lock in Redis saves calls to WeChat; it is not needed for correctness, as two fetches return
    # the same token
    with cache.lease(f"wechat-token:{appid}", _LEASE_SECONDS) as acquired:
        if acquired or cache.is_unavailable():
            renewed = _find_renewed_elsewhere(appid, refused)
            return renewed.value if renewed else _fetch(account, refused)
    if old:
        return old.value
    # without an old token: wait for the process that fetches, a second fetch would gain nothing
    deadline = time.monotonic() + _LEASE_WAIT
    while time.monotonic() < deadline:
        time.sleep(0.05)
        renewed = _find_renewed_elsewhere(appid, refused)
        if renewed:
            return renewed.value
    return _fetch(account, refused)  # whoever held the lease is slow or dead


def _find_renewed_elsewhere(appid: str, refused: str) -> _Token | None:
    now = _now()
    token = _read_shared(appid, now) or _state.tokens.get(appid)
    if token is None or token.value == refused or now >= token.renew_at:
        return None
    _state.tokens[appid] = token
    return token


def _fetch(account: Credentials, refused: str) -> str:
    appid = account.appid
    now = time.monotonic()
    failed_at, failure = _state.failures.get((appid, account.secret), (-_FAILURE_SECONDS, None))
    if failure and now - failed_at < _FAILURE_SECONDS:
        raise failure.with_traceback(None)
    confirmed_at, confirmed = _state.confirmed.get(appid, (-_FAILURE_SECONDS, ""))
    # WeChat insists that this token is good: the call was refused for another reason, do not fetch
    # again
    if refused and refused == confirmed and now - confirmed_at < _FAILURE_SECONDS:
        return refused
    try:
        token = _request_token(account)
    except GatewayError as error:
        _state.failures[appid, account.secret] = (time.monotonic(), error)
        raise
    _state.failures.pop((appid, account.secret), None)
    if token.value == refused:
        _state.confirmed[appid] = (time.monotonic(), refused)
    _save(appid, token, _now())
    _log.info("wechat.token_fetched", appid=appid, seconds=round(token.expires_at - _now()))
    return token.value


def _request_token(account: Credentials) -> _Token:
    body = {
        "grant_type": "client_credential",
        "appid": account.appid,
        "secret": account.secret,
        "force_refresh": False,
    }
    try:
        response = http_client.request_json(
            _STABLE_TOKEN, settings.get().wechat_api_url, {}, body=body
        )
    except StaleToken as error:
        # in this call 40001 is about the AppSecret; in every other one about the access token
        raise NotAuthorised(
            meaning="AppSecret 不正确，请重新填写",
            call=error.call,
            errcode=error.errcode,
            rid=error.rid,
            reaction=Reaction.CONFIGURE,
        ) from None
    now = _now()
    try:
        value, lifetime = str(response["access_token"]), float(str(response["expires_in"]))
    except (KeyError, TypeError, ValueError):
        raise Temporary(
            meaning="微信没有返回接口凭据", call=_STABLE_TOKEN.path, reaction=Reaction.RETRY
        ) from None
    # a quarter of the lifetime at most, in case WeChat ever issues short-lived tokens
    margin = min(random.uniform(*_RENEWAL_MARGIN), lifetime / 4)
    return _Token(value, now + lifetime, now + lifetime - margin, now)


def _save(appid: str, token: _Token, now: float) -> None:
    _state.tokens[appid] = _Token(token.value, token.expires_at, token.renew_at, now)
    body = json.dumps([token.value, token.expires_at, token.renew_at])
    # encrypted: whoever reads Redis must not be able to act for the accounts
    cache.put(_key(appid), crypto.encrypt(body), max(1.0, token.expires_at - now))


def _read_shared(appid: str, now: float) -> _Token | None:
    encrypted = cache.get(_key(appid))
    if encrypted is None:
        return None
    try:
        value, expires_at, renew_at = json.loads(crypto.decrypt(encrypted.decode()))
    # a key was removed, or another program wrote here: the token is fetched again, nothing is lost
    except (crypto.DecryptionFailed, ValueError):
        _log.warning("wechat.token_unreadable", appid=appid)
        return None
    return _Token(value, expires_at, renew_at, now) if now < expires_at else None


def _key(appid: str) -> str:
    return f"wechat-token:{appid}"


def _now() -> float:
    return clock.now().timestamp()


# in a forked child, a lock held by another thread of the parent would never be released
os.register_at_fork(after_in_child=reset)
