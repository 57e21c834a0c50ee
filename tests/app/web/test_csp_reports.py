"""Reports of browsers: logged in few words, few times, and without secrets."""

import io
import json
import logging
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.web import csp_reports
from config import clock, logs
from tests.helpers.console import Console


@pytest.fixture(autouse=True)
def fresh_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp_reports._Budget, "since", None)
    monkeypatch.setattr(csp_reports._Budget, "count", 0)


def send(console: Console, body: bytes | str) -> int:
    client = console.app.test_client()
    return client.post("/csp-report", data=body, content_type="application/csp-report").status_code


def report(**fields: object) -> str:
    return json.dumps({"csp-report": {name.replace("_", "-"): fields[name] for name in fields}})


def test_of_addresses_only_the_path_is_logged(console: Console) -> None:
    body = report(
        document_uri="https://user:pw@hub.example/console/audit/?q=13800138000#part",
        blocked_uri="data:text/plain,all%20of%20it",
        effective_directive="script-src",
        script_sample="secret words",
    )
    with capture_logs() as lines:
        assert send(console, body) == 204
    assert lines == [
        {
            "event": "csp.blocked",
            "log_level": "warning",
            "room": "app.web.csp_reports",
            "document_uri": "https://hub.example/console/audit/",
            "blocked_uri": "data",
            "effective_directive": "script-src",
        }
    ]


def test_a_one_time_link_reaches_no_log(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    handlers = logging.getLogger().handlers[:]
    logs.configure()
    try:
        secret = "xg5yq0Zl1cVZ0TqmJt3mYzT0l2y5l0bq1r5c7e9u3k8"
        link = f"https://hub.example/console/links/{secret}"
        send(console, report(document_uri=link, source_file=link))
        client = console.app.test_client()
        # also where no route matches: another method, another ending
        for path in (link, f"{link}/", f"{link}/more"):
            client.get(path)
            client.put(path)
        logs.get_logger("tests").error("noun.failed", text=f"cannot open {link}")
    finally:
        logging.getLogger().handlers[:] = handlers
    assert "csp.blocked" in written.getvalue()
    assert "/console/links/***" in written.getvalue()
    assert secret not in written.getvalue()


def test_the_page_of_a_link_tells_its_address_to_nobody(console: Console) -> None:
    answer = console.app.test_client().get("/console/links/some-secret")
    assert answer.headers["Referrer-Policy"] == "origin"
    answer = console.app.test_client().get("/console/sign-in")
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_flood_is_counted_and_not_logged(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as lines:
        assert {send(console, report(blocked_uri="inline")) for _ in range(50)} == {204}
    assert len(lines) == csp_reports.MAX_PER_MINUTE
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    with capture_logs() as lines:
        send(console, report(blocked_uri="inline"))
    assert [line["event"] for line in lines] == ["csp.reports_dropped", "csp.blocked"]
    assert lines[0]["count"] == 50 - csp_reports.MAX_PER_MINUTE


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '{"csp-report": 3}', "[" * 5000, b"\xff\xfe"]
)
def test_what_is_no_report_is_not_logged(console: Console, body: bytes | str) -> None:
    with capture_logs() as lines:
        assert send(console, body) == 204
    assert lines == []


def test_a_long_report_is_refused(console: Console) -> None:
    assert send(console, "x" * (csp_reports.MAX_BYTES + 1)) == 413
