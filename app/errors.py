"""Errors as pages and JSON: the person's words on the page, the facts in the log."""

from flask import Flask, Response, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from config import logs
from config.errors import DomainError, Temporary

_log = logs.get(__name__)

_TEXTS = {
    400: "请求有误，请返回后重试。",
    403: "您没有权限查看此内容。",
    404: "没有找到您要的内容。",
    405: "请求的方式不受支持。",
    413: "提交的内容过大。",
    429: "操作过于频繁，请稍后再试。",
}
_SORRY = "系统出错了，我们已经记录。请稍后再试。"
_BUSY = "系统繁忙，请稍后再试。"
_TWICE = "这项内容刚刚已经提交过，请刷新后查看。"
_STALE = "页面停留过久或已在别处重新登录，请刷新页面后重新提交。"


def register(app: Flask) -> None:
    """Have every error of the application answered here."""
    app.register_error_handler(DomainError, _said)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(NoConnection, _database)
    app.register_error_handler(OverflowError, _beyond)
    app.register_error_handler(Exception, _broke)


def _said(error: DomainError) -> Response:
    _log.info("request.refused", error=type(error).__name__, status=error.status, **error.facts)
    answer = _answer(error.status, str(error))
    if isinstance(error, Temporary):
        answer.headers["Retry-After"] = str(int(error.retry_after or 5))
    return answer


def _refused(error: HTTPException) -> Response:
    status = error.code or 500
    text = _STALE if isinstance(error, CSRFError) else _TEXTS.get(status, _SORRY)
    return _answer(status, text)


def _database(error: Exception) -> Response:
    """A unique index was the last guard, or the database lost a race, a connection or its life."""
    if isinstance(error, DataError):
        _log.warning("request.unfit", error=str(error.orig))
        return _answer(400, _TEXTS[400])
    if isinstance(error, IntegrityError):
        _log.warning("request.twice", error=str(error.orig))
        return _answer(409, _TWICE)
    _log.exception("database.failed", error=type(error).__name__)
    answer = _answer(503, _BUSY)
    answer.headers["Retry-After"] = "5"
    return answer


def _beyond(error: OverflowError) -> Response:
    """A number that no row can have; PostgreSQL says so itself."""
    _log.warning("request.unfit", error=str(error))
    return _answer(400, _TEXTS[400])


def _broke(error: Exception) -> Response:
    _log.exception("request.failed", error=type(error).__name__)
    return _answer(500, _SORRY)


def _answer(status: int, text: str) -> Response:
    number = getattr(g, "request_id", "")
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        answer = jsonify(error=text, request=number)
    elif "HX-Request" in request.headers:
        answer = Response(text, mimetype="text/plain")
    else:
        answer = Response(render_template("error.html", text=text, status=status, number=number))
    answer.status_code = status
    return answer
