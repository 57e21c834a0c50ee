"""The console as staff meet it: people with roles, signed in, in a test client or in a browser.

    console.client("editor", "police")  ──> a client of Flask, signed in as an editor of the police
    site                             ──> the same application behind a real socket
    console.sign_in(page, site, "editor", "police")      signs a browser in

Departments and accounts are those of `hub`: release (the city) above police and hrss.
"""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from playwright.sync_api import Page
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

import app as app_folder
from app import broker, create_app, snapshots
from app.jobs import registry
from config import clock
from config.database import read_only, transaction
from config.database.optimistic_locking import update_unversioned
from config.jobs import set_dispatcher
from matrix import accounts, departments
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from matrix.staff.sign_in import passwords, sessions
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage
from tests.helpers.hub import Hub

ADDRESS = "http://127.0.0.1"  # where staff reach the application
PASSWORD = "竹杖芒鞋轻胜马 2026"
_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Client:
    """A signed-in browser without a window."""

    def __init__(self, flask: FlaskClient, staff: Staff | None) -> None:
        self.flask = flask
        self.staff = staff
        self._token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        answer = self.flask.get(path, **options)
        self._remember_csrf_token(answer)
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Hand a form in, with the token of the page seen last."""
        for page in (path, "/console/me/", "/console/sign-in"):
            if not self._token:
                self.get(page)
        answer = self.flask.post(path, data={"csrf_token": self._token, **(data or {})}, **options)
        self._remember_csrf_token(answer)
        return answer

    def _remember_csrf_token(self, answer: TestResponse) -> None:
        if answer.status_code >= 300 and answer.status_code < 400:
            self._token = ""  # the session may be another now
        elif answer.mimetype == "text/html" and (found := _CSRF.search(answer.text)):
            self._token = found[1]


class Console:
    """The people of the test and their browsers; the first is person number `after` + 1."""

    def __init__(self, app: Flask, hub: Hub, *, after: int = 0) -> None:
        self.app = app
        self.hub = hub
        self._count = after

    def department_id(self, code: str | None) -> int | None:
        """A department's id; None for none."""
        if code is None:
            return None
        with transaction():
            return departments.get_by_slug(code).id

    def account_id(self, code: str) -> int:
        """The id of the account of a department of `hub`."""
        with transaction():
            return accounts.get_by_appid(self.hub.keys[code].appid).id

    def person(
        self,
        role: str | None = "matrix_admin",
        department: str | None = None,
        *,
        account: str | None = None,
        password: str | None = None,
        second_factor: bool = True,
    ) -> Staff:
        """Somebody new, with a role in a department's subtree, at an account or in the city."""
        self._count += 1
        owner = self.department_id(department)
        account_id = self.account_id(account) if account else None
        now = clock.now()
        with transaction():
            made = members.create(
                sign_in_name=f"person{self._count}",
                name=f"某{'甲乙丙丁戊己庚辛壬癸'[self._count % 10]}{self._count}",
                department_id=owner,
                now=now,
            )
            if password:
                passwords.set_password(made, password, now=now)
            if second_factor:
                update_unversioned(
                    made, totp_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", totp_at=now
                )
            if role is not None:
                granted_in = None if account_id else owner
                wish = GrantSpec(role=Role(role), department_id=granted_in, account_id=account_id)
                grants.create(made.id, wish, by=None, now=now)
        return made

    def client(
        self,
        role: str | None = "matrix_admin",
        department: str | None = None,
        *,
        account: str | None = None,
        person: Staff | None = None,
        fresh: bool = True,
    ) -> Client:
        """A client signed in as somebody new, or as `person`.

        Without `fresh` the second factor was proven too long ago for dangerous deeds.
        """
        person = person or self.person(role, department, account=account)
        flask = self.app.test_client()
        secret = self._start_session(person, fresh=fresh)
        with flask.session_transaction() as kept:
            kept["sid"] = secret
        return Client(flask, person)

    def anonymous(self) -> Client:
        """A client nobody is signed in with."""
        return Client(self.app.test_client(), None)

    def sign_in(
        self,
        page: Page,
        site: str,
        role: str | None = "matrix_admin",
        department: str | None = None,
        *,
        person: Staff | None = None,
        fresh: bool = True,
    ) -> Staff:
        """Sign a real browser in at `site`."""
        person = person or self.person(role, department)
        name, value = self.cookie(person, fresh=fresh)
        page.context.add_cookies([{"name": name, "value": value, "url": site}])
        return person

    def cookie(self, person: Staff, *, fresh: bool = True) -> tuple[str, str]:
        """Name and value of the cookie of a new session."""
        signer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]  # Flask's own interface has it
        value: str = signer.dumps({"sid": self._start_session(person, fresh=fresh)})
        return self.app.config["SESSION_COOKIE_NAME"], value

    def _start_session(self, person: Staff, *, fresh: bool) -> str:
        with transaction():
            return sessions.start(
                person.id,
                SessionStage.FULL,
                ClientInfo("127.0.0.1", "tests"),
                now=clock.now(),
                confirmed=fresh,
            )


def totp_code(person: Staff, steps: int = 0) -> str:
    """What the person's authenticator shows, or shows so many steps later."""
    with read_only():
        secret = members.get(person.id).totp_secret
    assert secret is not None
    return pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30 * steps))


@pytest.fixture
def console(hub: Hub, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Console:
    """People who sign in to the application. It is reached over http."""
    monkeypatch.setenv("PUBLIC_URL", ADDRESS)
    snapshots.refresh()
    staffed = Console(application(), hub)
    # a test of jobs may have registered handlers and a dispatcher of its own since
    registry.register()
    set_dispatcher(broker.dispatch, urgent=broker.dispatch_urgent)
    return staffed


@cache
def application() -> Flask:
    """The application of all tests of a process: it compiles its templates once."""
    made = create_app()
    made.testing = True
    made.view_functions["static"] = _static
    return made


def _static(filename: str) -> Response:
    """A static file, whole: a browser that goes away in the middle leaves no file open."""
    content = (Path(app_folder.__file__).parent / "static" / filename).read_bytes()
    return Response(content, mimetype=guess_type(filename)[0])


class _RequestHandler(WSGIRequestHandler):
    """One connection a request: none is kept that both sides may close at the same moment."""

    protocol_version = "HTTP/1.0"
    timeout = 10.0  # seconds for a connection that says nothing

    def log_request(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(console: Console) -> Iterator[str]:
    """The application behind a socket of this machine. Gives its address, without a slash."""
    server = make_server(
        "127.0.0.1", 0, console.app, threaded=True, request_handler=_RequestHandler
    )
    server.daemon_threads = False  # type: ignore[attr-defined]  # so that closing waits for answers under way
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
