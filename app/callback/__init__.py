"""The callback: WeChat verifies an account's address here and pushes what citizens send.

    GET  /wechat/<appid>   signature right ──> echostr
    POST /wechat/<appid>   decrypt ──> answer ──> record in the database ──> encrypt the reply

The protocol is WeChat's message push (wechat-platform.md 1). This is a WSGI application in front of
Flask, because Flask's request cycle would cost more than everything a push needs
(docs/decisions/0002). What is not WeChat's gets a 4xx. A failure of ours gets a 503, so that WeChat
pushes again and no message that was accepted is lost.
"""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import Counter, Histogram

from app import snapshots
from app.callback import dialogue, recording
from app.callback.history import FollowerHistory
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
    # up to WeChat's limit of 5 s, with our own of 1 s among them;
    # finer below, where pushes normally are
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
# children of the counter, looked up once: `labels()` takes a lock and a dictionary at every call
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
    """A request that cannot be a push: unknown account, no length, wrong method, too large."""

    text = "请求无法处理。"

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason=reason)
        self.status = status


def wrap_wsgi(inner_app: WSGIApplication) -> WSGIApplication:
    """A WSGI application that answers paths below PREFIX and passes all others to `inner_app`."""

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
        # The last resort. At the HTML page of a failed request WeChat would tell the citizen that
        # the account is out of order (wechat-platform.md 1.5); at an empty 503 it pushes again,
        # three times in all.
        content_type, text, status = _PLAIN, "", 503
        _failed_total.inc()
        with recording.log_context(appid):
            _log.exception("callback.failed")
    # Content-Length instead of chunks: WeChat was seen to refuse a chunked answer to its check of
    # the address (github.com/zhayujie/CowAgent, issue 1148).
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
    # Before the body is read: a stranger who announces a body and never sends it would hold one
    # of the server's threads.
    query = account.envelope.verify_query(environ["QUERY_STRING"], now=now)
    opened = query.open(_read_body(environ))
    # Every push is answered, also a repeated one: that costs microseconds, and whether it is a
    # repeat only the insert can tell. `recorded.answer` is then that of the first time.
    history = FollowerHistory(account.id, opened.inbound.openid, now)
    result = dialogue.answer(opened.inbound, account, snapshots.current(), now=now, history=history)
    recorded = recording.record_push(account, opened.inbound, result, now=now)
    callback_stats.record_push(account, now, is_previous=opened.is_previous)
    (_answered_total if recorded.is_new else _repeated_total).inc()
    # an empty body would do as well; the literal `success` is what WeChat recommends
    if not recorded.answer:
        return _PLAIN, SUCCESS
    return _XML, account.envelope.seal(recorded.answer, opened, now=now, nonce=secrets.token_hex(8))


def _record_rejection(appid: str, error: DomainError, now: datetime) -> None:
    account = snapshots.current().accounts.get(appid)
    # for an unknown appid nothing is counted: whoever guesses addresses could fill the memory
    if account is not None:
        callback_stats.record_rejection(account, now, reason=str(error.facts.get("reason", "")))


def _method_not_allowed(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    raise BadCallback(405, "method")


_HANDLERS: dict[str, Callable[[str, WSGIEnvironment, datetime], tuple[str, str]]] = {
    # pushes and verification share one address: WeChat has one per account (wechat-platform.md
    # 1.1)
    "GET": _verify_url,
    "POST": _handle_push,
}


def _get_account(appid: str) -> AccountSnapshot:
    account = snapshots.current().accounts.get(appid)
    if account is None:
        raise BadCallback(404, "appid")
    return account


def _read_body(environ: WSGIEnvironment) -> bytes:
    # Without a length the body would have to be read to its end to know its size. WeChat always
    # sends one.
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise BadCallback(411, "length")
    # int() refuses numbers of more than 4,300 digits with a ValueError, which would be a 503 here
    if len(length) > 19 or int(length) > messages.MAX_BYTES:
        raise BadCallback(413, "body")
    body: bytes = environ["wsgi.input"].read(int(length))
    return body
