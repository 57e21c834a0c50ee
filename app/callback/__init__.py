"""The callback: where WeChat checks an account's address and pushes what citizens send.

    GET  /wechat/<appid>   signature right ──> echostr
    POST /wechat/<appid>   open ──> answer ──> record, act, commit ──> seal

It stands in front of Flask and speaks WSGI itself: three thousand lines of request cycle would
cost a push more than all that is done for it. A push is refused with 4xx when it is not
WeChat's; only when the database fails is there a 503, so that WeChat asks again and nothing
accepted is lost.
"""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import Counter, Histogram

from app import snapshots
from app.callback import dialogue, recording
from config import clock, logs
from config.errors import DomainError
from matrix.accounts import AccountSnapshot, callback_stats
from matrix.wechat import messages
from matrix.wechat.envelope import SUCCESS

PREFIX = "/wechat/"

_log = logs.get_logger(__name__)
_pushes_total = Counter("hub_callbacks_total", "Pushes by what became of them", ["result"])
_duration_seconds = Histogram(
    "hub_callback_seconds",
    "From push to answer",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
_answered_total, _repeated_total = (
    _pushes_total.labels("answered"),
    _pushes_total.labels("repeated"),
)
_refused_total, _failed_total = _pushes_total.labels("refused"), _pushes_total.labels("failed")

_STATUS = {
    200: "200 OK",
    400: "400 Bad Request",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    411: "411 Length Required",
    413: "413 Content Too Large",
    503: "503 Service Unavailable",
}
_PLAIN, _XML = "text/plain; charset=utf-8", "text/xml; charset=utf-8"


class BadCallback(DomainError):
    """A push that cannot be read at all: no such account, no length, the wrong method."""

    text = "请求无法处理。"

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason=reason)
        self.status = status


def wrap_wsgi(inner_app: WSGIApplication) -> WSGIApplication:
    """A WSGI application that takes the pushes itself and leaves the rest to the other."""

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return inner_app(environ, start)
        return _respond(path[len(PREFIX) :], environ, start)

    return application


def _respond(appid: str, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    started_at = clock.now()
    try:
        content_type, text = _HANDLERS.get(environ["REQUEST_METHOD"], _method_not_allowed)(
            appid, environ, started_at
        )
        status = 200
    except DomainError as error:
        content_type, text, status = _PLAIN, error.text, error.status
        _refused_total.inc()
        _record_rejection(appid, error, started_at)
        with recording.log_context(appid):
            _log.warning("callback.refused", status=status, **error.facts)
    except Exception:
        # the last resort: WeChat must not see a page, and must come again
        content_type, text, status = _PLAIN, "", 503
        _failed_total.inc()
        with recording.log_context(appid):
            _log.exception("callback.failed")
    body = text.encode()
    _duration_seconds.observe((clock.now() - started_at).total_seconds())
    start(_STATUS[status], [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return (body,)


def _verify_url(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    account = _get_account(appid)
    echo = account.envelope.verify_url(environ["QUERY_STRING"], now=now)
    callback_stats.record_verification(account, now)
    return _PLAIN, echo


def _handle_push(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    account = _get_account(appid)
    query = account.envelope.verify_query(environ["QUERY_STRING"], now=now)
    opened = query.open(_read_body(environ))
    result = dialogue.answer(opened.inbound, account, snapshots.current(), now=now)
    recorded = recording.record_push(account, opened.inbound, result, now=now)
    callback_stats.record_push(account, now, is_previous=opened.is_previous)
    (_answered_total if recorded.is_new else _repeated_total).inc()
    if not recorded.answer:
        return _PLAIN, SUCCESS
    return _XML, account.envelope.seal(recorded.answer, opened, now=now, nonce=secrets.token_hex(8))


def _record_rejection(appid: str, error: DomainError, now: datetime) -> None:
    account = snapshots.current().accounts.get(appid)
    if account is not None:
        callback_stats.record_rejection(account, now, reason=str(error.facts.get("reason", "")))


def _method_not_allowed(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    raise BadCallback(405, "method")


_HANDLERS: dict[str, Callable[[str, WSGIEnvironment, datetime], tuple[str, str]]] = {
    "GET": _verify_url,
    "POST": _handle_push,
}


def _get_account(appid: str) -> AccountSnapshot:
    account = snapshots.current().accounts.get(appid)
    if account is None:
        raise BadCallback(404, "appid")
    return account


def _read_body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise BadCallback(411, "length")
    # more digits than any length has, and Python would refuse to read them
    if len(length) > 19 or int(length) > messages.MAX_BYTES:
        raise BadCallback(413, "body")
    body: bytes = environ["wsgi.input"].read(int(length))
    return body
