"""Access tokens: one for each account, shared by all processes, fetched by one at a time.

    current ──> this process's memory ──> Redis (sealed) ──> WeChat's stable_token

`stable_token` hands out the same token until five minutes before its end, so asking twice does
no harm and is never forced: a forced call would kill the token of every other system of the
department. A token is renewed when less than five minutes are left, not everywhere at the same
second; while one renews it, the others use the old one, or wait for the new.

Redis holds nothing that cannot be fetched again. When it is empty or away, each process goes on
with its own token in memory. This module reads the clock itself: tokens age in real time.
"""

import json
import os
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from config import cache, clock, crypto, logs, settings
from matrix.wechat import wire
from matrix.wechat.codes import Reaction
from matrix.wechat.credentials import Credentials
from matrix.wechat.errors import GatewayError, NotAuthorised, StaleToken, Temporary

_STABLE_TOKEN = wire.Call("POST", "/cgi-bin/stable_token")

_RECHECK = 5.0  # seconds this process believes its memory before it asks Redis again
_EARLY = (180.0, 290.0)  # renewed when so many seconds are left; by chance, so not all at once
_LEASE = 20.0  # seconds; longer than one call to WeChat may take
_PATIENCE = 5.0  # seconds to wait for another process that fetches
_LOCK_PATIENCE = 15.0  # seconds to wait for another thread that fetches
_SULK = 5.0  # seconds in which a failure is not tried again

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    expires_at: float  # unix seconds
    renew_at: float
    read_at: float = 0.0  # when this process last saw it in Redis, or fetched it


class _Shared:
    """What the threads of this process share.

    `failures` and `affirmed` spare WeChat those who queued behind a fetch that brought nothing
    new: by appid and secret the error, by appid the refused token that WeChat says is good.
    """

    def __init__(self) -> None:
        self.tokens: dict[str, _Token] = {}
        self.failures: dict[tuple[str, str], tuple[float, GatewayError]] = {}
        self.affirmed: dict[str, tuple[float, str]] = {}
        self.locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


_shared = _Shared()


def current(account: Credentials) -> str:
    """A token that should work now.

    Raises NotAuthorised when the account's AppID, secret or allow-list is wrong, Temporary when
    WeChat cannot be asked.
    """
    now = _now()
    token = _known(account.appid, now)
    if token and now < token.renew_at:
        return token.value
    return _renewed(account, old=token if token and now < token.expires_at else None)


def failed(account: Credentials, refused: str) -> str:
    """The token to try instead of one that WeChat refused.

    Fetches only when the refused one is still the current one. The errors are those of
    `current`.
    """
    token = _read(account.appid, _now()) or _shared.tokens.get(account.appid)
    if token and token.value != refused and _now() < token.expires_at:
        _shared.tokens[account.appid] = token
        return token.value
    return _renewed(account, refused=refused)


def prove(account: Credentials) -> datetime:
    """Ask WeChat for a token now, whatever is kept. Returns until when it lives.

    For who wants to know whether the secret and the allow-list are right. Raises NotAuthorised
    or Temporary, never an error of a moment ago.
    """
    token = _asked(account)
    _keep(account.appid, token, _now())
    return datetime.fromtimestamp(token.expires_at, UTC)


def forget() -> None:
    """Start as a new process does (a test needs it)."""
    global _shared  # the one thing this module owns
    _shared = _Shared()


def _known(appid: str, now: float) -> _Token | None:
    """The newest token this process can know of, perhaps no longer good."""
    kept = _shared.tokens.get(appid)
    if kept and now - kept.read_at < _RECHECK and now < kept.renew_at:
        return kept
    shared = _read(appid, now)
    if shared:
        _shared.tokens[appid] = shared
        return shared
    if kept and now < kept.renew_at:
        _keep(appid, kept, now)  # Redis lost it; the others need not fetch it
    return kept


def _renewed(account: Credentials, *, old: _Token | None = None, refused: str = "") -> str:
    """A fresh token; `old` while somebody else fetches it."""
    lock = _shared.locks[account.appid]
    if not lock.acquire(timeout=0 if old else _LOCK_PATIENCE):
        if old:
            return old.value
        raise Temporary(
            meaning="正在获取接口凭据", call=_STABLE_TOKEN.path, reaction=Reaction.RETRY
        )
    try:
        return _renewed_alone(account, old, refused)
    except GatewayError:
        if old:
            _log.warning("wechat.token_renewal_failed", appid=account.appid)
            return old.value
        raise
    finally:
        lock.release()


