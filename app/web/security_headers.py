"""Security headers of every response (OWASP ASVS 3.4).

The Content-Security-Policy allows only our own files, inline scripts and styles only with the nonce
of the response, and no framing. A site whose pages must not be cached adds `forbid_storing`. What a
browser blocked, it reports to `csp_reports`.
"""

import secrets

from flask import Flask, Response, g, request

from app.web import csp_reports
from config import settings

# 'none' first: a kind of content that nobody thought of is refused and not allowed. `data:` is
# needed by the small images inside Tabler's stylesheet.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data:; font-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "
    "report-uri /csp-report"
)


def register(app: Flask) -> None:
    """Add the headers to every response, and `csp_nonce()` to the templates."""
    app.register_blueprint(csp_reports.blueprint)
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
    # the address of a one-time link must not be in the Referer of what its page loads
    has_secret = "secret" in (request.view_args or {})
    headers["Referrer-Policy"] = "origin" if has_secret else "same-origin"
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
