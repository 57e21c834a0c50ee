"""Reports of what a browser blocked by the Content-Security-Policy, at `/csp-report`.

Anybody may send one, so it costs nothing: it is small, a process logs a few a minute and counts the
rest, and of the addresses in it only scheme, host and path are logged.
"""

import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask import Blueprint, request

from config import clock, logs

_log = logs.get_logger(__name__)
# bytes; a real report is much shorter
MAX_BYTES = 8192
MAX_PER_MINUTE = 20
_MAX_TEXT_LENGTH = 200
# of the many things in a report, those that say what has to be mended
_FIELDS = ("document-uri", "blocked-uri", "effective-directive", "source-file", "line-number")
_ADDRESSES = ("document-uri", "blocked-uri", "source-file")

blueprint = Blueprint("csp_reports", __name__)


class _Budget:
    """How many reports this process has logged in the present minute."""

    lock = threading.Lock()
    since: datetime | None = None
    count = 0


@blueprint.post("/csp-report")
def report() -> tuple[str, int]:
    """Log what a browser blocked. 204, also for what is no report; 413 for a long one."""
    request.max_content_length = MAX_BYTES
    body = request.get_data(cache=False)
    if _is_within_budget(clock.now()):
        facts = _facts(body)
        if facts:
            _log.warning("csp.blocked", **facts)
    return "", 204


def _is_within_budget(now: datetime) -> bool:
    with _Budget.lock:
        if _Budget.since is None or now - _Budget.since >= timedelta(minutes=1):
            if _Budget.count > MAX_PER_MINUTE:
                _log.warning("csp.reports_dropped", count=_Budget.count - MAX_PER_MINUTE)
            _Budget.since, _Budget.count = now, 0
        _Budget.count += 1
        return _Budget.count <= MAX_PER_MINUTE


def _facts(body: bytes) -> dict[str, str]:
    """What is worth a line in the log; empty for what is no report."""
    try:
        found = json.loads(body)["csp-report"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(found, Mapping):
        return {}
    return {
        name.replace("-", "_"): _cut(name, str(found[name])) for name in _FIELDS if name in found
    }


def _cut(name: str, value: str) -> str:
    if name in _ADDRESSES:
        value = _without_query(value)
    return value[:_MAX_TEXT_LENGTH]


def _without_query(address: str) -> str:
    """Scheme, host and path: a query and a fragment may hold what somebody searched for."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    # "inline" and "eval" are no addresses, and `data:` is followed by the content itself
    if not host:
        return parts.scheme or parts.path[:20]
    return f"{parts.scheme}://{host}{parts.path}"
