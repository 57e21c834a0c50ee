"""Fast store: short transactions on a driver connection that stays open, below SQLAlchemy's
session.

Only `inbox.receive` and `history.list_recent` may use this. They are the path of every message, and
there the session's bookkeeping costs ten times the work itself (measured: 1.2 million instructions
with a session, 0.16 without). The price is that statements are compiled by hand and values are
converted here (`to_driver_value`) and there, not by SQLAlchemy's types.

The work must be idempotent: after a lost connection it runs once more, and nobody can know whether
the first attempt was committed.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from enum import Enum
from operator import itemgetter
from typing import Any, TypeVar

import psycopg
from sqlalchemy import ClauseElement
from sqlalchemy.exc import OperationalError

from config.database import engine
from matrix.inbox.group_commit import GroupCommit

T = TypeVar("T")
Values = dict[str, Any]
Execute = Callable[["CompiledStatement"], Any]

_CONNECTION_ERRORS = (sqlite3.OperationalError, psycopg.OperationalError)


class CompiledStatement:
    """A Core statement as SQL text, compiled for the engine on first use."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._on_sqlite: tuple[str, Callable[[Values], Any], Values] | None = None
        self._on_postgresql: tuple[str, Values] | None = None

    def on_sqlite(self) -> tuple[str, Callable[[Values], Any], Values]:
        """SQL text, a function that picks the positional parameters out of the values, and
        constants.
        """
        if self._on_sqlite is None:
            compiled = self._statement.compile(dialect=engine().dialect)
            # qmark style is positional; `positiontup` exists on the compiler of such dialects only
            order: list[str] = compiled.positiontup  # type: ignore[attr-defined]
            constants = {
                name: to_driver_value(value, is_sqlite=True)
                for name, value in compiled.params.items()
                if value is not None
            }
            self._on_sqlite = (str(compiled), itemgetter(*order), constants)
        return self._on_sqlite

    def on_postgresql(self) -> tuple[str, Values]:
        """SQL text with named parameters, and the constants it contains."""
        if self._on_postgresql is None:
            compiled = self._statement.compile(dialect=engine().dialect)
            constants = {
                name: to_driver_value(value, is_sqlite=False)
                for name, value in compiled.params.items()
                if value is not None
            }
            self._on_postgresql = (str(compiled), constants)
        return self._on_postgresql


_NATIVE_TYPES = frozenset({str, int, bool, float, bytes, type(None)})
# SQLAlchemy stores SQLite datetimes in this form; text comparison in SQL needs equal length
_NAIVE_LENGTH = len("2026-06-02 03:00:00.000000")


def to_driver_value(value: object, *, is_sqlite: bool) -> object:
    """A value as sqlite3 or psycopg takes it, written as SQLAlchemy's column types write it."""
    # exact types: a StrEnum is a str as well, but needs its value
    if type(value) in _NATIVE_TYPES:
        return value
    if is_sqlite and isinstance(value, datetime):
        # as SQLAlchemy's SQLite DateTime writes it: UTC, without a zone, with microseconds
        return value.astimezone(UTC).isoformat(" ", "microseconds")[:_NAIVE_LENGTH]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if is_sqlite and isinstance(value, date) else value


class _PersistentConnection:
    """A driver connection that stays open, and the engine it was opened for."""

    raw: Any = None
    owner: Any = None

    def connection(self) -> Any:
        """The open connection; a new one when there is none or the engine has changed."""
        if self.raw is None or self.owner is not engine():
            self.close()
            self.raw, self.owner = _open_connection(), engine()
        return self.raw

    def close(self) -> None:
        """Close the connection; what is not committed is rolled back."""
        hold, self.raw = self.raw, None
        if hold is not None:
            hold.close()

    def __del__(self) -> None:
        """Close the connection when its thread has ended."""
        self.close()


class _ThreadConnection(threading.local):
    """One connection for each thread.

    A threading.local object itself survives its threads; what it holds for a thread is dropped when
    the thread ends, which closes that connection.
    """

    def __init__(self) -> None:
        self.persistent = _PersistentConnection()


# SQLite allows one writer at a time, so one connection for the process loses nothing and its page
# cache stays valid. PostgreSQL groups commits by itself, and a push that waits for a row lock must
# not hold up other threads, so there each thread has its own.
_shared_connection, _thread_connection = _PersistentConnection(), _ThreadConnection()


