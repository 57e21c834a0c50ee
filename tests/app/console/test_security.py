"""What keeps strangers out and secrets in, one by one; walks over all routes are in test_routes."""

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Blueprint, Flask, abort
from sqlalchemy import select, update

from app import create_app, models
from app.console import site as console_site
from app.web.auth import requires
from config import cache, clock, settings
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from config.permissions import Permission
from config.security.crypto import EncryptedText
from matrix.staff import members
from matrix.staff.members import Staff
from matrix.staff.sign_in import passwords, sessions, throttle
from matrix.staff.sign_in.sessions import StaffSession
from matrix.staff.sign_in.throttle import FailureCount
from tests.helpers.console import PASSWORD, Client, Console

FORGED = {"X-Forwarded-For": "198.51.100.66"}


def try_to_sign_in(client: Client, name: str, **options: Any) -> int:
    wrong = {"name": name, "password": "nicht das richtige"}
    return client.post("/console/sign-in", wrong, **options).status_code


def addresses() -> set[str]:
    """Every address that a failed sign-in left behind, in the audit and the throttle."""
    with read_only():
        rows = session.scalars(select(AuditEntry)).all()
        keys = session.scalars(select(FailureCount.key)).all()
    left = {key.partition(":")[2] for key in keys if key.startswith("address:")}
    told = {str(row.after["address"]) for row in rows if row.after and "address" in row.after}
    return left | told | {row.address for row in rows if row.address}


