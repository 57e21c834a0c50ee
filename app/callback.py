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

from app import dialogue, live, settling
from config import clock, logs
from config.errors import DomainError
from matrix import callbacks
from matrix.accounts import Connection
from matrix.wechat import messages
from matrix.wechat.envelope import SUCCESS

PREFIX = "/wechat/"

_log = logs.get(__name__)
_pushes = Counter("hub_callbacks_total", "Pushes by what became of them", ["result"])
_seconds = Histogram(
    "hub_callback_seconds",
    "From push to answer",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
_answered, _repeated = _pushes.labels("answered"), _pushes.labels("repeated")
_refused, _failed = _pushes.labels("refused"), _pushes.labels("failed")

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


class Unheard(DomainError):
    """A push that cannot be read at all: no such account, no length, the wrong method."""

    text = "请求无法处理。"

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason=reason)
        self.status = status


def in_front_of(other: WSGIApplication) -> WSGIApplication:
    """A WSGI application that takes the pushes itself and leaves the rest to the other."""

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return other(environ, start)
        return _respond(path[len(PREFIX) :], environ, start)

    return application


def _respond(appid: str, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    began = clock.now()
    try:
        kind, text = _METHODS.get(environ["REQUEST_METHOD"], _unknown)(appid, environ, began)
        status = 200
    except DomainError as error:
        kind, text, status = _PLAIN, error.text, error.status
        _refused.inc()
        _note_refused(appid, error, began)
        with settling.named(appid):
            _log.warning("callback.refused", status=status, **error.facts)
    except Exception:
        # the last resort: WeChat must not see a page, and must come again
        kind, text, status = _PLAIN, "", 503
        _failed.inc()
        with settling.named(appid):
            _log.exception("callback.failed")
    body = text.encode()
    _seconds.observe((clock.now() - began).total_seconds())
    start(_STATUS[status], [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return (body,)


def _check(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    account = _account(appid)
    echo = account.envelope.verify_url(environ["QUERY_STRING"], now=now)
    callbacks.checked(account, now)
    return _PLAIN, echo


def _push(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    account = _account(appid)
    expected = account.envelope.expect(environ["QUERY_STRING"], now=now)
    opened = expected.open(_body(environ))
    answer = dialogue.answer(opened.inbound, account, live.current(), now=now)
    recorded = settling.settle(account, opened.inbound, answer, now=now)
    callbacks.heard(account, now, is_previous=opened.is_previous)
    (_answered if recorded.is_new else _repeated).inc()
    if not recorded.answer:
        return _PLAIN, SUCCESS
    return _XML, account.envelope.seal(recorded.answer, opened, now=now, nonce=secrets.token_hex(8))


def _note_refused(appid: str, error: DomainError, now: datetime) -> None:
    account = live.current().accounts.get(appid)
    if account is not None:
        callbacks.refused(account, now, reason=str(error.facts.get("reason", "")))


def _unknown(appid: str, environ: WSGIEnvironment, now: datetime) -> tuple[str, str]:
    raise Unheard(405, "method")


_METHODS: dict[str, Callable[[str, WSGIEnvironment, datetime], tuple[str, str]]] = {
    "GET": _check,
    "POST": _push,
}


def _account(appid: str) -> Connection:
    account = live.current().accounts.get(appid)
    if account is None:
        raise Unheard(404, "appid")
    return account


def _body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise Unheard(411, "length")
    # more digits than any length has, and Python would refuse to read them
    if len(length) > 19 or int(length) > messages.MAX_BYTES:
        raise Unheard(413, "body")
    body: bytes = environ["wsgi.input"].read(int(length))
    return body
