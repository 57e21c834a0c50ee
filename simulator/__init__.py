"""A simulator of the WeChat platform: the API that accounts call, and a phone to play citizens on.

It also plays the group robots of 企业微信 and DingTalk (`robots`), which staff are told by.

    account's server  ── /cgi-bin/… ──>  api ─┐
                                              platform (in memory, saved to a SQLite file)
    citizen's page    ── /, /phone/… ─> phone ┘     │
    account's server  <── POST /wechat/<appid> ── callbacks (signed, encrypted, 5 s, 3 attempts)

    python -m simulator            SIMULATOR_PORT, SIMULATOR_ACCOUNTS, CALLBACK_BASE, VAR_DIR

It imports nothing of the project and reads none of its settings, so that a misunderstanding of the
protocol in the project cannot be repeated here and go unnoticed. Tests make one with `create` and
run it with `run`; `admin_api` lists what they can switch and read, `phone` how they act as a
citizen.

Floors, each importing only those before it: core (clock, storage, faults, log), accounts (accounts,
followers, tokens, quotas), content (menus, media, QR codes), messaging (pushes, callbacks, chats),
platform (all of these), api and citizen_actions, admin_api, phone and robots.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, Response, jsonify
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator import admin_api, phone, robots
from simulator.accounts.accounts import Account, from_fields, read_file
from simulator.api import dispatch
from simulator.core.errors import ActionRejected, ApiError
from simulator.core.json_object import JsonObject
from simulator.platform import Platform

# the largest legal upload is a file of 10 MB (images, videos); the rest is room for the multipart
# frame
MAX_REQUEST_BYTES = 16 * 1024 * 1024

__all__ = ["create", "platform_of", "run", "serve"]


def create(
    accounts: Path | str | Iterable[Account | JsonObject],
    callback_base: str,
    state: Path | None = None,
) -> Flask:
    """A simulator as a Flask app.

    `accounts`: a YAML file, or a list of accounts or of mappings in the shape of that file.
    `callback_base`: scheme and host that pushes go to, e.g. `http://127.0.0.1:8000`; the path is
    /wechat/<appid>. `state`: a SQLite file that keeps the state over restarts, or None.
    """
    if isinstance(accounts, (Path, str)):
        chosen = read_file(Path(accounts))
    else:
        chosen = [one if isinstance(one, Account) else from_fields(one) for one in accounts]
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    # developers compare answers with WeChat's documentation, which lists fields in this order and
    # not in that of the alphabet
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.extensions["platform"] = Platform(chosen, callback_base=callback_base, state=state)
    app.register_blueprint(dispatch.blueprint)
    app.register_blueprint(admin_api.blueprint)
    app.register_blueprint(phone.blueprint)
    app.register_blueprint(robots.blueprint)
    app.register_error_handler(ActionRejected, _action_rejected)
    app.register_error_handler(ApiError, _api_error_on_phone)
    return app


def platform_of(app: Flask) -> Platform:
    """The platform behind an app, for tests in the same process."""
    platform: Platform = app.extensions["platform"]
    return platform


def serve(app: Flask, port: int, *, host: str = "127.0.0.1") -> None:
    """Serve until the process ends; each request in a thread of its own."""
    # threads, because a long poll of a phone page holds its request for up to twenty seconds
    server = make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
    server.serve_forever()


@contextmanager
def run(app: Flask, *, port: int = 0) -> Iterator[str]:
    """Serve in a thread while the block runs; yields the base URL. Port 0 takes a free port."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(
        # shutdown() waits for the next turn of the loop: the default of half a second would be
        # spent at the end of every test
        target=server.serve_forever,
        args=(0.02,),
        daemon=True,
        name="simulator",
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        # deliveries of pushes may still be running in their threads; after this their writes are
        # dropped instead of failing
        platform_of(app).storage.close()


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open; requests are logged in the request log, not on the terminal."""

    # clients of the API keep connections open, as they do with api.weixin.qq.com; HTTP/1.0 would
    # close after each answer and hide errors of reused connections
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def _action_rejected(error: ActionRejected) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400


# stores raise ApiError for API calls; when an action on the phone meets one, a person must read it
def _api_error_on_phone(error: ApiError) -> tuple[Response, int]:
    return jsonify(error=f"{error.errmsg}（{error.errcode}）"), 400
