"""Error pages: every exception of a request as HTML, htmx text or JSON.

The page shows a Chinese sentence and the id of the request, the log has the facts: whoever reports
an error can name it, and nothing internal is shown (OWASP ASVS 16.5.1).
"""

from flask import Flask, Response, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from config import logs
from config.errors import DomainError, Temporary

_log = logs.get_logger(__name__)

_TEXTS = {
    400: "请求有误，请返回后重试。",
    403: "您没有权限查看此内容。",
    404: "没有找到您要的内容。",
    405: "请求的方式不受支持。",
    413: "提交的内容过大。",
    429: "操作过于频繁，请稍后再试。",
}
_UNEXPECTED = "系统出错了，我们已经记录。请稍后再试。"
_BUSY = "系统繁忙，请稍后再试。"
_DUPLICATE = "这项内容刚刚已经提交过，请刷新后查看。"
_CSRF_EXPIRED = "页面停留过久或已在别处重新登录，请刷新页面后重新提交。"


def register(app: Flask) -> None:
    """Register the handlers of all exceptions with the application."""
    app.register_error_handler(DomainError, _handle_domain_error)
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(DBAPIError, _handle_database_error)
    app.register_error_handler(NoConnection, _handle_database_error)
    # sqlite3 raises it for an integer of more than 64 bits; psycopg reports DataError instead
    app.register_error_handler(OverflowError, _handle_overflow)
    app.register_error_handler(Exception, _handle_unexpected)


def _handle_domain_error(error: DomainError) -> Response:
    # info and no warning: a rule that refuses is the product at work
    _log.info("request.refused", error=type(error).__name__, status=error.status, **error.facts)
    response = _render_error(error.status, str(error))
    if isinstance(error, Temporary):
        response.headers["Retry-After"] = str(int(error.retry_after or 5))
    return response


def _handle_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    text = _CSRF_EXPIRED if isinstance(error, CSRFError) else _TEXTS.get(status, _UNEXPECTED)
    return _render_error(status, text)


def _handle_database_error(error: Exception) -> Response:
    """400 for a value no column holds, 409 for a unique index, 503 for everything else.

    The last is an aborted transaction or a lost connection: it may work when tried again.
    """
    if isinstance(error, DataError):
        _log.warning("request.invalid_value", error=str(error.orig))
        return _render_error(400, _TEXTS[400])
    # A unique index is the last guard when two requests pass the same check at once; the second
    # one comes here.
    if isinstance(error, IntegrityError):
        _log.warning("request.duplicate", error=str(error.orig))
        return _render_error(409, _DUPLICATE)
    _log.exception("database.failed", error=type(error).__name__)
    response = _render_error(503, _BUSY)
    response.headers["Retry-After"] = "5"
    return response


def _handle_overflow(error: OverflowError) -> Response:
    """400 for a number that SQLite cannot hold; PostgreSQL reports it as DataError."""
    _log.warning("request.invalid_value", error=str(error))
    return _render_error(400, _TEXTS[400])


def _handle_unexpected(error: Exception) -> Response:
    _log.exception("request.failed", error=type(error).__name__)
    return _render_error(500, _UNEXPECTED)


def _render_error(status: int, text: str) -> Response:
    request_id = getattr(g, "request_id", "")
    # programs get JSON, whatever they accept; a browser never asks for JSON before HTML
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        response = jsonify(error=text, request=request_id)
    # htmx swaps the answer into the page or shows it as a toast: a whole page would be wrong in
    # both
    elif "HX-Request" in request.headers:
        response = Response(text, mimetype="text/plain")
    else:
        response = Response(
            render_template("error.html", text=text, status=status, number=request_id)
        )
    response.status_code = status
    return response