def execute_unit(values: Values, work: Callable[[Execute], T]) -> T:
    """Run `work` in one transaction and return its result.

    `work` gets a function `execute(statement)` that runs a CompiledStatement with `values` and
    returns its row or None. On SQLite, units that wait at the same moment are committed together;
    one that fails does not affect the others. On PostgreSQL a unit must be a single statement.
    Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    if engine().dialect.name == "sqlite":
        result: T = _group_commit.submit((values, work))
        return result
    return _with_reconnect(
        _thread_connection.persistent,
        lambda connection: _run_on_postgresql(connection, values, work),
    )


def fetch_all(statement: CompiledStatement, values: Values) -> list[Sequence[Any]]:
    """The rows of a query, with the values as the driver gives them.

    It sees what is committed, in no transaction of the caller. Raises
    sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    # on SQLite too a connection of the thread: the shared one is inside of a transaction of others
    run = _fetch_from_sqlite if engine().dialect.name == "sqlite" else _fetch_from_postgresql
    return _with_reconnect(
        _thread_connection.persistent, lambda connection: run(connection, statement, values)
    )


def _fetch_from_sqlite(
    connection: Any, statement: CompiledStatement, values: Values
) -> list[Sequence[Any]]:
    parameters = {name: to_driver_value(value, is_sqlite=True) for name, value in values.items()}
    text, pick, constants = statement.on_sqlite()
    rows: list[Sequence[Any]] = connection.execute(
        text, pick({**constants, **parameters})
    ).fetchall()
    return rows


def _fetch_from_postgresql(
    connection: Any, statement: CompiledStatement, values: Values
) -> list[Sequence[Any]]:
    parameters = {name: to_driver_value(value, is_sqlite=False) for name, value in values.items()}
    text, constants = statement.on_postgresql()
    rows: list[Sequence[Any]] = connection.execute(
        text, {**constants, **parameters}, prepare=True
    ).fetchall()
    return rows


def reset() -> None:
    """Close the connections of this process and thread, for tests and before a fork."""
    _shared_connection.close()
    _thread_connection.persistent.close()


def _with_reconnect(persistent: _PersistentConnection, attempt: Callable[[Any], T]) -> T:
    """Try on the kept connection, and once more on a new one if that was lost."""
    try:
        return attempt(persistent.connection())
    except _CONNECTION_ERRORS:
        persistent.close()
    try:
        return attempt(persistent.connection())
    except _CONNECTION_ERRORS as error:
        persistent.close()
        raise OperationalError(None, None, error) from error
    except BaseException:
        persistent.close()
        raise


def _run_on_postgresql(connection: Any, values: Values, work: Callable[[Execute], T]) -> T:
    parameters = {name: to_driver_value(value, is_sqlite=False) for name, value in values.items()}

    def execute(statement: CompiledStatement) -> Any:
        text, constants = statement.on_postgresql()
        # prepare=True: the server parses and plans the statement once per connection
        return connection.execute(text, {**constants, **parameters}, prepare=True).fetchone()

    return work(execute)


_Unit = tuple[Values, Callable[[Execute], Any]]


def _run_units(units: Sequence[_Unit]) -> list[Any]:
    """The result, or the exception, of each unit in order."""
    # the shared transaction failed as a whole: run each unit alone, so that only the guilty one
    # reports an error
    if len(units) > 1:
        with suppress(Exception):
            return _run_on_sqlite(_shared_connection.connection(), units)
    return [_run_alone(unit) for unit in units]


_group_commit = GroupCommit(_run_units)


def _run_alone(unit: _Unit) -> Any:
    try:
        return _with_reconnect(
            _shared_connection, lambda connection: _run_on_sqlite(connection, [unit])
        )[0]
    except Exception as error:
        return error


def _run_on_sqlite(connection: Any, units: Sequence[_Unit]) -> list[Any]:
    # IMMEDIATE takes the write lock now; a later upgrade from a read lock could fail with
    # SQLITE_BUSY at once
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [_run_unit(connection, *unit) for unit in units]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _run_unit(connection: Any, values: Values, work: Callable[[Execute], T]) -> T:
    parameters = {name: to_driver_value(value, is_sqlite=True) for name, value in values.items()}

    def execute(statement: CompiledStatement) -> Any:
        text, pick, constants = statement.on_sqlite()
        return connection.execute(text, pick({**constants, **parameters})).fetchone()

    return work(execute)


def _open_connection() -> Any:
    """A driver connection taken out of the pool, which will never see it again."""
    pooled = engine().raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    # whoever used it last in the pool may have read only
    if engine().dialect.name == "postgresql":
        connection.rollback()
        # a single statement is its own transaction, which saves two round trips
        connection.autocommit = True
        connection.read_only = False
    else:
        connection.execute("PRAGMA query_only=0")
    return connection
