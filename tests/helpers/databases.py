"""Databases: SQLite and PostgreSQL, built once, given to each test as if it were alone.

    database_server (sqlite, postgresql) ── template ──┬── shared_database: each test rolled back
                                              └── own_database: a fresh copy for one test

A test that takes `rolled_back` or `own_database` runs once on each engine. Other tests have no
database at all: their first query fails.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from sqlalchemy.engine import make_url

from app import migrate
from config import database, settings
from config.database import session
from matrix.inbox import fast_store
from tests.helpers.postgres import PostgresServer

_SHARED = "TEST_POSTGRES_URL"  # address of a server that somebody else started


class Server(Protocol):
    """Something that makes databases. `name` is that of the engine."""

    name: str

    def make(self, name: str, *, template: str | None = None) -> str:
        """Make a database, empty or as a copy of another. Returns its address."""

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""


class _SqliteServer:
    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, *, template: str | None = None) -> str:
        path = self._folder / f"{name}.sqlite3"
        if template is not None:
            shutil.copyfile(self._folder / f"{template}.sqlite3", path)
        return f"sqlite:///{path}"

    def drop(self, name: str) -> None:
        for path in self._folder.glob(f"{name}.sqlite3*"):
            path.unlink()


class _PostgresServer:
    name = "postgresql"

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._prefix = prefix

    def make(self, name: str, *, template: str | None = None) -> str:
        source = f"{self._prefix}_{template}" if template else "template1"
        self._execute(f'CREATE DATABASE "{self._prefix}_{name}" TEMPLATE "{source}"')
        address = make_url(self._url).set(
            drivername="postgresql+psycopg", database=f"{self._prefix}_{name}"
        )
        return address.render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{self._prefix}_{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


def use_database(url: str) -> str:
    """Make `url` the database of this process. Returns the address that was."""
    before = os.environ["DATABASE_URL"]
    fast_store.reset()
    database.reset()
    os.environ["DATABASE_URL"] = url
    settings.reset()
    return before


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """One PostgreSQL for all processes of the run; they inherit its address."""
    if _SHARED not in os.environ:
        server = PostgresServer()
        os.environ[_SHARED] = server.url
        config.add_cleanup(server.close)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A running PostgreSQL server's address."""
    if _SHARED in os.environ:
        yield os.environ[_SHARED]
        return
    with PostgresServer() as server:
        yield server.url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Server]:
    """A server of each kind, with the database `template` that has the whole schema."""
    made: Server
    if request.param == "sqlite":
        made = _SqliteServer(tmp_path_factory.mktemp("sqlite"))
    else:
        made = _PostgresServer(
            request.getfixturevalue("postgres_url"), f"{worker_id}_{os.getpid()}"
        )
    before = use_database(made.make("template"))
    migrate.upgrade()
    use_database(before)
    yield made
    made.drop("template")


@pytest.fixture(scope="session")
def shared_database(database_server: Server) -> Iterator[str]:
    """The database that rolled-back tests share. Gives its address."""
    yield database_server.make("shared", template="template")
    database_server.drop("shared")


@pytest.fixture
def rolled_back(shared_database: str) -> Iterator[None]:
    """The test sees a real database and leaves no trace in it.

    What it commits is a savepoint. One thread only: others would wait for it or see nothing.
    """
    before = use_database(shared_database)
    connection = database.engine().connect()
    outer = connection.begin()
    session.configure(bind=connection, join_transaction_mode="create_savepoint")
    yield
    session.remove()
    session.configure(bind=None, join_transaction_mode="conditional_savepoint")
    outer.rollback()
    connection.close()
    use_database(before)


@pytest.fixture
def own_database(database_server: Server) -> Iterator[str]:
    """A database for this test alone, for threads and processes that really commit.

    Gives its address; this process uses it as well.
    """
    url = database_server.make("own", template="template")
    before = use_database(url)
    yield url
    use_database(before)
    database_server.drop("own")
