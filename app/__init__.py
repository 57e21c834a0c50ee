"""The only Flask code: joins the rooms and runs the processes.

WSGI ──> callback (WeChat's pushes) ──> Flask: health, console, h5, api
"""

import secrets
from typing import Any

from flask import Flask, g, request
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from app import broker, callback, cli, console
from app.jobs import registry
from app.web import error_pages, health, security_headers
from config import logs, settings
from config.jobs import set_dispatcher

_csrf = CSRFProtect()
_ONE_TIME_LINKS_PATH = "/console/links/"


def create_app() -> Flask:
    """The application of a web process, and of the commands."""
    current = settings.get()
    logs.configure()
    app = Flask(__name__)
    is_https = current.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=current.secret_key,
        MAX_CONTENT_LENGTH=16 * 2**20,
        # a name with this prefix binds the cookie to this host and to https
        SESSION_COOKIE_NAME="__Host-hub" if is_https else "hub",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
        PASSWORD_LENGTH=current.password_length,
    )
    registry.register()
    set_dispatcher(broker.dispatch)
    error_pages.register(app)
    app.url_map.converters["int"] = _IdConverter
    app.before_request(_assign_request_id)
    app.register_blueprint(health.blueprint)
    security_headers.register(app)
    console.register(app)
    _csrf.init_app(app)
    _csrf.exempt(security_headers.blueprint)
    cli.register(app)
    if current.trusted_proxies:
        count = current.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    app.wsgi_app = callback.wrap_wsgi(app.wsgi_app)  # type: ignore[method-assign,assignment]  # Flask's own way
    return app


class _IdConverter(IntegerConverter):
    """A number in a path that a key column can hold; a longer one is nobody's: 404."""

    def __init__(self, map: Map, **bounds: Any) -> None:
        super().__init__(map, **({"max": 2**31 - 1} | bounds))


def _assign_request_id() -> None:
    """Every request has an id that its log lines, audit rows and error page share."""
    g.request_id = secrets.token_hex(6)
    # a one-time link is a secret
    path = (
        f"{_ONE_TIME_LINKS_PATH}***"
        if request.path.startswith(_ONE_TIME_LINKS_PATH)
        else request.path
    )
    logs.bind_request(request=g.request_id, path=path)
