"""The only Flask code: joins the rooms and runs the processes.

WSGI ──> callback (WeChat's pushes) ──> Flask: health, console, h5, api
"""

import secrets

from flask import Flask, g, request

from app import broker, callback, cli, errors, health, jobs
from config import logs, settings
from config.jobs import announce_with


def create_app() -> Flask:
    """The application of a web process, and of the commands."""
    current = settings.get()
    logs.configure()
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=current.secret_key,
        MAX_CONTENT_LENGTH=16 * 2**20,
        SESSION_COOKIE_SECURE=current.address.startswith("https://"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    jobs.register()
    announce_with(broker.announce)
    errors.register(app)
    app.register_blueprint(health.blueprint)
    cli.register(app)
    app.before_request(_name_request)
    app.wsgi_app = callback.in_front_of(app.wsgi_app)  # type: ignore[method-assign,assignment]  # Flask's own way
    return app


def _name_request() -> None:
    """Every request has an id that its log lines, audit rows and error page share."""
    g.request_id = secrets.token_hex(6)
    logs.start_request(request=g.request_id, path=request.path)