def _renewed_alone(account: Credentials, old: _Token | None, refused: str) -> str:
    """The same, with no other thread of this process beside."""
    appid = account.appid
    others = _fetched_by_others(appid, refused)
    if others:
        return others.value
    with cache.lease(f"wechat-token:{appid}", _LEASE) as alone:
        if alone or cache.is_away():
            others = _fetched_by_others(appid, refused)
            return others.value if others else _fetch(account, refused)
    if old:
        return old.value
    patience = time.monotonic() + _PATIENCE
    while time.monotonic() < patience:
        time.sleep(0.05)
        others = _fetched_by_others(appid, refused)
        if others:
            return others.value
    return _fetch(account, refused)  # whoever held the lease is slow or dead


def _fetched_by_others(appid: str, refused: str) -> _Token | None:
    now = _now()
    token = _read(appid, now) or _shared.tokens.get(appid)
    if token is None or token.value == refused or now >= token.renew_at:
        return None
    _shared.tokens[appid] = token
    return token


def _fetch(account: Credentials, refused: str) -> str:
    appid = account.appid
    now = time.monotonic()
    failed_at, failure = _shared.failures.get((appid, account.secret), (-_SULK, None))
    if failure and now - failed_at < _SULK:
        raise failure.with_traceback(None)
    affirmed_at, affirmed = _shared.affirmed.get(appid, (-_SULK, ""))
    if refused and refused == affirmed and now - affirmed_at < _SULK:
        return refused
    try:
        token = _asked(account)
    except GatewayError as error:
        _shared.failures[appid, account.secret] = (time.monotonic(), error)
        raise
    _shared.failures.pop((appid, account.secret), None)
    if token.value == refused:
        _shared.affirmed[appid] = (time.monotonic(), refused)
    _keep(appid, token, _now())
    _log.info("wechat.token_fetched", appid=appid, seconds=round(token.expires_at - _now()))
    return token.value


def _asked(account: Credentials) -> _Token:
    body = {
        "grant_type": "client_credential",
        "appid": account.appid,
        "secret": account.secret,
        "force_refresh": False,
    }
    try:
        answer = wire.exchange(_STABLE_TOKEN, settings.get().wechat_api_url, {}, body=body)
    except StaleToken as error:
        # 40001 means the secret here, and a token everywhere else.
        raise NotAuthorised(
            meaning="AppSecret 不正确，请重新填写",
            call=error.call,
            errcode=error.errcode,
            rid=error.rid,
            reaction=Reaction.CONFIGURE,
        ) from None
    now = _now()
    try:
        value, life = str(answer["access_token"]), float(answer["expires_in"])
    except (KeyError, TypeError, ValueError):
        raise Temporary(
            meaning="微信没有返回接口凭据", call=_STABLE_TOKEN.path, reaction=Reaction.RETRY
        ) from None
    early = min(random.uniform(*_EARLY), life / 4)
    return _Token(value, now + life, now + life - early, now)


def _keep(appid: str, token: _Token, now: float) -> None:
    _shared.tokens[appid] = _Token(token.value, token.expires_at, token.renew_at, now)
    body = json.dumps([token.value, token.expires_at, token.renew_at])
    cache.put(_key(appid), crypto.seal(body), max(1.0, token.expires_at - now))


def _read(appid: str, now: float) -> _Token | None:
    sealed = cache.get(_key(appid))
    if sealed is None:
        return None
    try:
        value, expires_at, renew_at = json.loads(crypto.open_sealed(sealed.decode()))
    except (crypto.Unreadable, ValueError):
        _log.warning("wechat.token_unreadable", appid=appid)
        return None
    return _Token(value, expires_at, renew_at, now) if now < expires_at else None


def _key(appid: str) -> str:
    return f"wechat-token:{appid}"


def _now() -> float:
    return clock.now().timestamp()


# A child process must not wait for a lock that a thread of its parent held.
os.register_at_fork(after_in_child=forget)
