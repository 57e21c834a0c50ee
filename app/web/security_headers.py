"""Headers of every answer: what a browser may do with a page of ours.

A page runs only our own files, and inline only what carries the answer's nonce; nobody may frame
it; pages of the console are kept nowhere. What a browser blocked it tells `/csp-report`.
"""

import secrets

from flask import Blueprint, Flask, Response, g, request

from app.web.unit_of_work import CONSOLE_PREFIX
from config import logs, settings

_log = logs.get_logger(__name__)
_MAX_REPORT_LENGTH = 4096
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data:; font-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "
    "report-uri /csp-report"
)

blueprint = Blueprint("headers", __name__)


def register(app: Flask) -> None:
    """Put the headers on every answer, and give templates `csp_nonce()`."""
    app.register_blueprint(blueprint)
    app.after_request(_set_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def csp_nonce() -> str:
    """The nonce of this answer."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    value: str = g.nonce
    return value


def _set_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=csp_nonce()))
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    if settings.get().base_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.path.startswith(CONSOLE_PREFIX):
        headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/csp-report")
def report() -> tuple[str, int]:
    """Write down what a browser blocked."""
    body = request.get_data(cache=False)[:_MAX_REPORT_LENGTH].decode("utf-8", "replace")
    _log.warning("csp.blocked", report=body)
    return "", 204