def test_a_forged_address_reaches_neither_log_nor_throttle(
    console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    try_to_sign_in(console.anonymous(), "nobody", headers=FORGED)
    assert addresses() == {"127.0.0.1"}
    assert "198.51.100.66" not in caplog.text


def test_behind_a_proxy_only_what_the_proxy_says_counts(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    settings.reset()
    behind = Console(create_app(), console.hub)
    said = {"X-Forwarded-For": "198.51.100.66, 192.0.2.10"}
    try_to_sign_in(behind.anonymous(), "nobody", headers=said)
    assert addresses() == {"192.0.2.10"}


def test_names_are_locked_with_redis_away(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/redis")
    settings.reset()
    cache.reset()
    person = console.person("editor", "police", password=PASSWORD)
    tries = [try_to_sign_in(console.anonymous(), person.sign_in_name) for _ in range(6)]
    assert set(tries) == {422}
    right = {"name": person.sign_in_name, "password": PASSWORD}
    answer = console.anonymous().post("/console/sign-in", right)
    assert "尝试次数过多" in answer.text
    with read_only():
        assert throttle.is_guessed(person.sign_in_name, now=clock.now())
    cache.reset()


def test_every_name_costs_the_same_work(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    known, disabled = (console.person("editor", "police", password=PASSWORD) for _ in range(2))
    without = console.person("editor", "police")
    with transaction():
        members.disable(disabled.id, now=clock.now())
    passwords._dummy_hash()  # made once in the life of a process
    checked = []
    fits = passwords._matches
    monkeypatch.setattr(passwords, "_matches", lambda *given: checked.append(given) or fits(*given))
    for name in (known.sign_in_name, "nobody", disabled.sign_in_name, without.sign_in_name):
        checked.clear()
        try_to_sign_in(console.anonymous(), name)
        assert [hashed[:10] for hashed, _ in checked] == ["$argon2id$"], name


def test_a_cookie_is_bound_to_this_host_and_hidden_from_scripts(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://hub.example")
    settings.reset()
    answer = create_app().test_client().get("/console/sign-in", base_url="https://hub.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert "Expires" not in cookie, "no sign-in is remembered"


def test_a_cookie_of_a_session_that_was_left_opens_nothing(console: Console) -> None:
    person = console.person()
    client, thief = console.client(person=person), console.anonymous()
    with client.flask.session_transaction() as kept:
        secret = kept["sid"]
    client.post("/console/sign-out")
    with thief.flask.session_transaction() as kept:
        kept["sid"] = secret
    assert thief.get("/console/").status_code == 302


@pytest.mark.parametrize(
    ("ago", "is_open"),
    [
        ({"seen_at": timedelta(minutes=29)}, True),
        ({"seen_at": timedelta(minutes=31)}, False),
        ({"created_at": timedelta(hours=11, minutes=59)}, True),
        ({"created_at": timedelta(hours=12, minutes=1)}, False),
    ],
)
def test_idle_and_old_sessions_end_by_the_servers_clock(
    console: Console, ago: dict[str, timedelta], is_open: bool
) -> None:
    client = console.client()
    assert client.staff is not None
    moments = {name: clock.now() - span for name, span in ago.items()}
    with transaction():
        session.execute(
            update(StaffSession).where(StaffSession.staff_id == client.staff.id).values(**moments)
        )
    assert (client.get("/console/").status_code == 200) is is_open


def test_the_session_gets_a_new_id_when_rights_rise(console: Console) -> None:
    person = console.person("reviewer_office", "police", second_factor=False)
    client = console.client(person=person)
    with client.flask.session_transaction() as kept:
        before = kept["sid"]
    client.get("/console/me/second-factor")
    client.post("/console/me/second-factor/begin")
    with read_only():
        secret = members.get(person.id).totp_secret
    assert client.post("/console/me/second-factor", {"code": _code(secret)}).status_code == 200
    with client.flask.session_transaction() as kept:
        after = kept["sid"]
    assert after != before
    with read_only():
        assert sessions.find(before, now=clock.now()) is None


def _code(secret: str | None) -> str:
    assert secret is not None
    return pyotp.TOTP(secret).at(clock.now())


def test_a_view_without_a_mark_is_closed(console: Console) -> None:
    app = create_app()
    pages = Blueprint("forgotten", __name__)
    pages.add_url_rule("/console/forgotten", "page", lambda: "open")
    app.register_blueprint(console_site.protect(pages))
    bare = Console(app, console.hub)
    assert bare.client().get("/console/forgotten").status_code == 403
    assert bare.anonymous().get("/console/forgotten").status_code == 302


@pytest.fixture
def broken(console: Console) -> Console:
    """An application with a page that fails and shows nothing of it."""
    app = create_app()

    @requires(*Permission)
    def fail() -> str:
        raise RuntimeError("the secret reason")

    app.add_url_rule("/console/broken", "broken", fail)
    app.add_url_rule("/console/gone", "gone", requires(*Permission)(lambda: abort(404)))
    return Console(app, console.hub)


def test_an_error_tells_a_number_and_nothing_else(
    broken: Console, caplog: pytest.LogCaptureFixture
) -> None:
    answer = broken.client().get("/console/broken")
    assert answer.status_code == 500
    number = re.search(r"请求编号 ([0-9a-f]{12})", answer.text)
    assert number is not None
    for inside in ("RuntimeError", "secret reason", "Traceback", ".py"):
        assert inside not in answer.text
    assert answer.headers["Content-Security-Policy"]
    log = caplog.text
    assert number[1] in log
    assert "the secret reason" in log, "the reason is for us"
    assert not broken.app.debug


def test_an_address_and_a_page_of_errors_hold_no_secrets(
    console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    person = console.person("editor", "police", password=PASSWORD)
    client = console.anonymous()
    client.post("/console/sign-in", {"name": person.sign_in_name, "password": PASSWORD})
    client.get("/console/links/a-secret-of-a-link")
    client.post("/console/sign-in", {"name": "nobody", "password": "typed into the wrong field"})
    with client.flask.session_transaction() as kept:
        secret = kept["sid"]
    log = caplog.text
    assert "/console/links/***" in log
    with read_only():
        told = str([(row.object_label, row.after) for row in session.scalars(select(AuditEntry))])
    for hidden in (PASSWORD, secret, "a-secret-of-a-link", "typed into the wrong field"):
        assert hidden not in log
        assert hidden not in told


def test_stored_secrets_are_sealed(console: Console) -> None:
    console.person()
    sealed = [
        (table, column)
        for table in models.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, EncryptedText)
    ]
    assert {"secret", "token", "aes_key", "totp_secret"} <= {column.name for _, column in sealed}
    with read_only():
        raw = session.connection().exec_driver_sql(
            "SELECT secret, token, aes_key FROM accounts UNION ALL"
            " SELECT totp_secret, totp_secret, totp_secret FROM staff"
        )
        kept = [value for row in raw for value in row if value is not None]
    assert kept
    assert all(value.startswith("gAAAA") for value in kept), "Fernet's mark"


def test_what_a_form_does_not_know_is_ignored(console: Console) -> None:
    admin, person = console.client("department_admin", "police"), console.person("editor", "police")
    before = _facts(person)
    form = {
        "name": "改名",
        "department_id": str(console.department_id("police")),
        "version": "1",
        "state": "disabled",
        "sign_in_name": "taken.over",
        "password_hash": "x",
        "totp_at": "",
        "id": "1",
        "role": "matrix_admin",
    }
    assert admin.post(f"/console/staff/{person.id}/edit", form).status_code == 303
    assert _facts(person) == before | {"name": "改名"}
    with read_only():
        row = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    changed = {name for name in row.after or {} if (row.before or {})[name] != row.after[name]}
    assert changed == {"name"}


def _facts(person: Staff) -> dict[str, Any]:
    with read_only():
        found = members.get(person.id)
        return members.audit_facts(found) | {"hash": found.password_hash, "totp": found.totp_at}


def test_the_application_never_runs_with_its_debugger(console: Console) -> None:
    app: Flask = console.app
    assert not app.debug
    assert not app.config["PROPAGATE_EXCEPTIONS"]


def test_a_body_of_many_megabytes_is_refused(console: Console) -> None:
    assert console.app.config["MAX_CONTENT_LENGTH"] == 16 * 2**20
    assert console.client().post("/console/sign-out", {"x": "y" * 17 * 2**20}).status_code == 413
