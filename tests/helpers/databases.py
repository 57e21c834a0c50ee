"""Databases for tests: SQLite and PostgreSQL, built once a run and isolated for each test.

    template "schema" ──> "city" ──────────> "samples"       migrations; departments, accounts and
         │                  │                   │            rules of `hub`; what a path can name
         ├── rolled_back    │                   │            one copy a process, rolled back
         └── own_database ──┴───────────────────┘            a copy for one test, which may commit

Of the processes of a run, the first that needs a template builds it; the others wait and copy it.

A test with one of these fixtures runs once on each engine. Tests of the console's pages (`console`)
run on SQLite alone: their SQL is that of the packages, whose own tests run on both, and the walk
over all routes (marked `both_engines`) opens every page on both. End-to-end tests without races
(`one_engine`) run on SQLite alone, too. `--engines=all` runs everything on both. Other tests have
no database: their first query fails.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url

from app import migrate, snapshots
from config import database, settings
from config.database import session
from matrix.inbox import fast_store
from tests.helpers import city, route_samples
from tests.helpers.console import Console
from tests.helpers.postgres import PostgresServer
from tests.helpers.postgres_contents import Contents
from tests.helpers.route_samples import Samples

ENGINES = ("sqlite", "postgresql")
SCHEMA, CITY, SAMPLES = "schema", "city", "samples"
# for each template: the one it is copied from, and the function that fills it; what the function
# returns is stored as JSON beside it
_TEMPLATES: dict[str, tuple[str | None, Callable[[], object]]] = {
    SCHEMA: (None, migrate.upgrade),
    CITY: (SCHEMA, city.found),
    SAMPLES: (CITY, route_samples.found),
}

_SHARED = "TEST_POSTGRES_URL"  # the URL of a server that runs already


class Server(Protocol):
    """Creates databases on one engine, whose name is `name`."""

    name: str

    def make(self, name: str, *, template: str | None = None) -> str:
        """Create a database, empty or as a copy of another. Returns its URL."""

    def drop(self, name: str) -> None:
        """Delete a database, also while others are connected to it."""

    def lend(self, template: str) -> str:
        """Provide a database with the content of the template. Returns its URL."""

    def take_back(self, template: str, *, is_sound: bool) -> None:
        """Take a database back; not `is_sound` when a process was killed while using it."""


class _SqliteServer:
    name = "sqlite"

    def __init__(self, folder: Path, templates: Path) -> None:
        self._folder = folder
        self._templates = templates

    def make(self, name: str, *, template: str | None = None) -> str:
        path = self._path(name)
        if template is not None:
            shutil.copyfile(self._path(template), path)
        return f"sqlite:///{path}"

    def drop(self, name: str) -> None:
        path = self._path(name)
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()

    def lend(self, template: str) -> str:
        return self.make("own", template=template)

    def take_back(self, template: str, *, is_sound: bool) -> None:
        self.drop("own")

    def _path(self, name: str) -> Path:
        folder = self._templates if name in _TEMPLATES else self._folder
        return folder / f"{name}.sqlite3"


class _PostgresServer:
    """Provides the same database again and again: refilling it takes a tenth of a new copy."""

    name = "postgresql"

    def __init__(self, url: str, run: str, worker: str) -> None:
        self._url = url
        self._run = run
        self._worker = worker
        self._stock: dict[str, Contents] = {}

    def make(self, name: str, *, template: str | None = None) -> str:
        source = self._name(template) if template else "template1"
        self._execute(f'CREATE DATABASE "{self._name(name)}" TEMPLATE "{source}"')
        return self._address(name).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{self._name(name)}" WITH (FORCE)')

    def lend(self, template: str) -> str:
        name = f"own_{template}"
        url = self._address(name)
        if template in self._stock:
            with psycopg.connect(_plain(url), autocommit=True) as connection:
                if self._stock[template].restore(connection):
                    return url.render_as_string(hide_password=False)
            self.take_back(template, is_sound=False)
        made = self.make(name, template=template)
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            self._stock[template] = Contents(connection)
        return made

    def take_back(self, template: str, *, is_sound: bool) -> None:
        if not is_sound:
            self._stock.pop(template, None)
            self.drop(f"own_{template}")

    def _name(self, name: str) -> str:
        owner = "all" if name in _TEMPLATES else self._worker
        return f"{self._run}_{owner}_{name}"

    def _address(self, name: str) -> URL:
        return make_url(self._url).set(drivername="postgresql+psycopg", database=self._name(name))

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _plain(url: URL) -> str:
    """The URL without SQLAlchemy's driver name, as libpq takes it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def use_database(url: str) -> str:
    """Make `url` the database of this process. Returns the URL it used before."""
    before = os.environ["DATABASE_URL"]
    fast_store.reset()
    database.reset()
    os.environ["DATABASE_URL"] = url
    settings.reset()
    return before


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engines",
        choices=("needed", "all"),
        default="needed",
        help="needed: pages of the console on SQLite only; all: every test on both engines",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the engines of each test that does not name them itself."""
    asked = metafunc.fixturenames
    named = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    if "database_server" not in asked or "database_server" in named:
        return
    marked = metafunc.definition.get_closest_marker
    one = (
        (("console" in asked and "processes" not in asked) or marked("one_engine") is not None)
        and marked("both_engines") is None
        and metafunc.config.getoption("--engines") == "needed"
    )
    metafunc.parametrize("database_server", ENGINES[:1] if one else ENGINES, indirect=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Start one PostgreSQL for all processes of the run, which inherit its URL."""
    if _SHARED not in os.environ:
        server = PostgresServer()
        os.environ[_SHARED] = server.url
        config.add_cleanup(server.close)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a running PostgreSQL server."""
    if _SHARED in os.environ:
        yield os.environ[_SHARED]
        return
    with PostgresServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share."""
    mine = tmp_path_factory.getbasetemp()
    return mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine


