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
from config.together import Together

T = TypeVar("T")
Values = dict[str, Any]
Execute = Callable[["Prepared"], Any]

_LOST = (sqlite3.OperationalError, psycopg.OperationalError)


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
_WITHOUT_ZONE = len("2026-06-02 03:00:00.000000")


def bound(value: object, *, is_sqlite: bool) -> object:
    """A value as the driver takes it."""
    if type(value) in _PLAIN:
        return value
    if is_sqlite and isinstance(value, datetime):
        # the shape SQLAlchemy's own type writes and reads: without a zone
        return value.astimezone(UTC).isoformat(" ", "microseconds")[:_WITHOUT_ZONE]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if is_sqlite and isinstance(value, date) else value


class _Kept:
    """A driver connection that stays open, and the engine it came from."""

    hold: Any = None
    of: Any = None

    def connection(self) -> Any:
        """It, opened when there is none to this engine."""
        if self.hold is None or self.of is not engine():
            self.forget()
            self.hold, self.of = _opened(), engine()
        return self.hold

    def forget(self) -> None:
        """Close it, undoing what is not committed."""
        hold, self.hold = self.hold, None
        if hold is not None:
            hold.close()

    def __del__(self) -> None:
        """Its thread ended."""
        self.forget()


class _ByThread(threading.local):
    """One for each thread. Python drops what such an object holds, never the object itself."""

    def __init__(self) -> None:
        self.kept = _Kept()


# SQLite has one writer anyway, and a connection alone in its process need not read again what
# another has changed. PostgreSQL commits for many at once by itself, and there one push that
# waits for a lock must not stop the others.
_shared, _own = _Kept(), _ByThread()


def run(values: Values, work: Callable[[Execute], T]) -> T:
    """Do the work in one transaction, or on PostgreSQL as the single statement it is.

    `work` is given `execute(prepared)`, which runs a statement on the values and returns its
    row or None. On SQLite units that wait at the same moment share a transaction; one that fails
    spoils nothing for the others. Raises sqlalchemy.exc.OperationalError when the database
    cannot be reached.
    """
    if engine().dialect.name == "sqlite":
        result: T = _written.do((values, work))
        return result
    return _twice(_own.kept, lambda connection: _in_postgresql(connection, values, work))


def forget() -> None:
    """Close the connections of the process and of this thread."""
    _shared.forget()
    _own.kept.forget()


def _twice(kept: _Kept, attempt: Callable[[Any], T]) -> T:
    """Try, and once more on a new connection when the old one was lost."""
    try:
        return attempt(kept.connection())
    except _LOST:
        kept.forget()
    try:
        return attempt(kept.connection())
    except _LOST as error:
        kept.forget()
        raise OperationalError(None, None, error) from error
    except BaseException:
        kept.forget()
        raise


def _in_postgresql(connection: Any, values: Values, work: Callable[[Execute], T]) -> T:
    given = {name: bound(value, is_sqlite=False) for name, value in values.items()}

    def execute(prepared: Prepared) -> Any:
        text, constants = prepared.on_postgresql()
        return connection.execute(text, {**constants, **given}, prepare=True).fetchone()

    return work(execute)


_Unit = tuple[Values, Callable[[Execute], Any]]


def _write(units: Sequence[_Unit]) -> list[Any]:
    """The result or the error of each unit."""
    if len(units) > 1:
        # when one of them fails, or the connection is lost, each alone will tell
        with suppress(Exception):
            return _in_sqlite(_shared.connection(), units)
    return [_alone(unit) for unit in units]


_written = Together(_write)


def _alone(unit: _Unit) -> Any:
    try:
        return _twice(_shared, lambda connection: _in_sqlite(connection, [unit]))[0]
    except Exception as error:
        return error


def _in_sqlite(connection: Any, units: Sequence[_Unit]) -> list[Any]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [_done(connection, *unit) for unit in units]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _done(connection: Any, values: Values, work: Callable[[Execute], T]) -> T:
    given = {name: bound(value, is_sqlite=True) for name, value in values.items()}

    def execute(prepared: Prepared) -> Any:
        text, pick, constants = prepared.on_sqlite()
        return connection.execute(text, pick({**constants, **given})).fetchone()

    return work(execute)


def _opened() -> Any:
    """A driver connection that belongs to no pool."""
    pooled = engine().raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    if engine().dialect.name == "postgresql":
        connection.rollback()
        connection.autocommit = True
    return connection
