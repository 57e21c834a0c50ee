"""Direct: short units of work on a driver connection that stays open.

Receiving a message is the one path where a session's bookkeeping costs ten times the work
itself (measured: 1.2 million instructions against 0.16). Only that path may use this, and only
for work that bears being done twice: after a lost connection it is done once more.

    Prepared(core statement) ──compiled once──> text ──execute──> row

Values are bound by the driver, not by SQLAlchemy's types: `bound` is the translation.
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
    """A Core statement as text, compiled for the engine when it is first needed."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._on_sqlite: tuple[str, Callable[[Values], Any], Values] | None = None
        self._on_postgresql: tuple[str, Values] | None = None

    def on_sqlite(self) -> tuple[str, Callable[[Values], Any], Values]:
        """Text, what picks its parameters out of the values, and its constants."""
        if self._on_sqlite is None:
            compiled = self._statement.compile(dialect=engine().dialect)
            # the binder numbers its parameters; the base class knows nothing of that
            order: list[str] = compiled.positiontup  # type: ignore[attr-defined]
            constants = {
                name: to_driver_value(value, is_sqlite=True)
                for name, value in compiled.params.items()
                if value is not None
            }
            self._on_sqlite = (str(compiled), itemgetter(*order), constants)
        return self._on_sqlite

    def on_postgresql(self) -> tuple[str, Values]:
        """Text and constants."""
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
_NAIVE_LENGTH = len("2026-06-02 03:00:00.000000")


def to_driver_value(value: object, *, is_sqlite: bool) -> object:
    """A value as the driver takes it."""
    if type(value) in _NATIVE_TYPES:
        return value
    if is_sqlite and isinstance(value, datetime):
        # the shape SQLAlchemy's own type writes and reads: without a zone
        return value.astimezone(UTC).isoformat(" ", "microseconds")[:_NAIVE_LENGTH]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if is_sqlite and isinstance(value, date) else value


class _PersistentConnection:
    """A driver connection that stays open, and the engine it came from."""

    raw: Any = None
    owner: Any = None

    def connection(self) -> Any:
        """It, opened when there is none to this engine."""
        if self.raw is None or self.owner is not engine():
            self.close()
            self.raw, self.owner = _open_connection(), engine()
        return self.raw

    def close(self) -> None:
        """Close it, undoing what is not committed."""
        hold, self.raw = self.raw, None
        if hold is not None:
            hold.close()

    def __del__(self) -> None:
        """Its thread ended."""
        self.close()


class _ThreadConnection(threading.local):
    """One for each thread. Python drops what such an object holds, never the object itself."""

    def __init__(self) -> None:
        self.persistent = _PersistentConnection()


# SQLite has one writer anyway, and a connection alone in its process need not read again what
# another has changed. PostgreSQL commits for many at once by itself, and there one push that
# waits for a lock must not stop the others.
_shared_connection, _thread_connection = _PersistentConnection(), _ThreadConnection()


def execute_unit(values: Values, work: Callable[[Execute], T]) -> T:
    """Do the work in one transaction, or on PostgreSQL as the single statement it is.

    `work` is given `execute(prepared)`, which runs a statement on the values and returns its
    row or None. On SQLite units that wait at the same moment share a transaction; one that fails
    spoils nothing for the others. Raises sqlalchemy.exc.OperationalError when the database
    cannot be reached.
    """
    if engine().dialect.name == "sqlite":
        result: T = _group_commit.submit((values, work))
        return result
    return _with_reconnect(
        _thread_connection.persistent,
        lambda connection: _run_on_postgresql(connection, values, work),
    )


def reset() -> None:
    """Close the connections of the process and of this thread."""
    _shared_connection.close()
    _thread_connection.persistent.close()


def _with_reconnect(persistent: _PersistentConnection, attempt: Callable[[Any], T]) -> T:
    """Try, and once more on a new connection when the old one was lost."""
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

    def execute(prepared: CompiledStatement) -> Any:
        text, constants = prepared.on_postgresql()
        return connection.execute(text, {**constants, **parameters}, prepare=True).fetchone()

    return work(execute)


_Unit = tuple[Values, Callable[[Execute], Any]]


def _run_units(units: Sequence[_Unit]) -> list[Any]:
    """The result or the error of each unit."""
    if len(units) > 1:
        # when one of them fails, or the connection is lost, each alone will tell
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

    def execute(prepared: CompiledStatement) -> Any:
        text, pick, constants = prepared.on_sqlite()
        return connection.execute(text, pick({**constants, **parameters})).fetchone()

    return work(execute)


def _open_connection() -> Any:
    """A driver connection that belongs to no pool."""
    pooled = engine().raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    if engine().dialect.name == "postgresql":
        connection.rollback()
        connection.autocommit = True
    return connection
