"""The only package that uses Flask: it joins the other packages and runs the processes.

    WSGI server ──> callback (WeChat's pushes) ──> Flask: health, console

The packages below it share no code with each other; where two must work together, the code stands
here (dialogue, snapshots, jobs).
"""

import secrets
from typing import Any

from flask import Flask, g, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from app import broker, callback, cli, console
from app.jobs import registry
from app.web import error_pages, health, security_headers, sites
from app.web.requests import CleanRequest
from config import logs, settings
from config.jobs import set_dispatcher


def create_app() -> Flask:
    """The Flask application of a web process and of the commands.

    Raises SettingsError when a setting is wrong or missing.
    """
    current = settings.get()
    logs.configure()
    app = Flask(__name__)
    app.request_class = CleanRequest
    _configure(app, current)
    registry.register()
    set_dispatcher(broker.dispatch, urgent=broker.dispatch_urgent)
    error_pages.register(app)
    # before any blueprint: a route looks its converters up when it is registered
    app.url_map.converters["int"] = _IdConverter
    app.before_request(_assign_request_id)
    app.register_blueprint(health.blueprint)
    security_headers.register(app)
    console.register(app)
    sites.csrf.init_app(app)
    cli.register(app)
    # Only the configured number of entries of X-Forwarded-* is believed, counted from the right:
    # whatever a client wrote there itself stands further left (OWASP ASVS 4.1.3).
    if current.trusted_proxies:
        count = current.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    # The outermost layer, so that a push costs neither ProxyFix nor Flask (docs/decisions/0002).
    # It may skip ProxyFix because nothing about a push depends on the client's address.
    app.wsgi_app = callback.wrap_wsgi(app.wsgi_app)  # type: ignore[method-assign,assignment]  # Flask's own way
    return app


def _configure(app: Flask, current: settings.Settings) -> None:
    is_https = current.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=current.secret_key,
        # Werkzeug refuses larger bodies with 413 before a view reads them. The largest upload is
        # a video of WeChat's limit, 10 MB; the rest is room for the other fields of a form.
        MAX_CONTENT_LENGTH=16 * 2**20,
        # a name with this prefix binds the cookie to this host and to https
        SESSION_COOKIE_NAME="__Host-hub" if is_https else "hub",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        # Lax is enough against forged POSTs; with Strict, a link to the console from a chat or a
        # mail would arrive without the session and ask for a sign-in.
        SESSION_COOKIE_SAMESITE="Lax",
        # a year, in seconds: the address of a static file holds a hash of its content
        # (template_globals.asset), so a changed file has another address
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
        WTF_CSRF_CHECK_DEFAULT=False,  # each site checks it, after its guard
        PASSWORD_LENGTH=current.password_length,
    )


class _IdConverter(IntegerConverter):
    """A number in a path that fits an INTEGER column of PostgreSQL; a larger one is answered 404.

    Without the limit the database or its driver would refuse the value, and a mistyped link would
    look like a failure of the hub.
    """

    def __init__(self, map: Map, **bounds: Any) -> None:
        super().__init__(map, **({"max": 2**31 - 1} | bounds))


def _assign_request_id() -> None:
    """Give the request an id that its log lines, jobs, audit rows and error page share."""
    g.request_id = secrets.token_hex(6)
    # A route names a part of its path `secret` when whoever knows it may act, as with one-time
    # links. It must not stand in the log, where more people can read it.
    secret = (request.view_args or {}).get("secret")
    path = request.path.replace(secret, "***") if secret else request.path
    logs.bind_request(request=g.request_id, path=path)
