"""Direct: one short unit of work on a driver connection that the thread keeps.

Receiving a message is the one path where a session's bookkeeping costs ten times the work
itself (measured: 1.2 million instructions against 0.16). Only that path may use this, and only
for work that bears being done twice: after a lost connection it is done once more.

    Prepared(core statement) ──compiled once──> text ──execute──> row

Values are bound by the driver, not by SQLAlchemy's types: `bound` is the translation.
"""

import json
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, TypeVar

import psycopg
from sqlalchemy import ClauseElement
from sqlalchemy.exc import OperationalError

from config.database import engine

T = TypeVar("T")
Values = dict[str, Any]
Execute = Callable[["Prepared", Values], Any]


class Prepared:
    """A Core statement as text, compiled for the engine when it is first needed."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, Values]] = {}

    def on(self, name: str) -> tuple[str, tuple[str, ...] | None, Values]:
        """Text, order of parameters (None: by name) and constants, for an engine's name."""
        found = self._compiled.get(name)
        if found is None:
            made = self._statement.compile(dialect=engine().dialect)
            order = getattr(made, "positiontup", None)
            is_sqlite = name == "sqlite"
            constants = {
                key: bound(value, is_sqlite=is_sqlite) for key, value in made.params.items()
            }
            found = (str(made), tuple(order) if order else None, constants)
            self._compiled[name] = found
        return found


_PLAIN = frozenset({str, int, bool, float, bytes, type(None)})


def bound(value: object, *, is_sqlite: bool) -> object:
    """A value as the driver takes it."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not is_sqlite:
        return value
    if isinstance(value, datetime):
        # the shape SQLAlchemy's own type writes and reads
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else value


class _Kept(threading.local):
    """The thread's own driver connection, and the engine it came from."""

    hold: Any = None
    of: Any = None


_kept = _Kept()
# Threads of one process wait here in turn; at SQLite's own lock they would sleep and miss it.
_one_writer = threading.Lock()


def run(work: Callable[[Execute], T]) -> T:
    """Do the work in one transaction, or on PostgreSQL as the single statement it is.

    `work` is given `execute(prepared, values)`, which returns the row or None. Raises
    sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    try:
        return _attempt(work)
    except (sqlite3.OperationalError, psycopg.OperationalError):
        forget()
    try:
        return _attempt(work)
    except (sqlite3.OperationalError, psycopg.OperationalError) as error:
        forget()
        raise OperationalError(None, None, error) from error
    except BaseException:
        forget()
        raise


def _attempt(work: Callable[[Execute], T]) -> T:
    if engine().dialect.name == "sqlite":
        with _one_writer:
            return _in_sqlite(work)
    connection = _connection()

    def execute(prepared: Prepared, values: Values) -> Any:
        text, _, constants = prepared.on("postgresql")
        given = {name: bound(value, is_sqlite=False) for name, value in values.items()}
        return connection.execute(text, constants | given, prepare=True).fetchone()

    return work(execute)


def _in_sqlite(work: Callable[[Execute], T]) -> T:
    connection = _connection()

    def execute(prepared: Prepared, values: Values) -> Any:
        text, order, constants = prepared.on("sqlite")
        given = [
            bound(values[name], is_sqlite=True) if name in values else constants[name]
            for name in order or ()
        ]
        return connection.execute(text, given).fetchone()

    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(execute)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _connection() -> Any:
    if _kept.hold is None or _kept.of is not engine():
        forget()
        _kept.hold, _kept.of = _opened(), engine()
    return _kept.hold


def _opened() -> Any:
    """A driver connection that belongs to this thread and no pool."""
    pooled = engine().raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    if engine().dialect.name == "postgresql":
        connection.rollback()
        connection.autocommit = True
    return connection


def forget() -> None:
    """Close this thread's connection; the next unit of work opens another."""
    hold, _kept.hold = _kept.hold, None
    if hold is not None:
        hold.close()
