"""Security headers of every response (OWASP ASVS 3.4).

The Content-Security-Policy allows only our own files, inline scripts and styles only with the nonce
of the response, and no framing. A site whose pages must not be cached adds `forbid_storing`. What a
browser blocked, it reports to `/csp-report`.
"""

import secrets

from flask import Blueprint, Flask, Response, g, request

from config import logs, settings

_log = logs.get_logger(__name__)
# Anybody may send reports. A real one is much shorter; the rest would only fill the log.
_MAX_REPORT_LENGTH = 4096
# 'none' first: a kind of content that nobody thought of is refused and not allowed. `data:` is
# needed by the small images inside Tabler's stylesheet.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data:; font-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "
    "report-uri /csp-report"
)

blueprint = Blueprint("headers", __name__)


def register(app: Flask) -> None:
    """Add the headers to every response, and `csp_nonce()` to the templates."""
    app.register_blueprint(blueprint)
    app.after_request(_set_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def csp_nonce() -> str:
    """The nonce of this response: 128 random bits, the same at every call within the request."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    value: str = g.nonce
    return value


def _set_headers(response: Response) -> Response:
    headers = response.headers
    # setdefault: a view may have set a stricter one, as files that staff uploaded have
    headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=csp_nonce()))
    headers["X-Content-Type-Options"] = "nosniff"
    # for browsers that do not know frame-ancestors
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    # a browser that once saw this header refuses plain http for a year, so never on a development
    # machine
    if settings.get().base_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response


def forbid_storing(response: Response) -> Response:
    """Forbid browsers and proxies to store the response: a site's `after` hook. Returns it."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/csp-report")
def report() -> tuple[str, int]:
    """Log what a browser blocked. Always 204."""
    body = request.get_data(cache=False)[:_MAX_REPORT_LENGTH].decode("utf-8", "replace")
    _log.warning("csp.blocked", report=body)
    return "", 204
