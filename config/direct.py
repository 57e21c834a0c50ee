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
from operator import itemgetter
from typing import Any, TypeVar

import psycopg
from sqlalchemy import ClauseElement
from sqlalchemy.exc import OperationalError

from config.database import engine

T = TypeVar("T")
Values = dict[str, Any]
Execute = Callable[["Prepared"], Any]


class Prepared:
    """A Core statement as text, compiled for the engine when it is first needed."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._on_sqlite: tuple[str, Callable[[Values], Any], Values] | None = None
        self._on_postgresql: tuple[str, Values] | None = None

    def on_sqlite(self) -> tuple[str, Callable[[Values], Any], Values]:
        """Text, what picks its parameters out of the values, and its constants."""
        if self._on_sqlite is None:
            made = self._statement.compile(dialect=engine().dialect)
            # the binder numbers its parameters; the base class knows nothing of that
            order: list[str] = made.positiontup  # type: ignore[attr-defined]
            constants = {
                name: bound(value, is_sqlite=True)
                for name, value in made.params.items()
                if value is not None
            }
            self._on_sqlite = (str(made), itemgetter(*order), constants)
        return self._on_sqlite

    def on_postgresql(self) -> tuple[str, Values]:
        """Text and constants."""
        if self._on_postgresql is None:
            made = self._statement.compile(dialect=engine().dialect)
            constants = {
                name: bound(value, is_sqlite=False)
                for name, value in made.params.items()
                if value is not None
            }
            self._on_postgresql = (str(made), constants)
        return self._on_postgresql


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

    def __del__(self) -> None:
        """The thread ended."""
        if self.hold is not None:
            self.hold.close()


_kept = _Kept()
# Threads of one process wait here in turn; at SQLite's own lock they would sleep and miss it.
_one_writer = threading.Lock()


def run(values: Values, work: Callable[[Execute], T]) -> T:
    """Do the work in one transaction, or on PostgreSQL as the single statement it is.

    `work` is given `execute(prepared)`, which runs a statement on the values and returns its
    row or None. Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    attempt = _in_sqlite if engine().dialect.name == "sqlite" else _in_postgresql
    try:
        return attempt(values, work)
    except (sqlite3.OperationalError, psycopg.OperationalError):
        forget()
    try:
        return attempt(values, work)
    except (sqlite3.OperationalError, psycopg.OperationalError) as error:
        forget()
        raise OperationalError(None, None, error) from error
    except BaseException:
        forget()
        raise


def _in_postgresql(values: Values, work: Callable[[Execute], T]) -> T:
    connection = _connection()
    given = {name: bound(value, is_sqlite=False) for name, value in values.items()}

    def execute(prepared: Prepared) -> Any:
        text, constants = prepared.on_postgresql()
        return connection.execute(text, {**constants, **given}, prepare=True).fetchone()

    return work(execute)


def _in_sqlite(values: Values, work: Callable[[Execute], T]) -> T:
    given = {name: bound(value, is_sqlite=True) for name, value in values.items()}

    def execute(prepared: Prepared) -> Any:
        text, pick, constants = prepared.on_sqlite()
        return connection.execute(text, pick({**constants, **given})).fetchone()

    with _one_writer:
        connection = _connection()
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