@contextmanager
def once_in_run(folder: Path, name: str) -> Iterator[bool]:
    """A lock among the processes of a run. Yields True to the one that has to make `name`."""
    done = folder / f"{name}.done"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


class _Templated:
    """A server that builds each template when it is first needed in a run."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.name = server.name
        self._server = server
        self._folder = folder
        self._ready: set[str] = set()

    def make(self, name: str, *, template: str | None = None) -> str:
        self._need(template)
        return self._server.make(name, template=template)

    def drop(self, name: str) -> None:
        self._server.drop(name)

    def lend(self, template: str) -> str:
        self._need(template)
        return self._server.lend(template)

    def take_back(self, template: str, *, is_sound: bool) -> None:
        self._server.take_back(template, is_sound=is_sound)

    def kept(self, template: str) -> Any:
        """What the function that filled the template returned."""
        self._need(template)
        return json.loads(self._notes(template).read_bytes())

    def _need(self, template: str | None) -> None:
        if template is None or template in self._ready:
            return
        source, build = _TEMPLATES[template]
        self._need(source)
        with once_in_run(self._folder, f"{self.name}_{template}") as is_first:
            if is_first:
                before = use_database(self._server.make(template, template=source))
                self._notes(template).write_text(json.dumps(build()), encoding="utf-8")
                use_database(before)
        self._ready.add(template)

    def _notes(self, template: str) -> Path:
        return self._folder / f"{self.name}_{template}.json"


@pytest.fixture(scope="session")
def sqlite_server(tmp_path_factory: pytest.TempPathFactory, run_folder: Path) -> _Templated:
    """Creates SQLite databases."""
    return _Templated(_SqliteServer(tmp_path_factory.mktemp("sqlite"), run_folder), run_folder)


@pytest.fixture(scope="session")
def postgresql_server(postgres_url: str, run_folder: Path) -> _Templated:
    """Creates PostgreSQL databases."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    return _Templated(_PostgresServer(postgres_url, f"t{run[:10]}", worker), run_folder)


@pytest.fixture
def database_server(request: pytest.FixtureRequest) -> _Templated:
    """The server of the engine this test runs on."""
    server: _Templated = request.getfixturevalue(f"{request.param}_server")
    return server


class _Shared:
    """The connections of `rolled_back`: one for each engine, open for the whole session."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, Connection]] = {}

    def at(self, server: Server) -> tuple[str, Connection]:
        """URL and connection of the database that rolled-back tests share."""
        if server.name not in self._open:
            url = server.make("shared", template=SCHEMA)
            self._open[server.name] = (url, _connected(url))
        url, connection = self._open[server.name]
        if connection.closed or connection.invalidated:
            self._open[server.name] = (url, _connected(url))
        return self._open[server.name]

    def close(self) -> None:
        """Close all connections."""
        for _, connection in self._open.values():
            connection.close()
            connection.engine.dispose()


def _connected(url: str) -> Connection:
    """A connection with the hub's settings, on an engine of its own."""
    before = use_database(url)
    connection = database.engine().connect()
    database.engine.reset()  # still open, but no longer the engine of this process
    use_database(before)
    return connection


@pytest.fixture(scope="session")
def shared_connections() -> Iterator[_Shared]:
    """The connections of `rolled_back`."""
    shared = _Shared()
    yield shared
    shared.close()


@pytest.fixture
def rolled_back(database_server: Server, shared_connections: _Shared) -> Iterator[None]:
    """Run the test in a transaction of a real database that is rolled back afterwards.

    Commits of the test become savepoints. For one thread only: others would wait for its locks, or
    would not see what it wrote.
    """
    url, connection = shared_connections.at(database_server)
    before = use_database(url)
    # the previous test may have left the connection read-only
    connection.execution_options(is_read_only=False)
    outer = connection.begin()
    session.configure(bind=connection, join_transaction_mode="create_savepoint")
    yield
    session.remove()
    session.configure(bind=None, join_transaction_mode="conditional_savepoint")
    outer.rollback()
    use_database(before)


@pytest.fixture
def template(request: pytest.FixtureRequest) -> str:
    """The template of the test's own database, by the fixtures it uses."""
    asked = request.fixturenames
    return SAMPLES if "route_samples" in asked else CITY if "hub" in asked else SCHEMA


@pytest.fixture
def own_database(
    request: pytest.FixtureRequest, database_server: Server, template: str
) -> Iterator[str]:
    """A database for this test alone, for threads and processes that really commit.

    Empty by default; with the city's departments, accounts and rules for tests that use `hub`, and
    with the samples for those that use `route_samples`. Yields its URL; this process uses it, too.
    """
    url = database_server.lend(template)
    # what is kept beside a database belongs to no other; the folder is made when it is needed
    folder = Path(tempfile.gettempdir()) / f"hub-tests-{uuid4().hex}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VAR_DIR", str(folder))
        before = use_database(url)
        yield url
    use_database(before)
    shutil.rmtree(folder, ignore_errors=True)
    database_server.take_back(template, is_sound="processes" not in request.fixturenames)


@pytest.fixture
def start_over(own_database: str, database_server: Server, template: str) -> Callable[[], None]:
    """A function that puts the test's own database back into its initial state."""

    def again() -> None:
        before = use_database(own_database)
        assert database_server.lend(template) == before
        snapshots.reset()

    return again


@pytest.fixture
def route_samples(console: Console, database_server: _Templated) -> Samples:
    """One of everything that a path of the console can name, in the departments police and hrss."""
    return Samples(console.app, database_server.kept(SAMPLES))
