"""Health: what a load balancer, a monitor and a person with a wrong address are told."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app, migrate, snapshots
from config import cache, clock, jobs, settings
from config.alerts import raise_alert
from config.database import transaction
from config.errors import Invalid, Temporary
from config.jobs import JobAlert
from tests.helpers import ports
from tests.helpers.databases import use_database
from tests.helpers.hub import Hub
from tests.helpers.redis_server import RedisServer
from tests.helpers.sample_names import SampleJob

HERE = {"REMOTE_ADDR": "127.0.0.1"}
AWAY = {"REMOTE_ADDR": "192.0.2.7"}
NOWHERE = "postgresql://nobody@127.0.0.1:{port}/nothing"


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    # as in a command: without the thread that looks at the revisions
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    snapshots.reset()
    yield create_app()
    jobs.set_dispatcher(None)
    jobs.register(transactional={}, non_transactional={})
    snapshots.reset()


@pytest.fixture
def client(application: Flask) -> FlaskClient:
    return application.test_client()


@contextmanager
def silent_server() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def ready(client: FlaskClient) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    said: dict[str, Any] = answer.get_json()
    return answer.status_code, said


# ---- alive and ready ----


def test_a_process_without_anything_behind_it_is_alive(client: FlaskClient) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("own_database", "redis_url")
def test_with_database_and_redis_it_is_ready(client: FlaskClient) -> None:
    assert ready(client) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


@pytest.mark.usefixtures("own_database")
def test_without_redis_it_is_ready_and_says_so(
    client: FlaskClient, redis_server: RedisServer
) -> None:
    redis_server.kill()
    assert ready(client) == (200, {"status": "degraded", "database": "ok", "redis": "away"})

    redis_server.start()
    cache.reset()
    assert ready(client)[1]["status"] == "ok"


@pytest.mark.usefixtures("own_database")
def test_with_migrations_to_come_it_is_not_ready(client: FlaskClient) -> None:
    migrate.downgrade("0001")

    status, said = ready(client)

    assert (status, said["database"]) == (503, "migrations pending")


@pytest.mark.parametrize("url", [NOWHERE, "sqlite:////nonexistent/folder/hub.sqlite3"])
@pytest.mark.timeout(60)
def test_without_a_database_it_is_not_ready(client: FlaskClient, url: str) -> None:
    before = use_database(url.format(port=ports.free()))

    status, said = ready(client)
    use_database(before)

    assert (status, said["status"], said["database"]) == (503, "unavailable", "away")
    assert client.get("/healthz").status_code == 200


@pytest.mark.timeout(60)
def test_a_database_that_never_answers_is_not_waited_for(client: FlaskClient) -> None:
    """A listener that accepts and says nothing; the settings bound the wait, not the network."""
    with silent_server() as port:
        before = use_database(NOWHERE.format(port=port))
        status, said = ready(client)
        use_database(before)

    assert (status, said["database"]) == (503, "away")


# ---- figures ----


@pytest.mark.usefixtures("own_database")
def test_figures_are_for_this_machine_only(client: FlaskClient) -> None:
    assert client.get("/metrics", environ_base=HERE).status_code == 200
    assert client.get("/metrics", environ_base=AWAY).status_code == 404
    forwarded = {"X-Forwarded-For": "192.0.2.7"}
    assert client.get("/metrics", environ_base=HERE, headers=forwarded).status_code == 404


@pytest.mark.usefixtures("own_database")
def test_with_a_token_figures_are_for_who_has_it(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "a-token-of-the-monitor")
    settings.reset()

    def ask(**headers: str) -> int:
        return client.get("/metrics", environ_base=AWAY, headers=headers).status_code

    assert ask() == 404
    assert ask(Authorization="Bearer another") == 404
    assert ask(Authorization="Bearer 令牌".encode().decode("latin-1")) == 404
    assert ask(Authorization="Bearer a-token-of-the-monitor") == 200
    assert client.get("/metrics", environ_base=HERE).status_code == 404, "also here"


def test_figures_tell_of_pushes_jobs_and_alerts(hub: Hub, client: FlaskClient) -> None:
    with transaction():
        jobs.enqueue(SampleJob.UNKNOWN)
        raise_alert(JobAlert.DEAD, 1, "后台任务失败", now=clock.now())
    hub.push("police", hub.text("o1", "身份证"))

    figures = client.get("/metrics", environ_base=HERE).text

    assert 'hub_callbacks_total{result="answered"}' in figures
    assert "hub_callback_seconds_bucket" in figures
    waiting = len(hub.keys) + 1  # each account is to be connected
    assert f'hub_jobs{{state="waiting"}} {float(waiting)}' in figures
    assert 'hub_alerts_open{kind="job.dead"} 1.0' in figures


# ---- errors ----


@pytest.fixture
def broken(application: Flask) -> FlaskClient:
    """The application with three addresses that fail."""

    def fail() -> str:
        raise RuntimeError("a secret inside of the machine")

    def refuse() -> str:
        raise Invalid(field="姓名", problem="不能为空")

    def wait() -> str:
        raise Temporary(retry_after=30)

    for path, view in (("/fail", fail), ("/api/v1/fail", fail), ("/no", refuse), ("/wait", wait)):
        application.add_url_rule(path, path, view)
    return application.test_client()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/fail", 500, "系统出错了"),
        ("/no", 422, "姓名：不能为空"),
        ("/wait", 503, "系统繁忙"),
        ("/nothing/here", 404, "没有找到"),
    ],
)
def test_an_error_is_a_chinese_page_with_the_number_of_the_request(
    broken: FlaskClient, path: str, status: int, words: str
) -> None:
    answer = broken.get(path)

    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert words in answer.text
    assert "请求编号" in answer.text
    for leak in ("Traceback", "RuntimeError", "a secret inside", str(Path(__file__).parents[3])):
        assert leak not in answer.text


def test_each_request_has_a_number_of_its_own(broken: FlaskClient) -> None:
    assert broken.get("/nothing").text != broken.get("/nothing").text


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/api/v1/fail", {}), ("/fail", {"Accept": "application/json"})],
)
def test_a_program_gets_the_error_as_json(
    broken: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    answer = broken.get(path, headers=headers)

    assert answer.status_code == 500
    said = answer.get_json()
    assert set(said) == {"error", "request"}
    assert said["error"].startswith("系统出错了")
    assert said["request"]


def test_who_must_wait_is_told_how_long(broken: FlaskClient) -> None:
    assert broken.get("/wait").headers["Retry-After"] == "30"


def test_a_refused_method_is_a_page_too(broken: FlaskClient) -> None:
    answer = broken.post("/healthz")

    assert answer.status_code == 405
    assert "请求的方式不受支持" in answer.text
