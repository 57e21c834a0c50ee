"""A small WeChat of its own: the API that accounts call, and a phone for citizens to play on.

    account's server  ── /cgi-bin/… ──>  api ─┐
                                              world (in memory, kept in a SQLite file)
    citizen's page    ── /, /phone/… ─> phone ┘     │
    account's server  <── POST /wechat/<appid> ── callbacks (signed, sealed, 5 s, three times)

    python -m simulator            SIMULATOR_PORT, SIMULATOR_ACCOUNTS, CALLBACK_BASE, VAR_DIR

It imports nothing of the project and reads none of its settings, so that an error in ours cannot
hide behind the same error here. Tests build one with `create` and run it with `serve`; what they
may turn and read is listed in `control`, how they play a citizen in `phone`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator import admin_api, phone
from simulator.accounts.accounts import Account, from_fields, read_file
from simulator.api import dispatch
from simulator.core.errors import ActionRejected, ApiError
from simulator.platform import Platform

MAX_REQUEST_BYTES = 16 * 1024 * 1024

__all__ = ["create", "platform_of", "run", "serve"]


def create(
    accounts: Path | str | Iterable[Account | dict[str, Any]],
    callback_base: str,
    state: Path | None = None,
) -> Flask:
    """A simulator as a Flask app.

    accounts: a YAML file, or accounts or mappings in its shape. callback_base: where pushes go,
    e.g. `http://127.0.0.1:8000`; the path is /wechat/<appid>. state: a SQLite file that remembers
    over restarts, or None.
    """
    if isinstance(accounts, (Path, str)):
        chosen = read_file(Path(accounts))
    else:
        chosen = [one if isinstance(one, Account) else from_fields(one) for one in accounts]
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.extensions["platform"] = Platform(chosen, callback_base=callback_base, state=state)
    app.register_blueprint(dispatch.blueprint)
    app.register_blueprint(admin_api.blueprint)
    app.register_blueprint(phone.blueprint)
    app.register_error_handler(ActionRejected, _action_rejected)
    app.register_error_handler(ApiError, _api_error_on_phone)
    return app


def platform_of(app: Flask) -> Platform:
    """Everything the app knows, for tests in the same process."""
    platform: Platform = app.extensions["platform"]
    return platform


def serve(app: Flask, port: int, *, host: str = "127.0.0.1") -> None:
    """Serve until the process ends; each request in a thread of its own."""
    server = make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
    server.serve_forever()


@contextmanager
def run(app: Flask, *, port: int = 0) -> Iterator[str]:
    """Serve in a thread while the block runs; gives the address, on a free port by default."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(
        target=server.serve_forever, args=(0.02,), daemon=True, name="simulator"
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        platform_of(app).storage.close()


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open and leaves the telling to the journal."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _action_rejected(error: ActionRejected) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400


def _api_error_on_phone(error: ApiError) -> tuple[Response, int]:
    return jsonify(error=f"{error.errmsg}（{error.errcode}）"), 400
