"""The database: one session per thread, a unit of work per request or job, compare-and-set.

    view, job, command:  transaction() / read_only() / run_in_transaction(work)
                              └── everything below uses `session` and never commits

The outermost caller commits, so one request or job is kept as a whole or not at all.

SQLite runs in WAL mode, and a writing transaction starts with BEGIN IMMEDIATE: a deferred one that
reads first and writes later fails at once with "database is locked" when another has written in
between, without waiting for busy_timeout (https://sqlite.org/rescode.html#busy_snapshot).
PostgreSQL gets timeouts for statements, locks and idle transactions. Instants are aware and in UTC
on both.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    create_engine,
    event,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapper, Session, scoped_session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.types import TypeDecorator

from config import settings
from config.errors import NotFound, Stale
from config.lazy import Lazy

T = TypeVar("T")
Row = TypeVar("Row", bound="Base")

# SQLSTATE of PostgreSQL: serialization_failure, deadlock_detected, lock_not_available
# (https://www.postgresql.org/docs/current/errcodes-appendix.html)
_RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03"})
_MAX_ATTEMPTS = 3


class UtcDateTime(TypeDecorator[datetime]):
    """A column of instants: aware and in UTC in Python, on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant as the driver stores it. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored instant must know its zone")
        # SQLite has no type for instants: SQLAlchemy stores text and drops the zone
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The stored instant, aware and in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# SQLite assigns ids by itself only to an INTEGER PRIMARY KEY (https://sqlite.org/rowidtable.html).
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """The base class of all tables. Its metadata holds them once `app.models` was imported."""

    # Without these, PostgreSQL chooses the names of constraints, and SQLite, where Alembic copies a
    # table to change it, has none; migrations could not name what they drop.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime(),
        # None is SQL NULL, which `IS NULL` finds, and not the JSON value null
        dict[str, Any]: JSON(none_as_null=True),
        dict[str, object]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        list[dict[str, str]]: JSON(none_as_null=True),
        list[int]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        StrEnum: Enum(
            StrEnum,
            # text with a CHECK: PostgreSQL's own ENUM cannot lose a value in a migration
            native_enum=False,
            create_constraint=True,
            length=24,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }


class _Session(Session):
    """A session that asks for the engine at its first statement, that is, after any fork."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        return self.bind if self.bind is not None else engine()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what was changed; also called before queries and by the commit.

        Raises Stale when another transaction has changed or deleted one of the rows since they were
        read. The transaction has failed then, as after an IntegrityError.
        """
        try:
            super().flush(objects)
        except StaleDataError as error:
            raise Stale(problem=str(error)) from error


# expire_on_commit is off so that a row can be shown after its transaction without a new query.
session = scoped_session(sessionmaker(class_=_Session, expire_on_commit=False))


@Lazy
def engine() -> Engine:
    """The engine of this process.

    Made at first use: connections must not be shared between a process and its forks.
    """
    current = settings.get()
    if current.effective_database_url.startswith("sqlite"):
        return _sqlite_engine(current)
    # In milliseconds. A wait for a lock ends early, with an error that `run_in_transaction` tries
    # again; a session that hangs inside a transaction would hold its row locks for ever and keep
    # vacuum from removing dead rows.
    timeouts = {
        "statement_timeout": current.statement_timeout,
        "lock_timeout": 4000,
        "idle_in_transaction_session_timeout": 30000,
    }
    instance = create_engine(
        current.effective_database_url,
        pool_size=current.database_pool,
        max_overflow=current.database_pool,
        # short: who waits for a connection holds a thread, and the
        # next request is better refused with 503
        pool_timeout=3,
        # After a restart of the server the pool is full of dead connections; without
        # the ping each would fail one request.
        pool_pre_ping=True,
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in timeouts.items()),
            "connect_timeout": 3,
        },
    )

    @event.listens_for(instance, "begin")
    def begin(connection: Connection) -> None:
        # psycopg opens the transaction with the first statement, and says READ ONLY with it
        driver: Any = connection.connection.dbapi_connection
        if driver.read_only is not _reads_only(connection):
            driver.read_only = _reads_only(connection)

    return instance


def _sqlite_engine(current: settings.Settings) -> Engine:
    instance = create_engine(
        current.effective_database_url,
        pool_size=current.database_pool,
        max_overflow=current.database_pool,
        pool_timeout=10,
        # sqlite3 would open deferred transactions of its own; `begin` below sends BEGIN instead
        connect_args={"timeout": 10, "isolation_level": None},
    )

    @event.listens_for(instance, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.executescript(
            # SQLite keeps none of these but WAL in the file, and checks foreign keys only
            # on connections that ask for it.
            "PRAGMA journal_mode=WAL; PRAGMA busy_timeout=10000; PRAGMA foreign_keys=ON;"
            f"PRAGMA synchronous={current.sqlite_synchronous};"
            # Pages, of 4 kB. The default of 1000 writes the same hot pages back after every few
            # hundred messages.
            "PRAGMA wal_autocheckpoint=8000; PRAGMA cache_size=-32000;"
        )

    @event.listens_for(instance, "begin")
    def begin(connection: Connection) -> None:
        reads = _reads_only(connection)
        # a pooled connection keeps the pragma: it is said when it changes
        if connection.info.get("is_read_only", False) is not reads:
            # past SQLAlchemy, so that who counts queries counts only those of the unit
            driver: Any = connection.connection.dbapi_connection
            driver.execute(f"PRAGMA query_only={int(reads)}")
            connection.info["is_read_only"] = reads
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return instance


def _reads_only(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("is_read_only"))


def reset() -> None:
    """Close all connections; the next use reads the address again. For tests that move it."""
    session.remove()
    instance = engine.reset()
    if instance is not None:
        instance.dispose()


_unit_is_open: ContextVar[bool] = ContextVar("is_open", default=False)


@contextmanager
def _unit_of_work() -> Iterator[None]:
    """Mark a unit of work as open. Raises RuntimeError inside another one.

    Units share the thread's session: the end of the inner one would end the outer one too.
    """
    # a context variable and not a flag of the session: it is right in
    # threads and in nested calls alike
    if _unit_is_open.get():
        raise RuntimeError(
            "a unit of work is open already; only a view, job or command may open one"
        )
    token = _unit_is_open.set(True)
    try:
        yield
    finally:
        _unit_is_open.reset(token)


@contextmanager
def transaction() -> Iterator[None]:
    """A unit of work that is committed at its end and rolled back on any exception.

    Only for views, jobs and commands. Raises RuntimeError inside another unit.
    """
    with _unit_of_work():
        try:
            yield
            session.commit()
        except BaseException:  # also KeyboardInterrupt and Dramatiq's Shutdown
            session.rollback()
            raise
        finally:
            session.remove()


@contextmanager
def read_only() -> Iterator[None]:
    """A unit of work that is always rolled back; on SQLite it never waits for a writer.

    Rows that were read keep their values afterwards. Raises DBAPIError when something writes,
    because the engine knows the transaction as read-only, and RuntimeError inside another unit.
    """
    with _unit_of_work():
        try:
            session.connection(execution_options={"is_read_only": True})
            yield
        finally:
            # before the rollback, which would expire the rows
            session.expunge_all()
            session.rollback()
            session.remove()


def run_in_transaction(work: Callable[[], T]) -> T:
    """The result of `work`, run in a transaction, up to three times if the database aborts it.

    `work` may therefore run more than once and must change nothing outside the database. Raises
    what `work` raises, and sqlalchemy.exc.DBAPIError when the last attempt was aborted as well, or
    Stale when rows changed under it each time.
    """
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            with transaction():
                return work()
        except (DBAPIError, Stale) as error:
            if attempt == _MAX_ATTEMPTS or not _is_retryable(error):
                raise
            # The other transaction needs a moment to finish. With jitter, two that aborted each
            # other do not meet again.
            time.sleep(random.uniform(0.01, 0.05) * attempt)
    raise AssertionError("unreachable")


def _is_retryable(error: DBAPIError | Stale) -> bool:
    if isinstance(error, Stale):
        # a flush that lost a race succeeds with the new values; what a form saw stays old
        return isinstance(error.__cause__, StaleDataError)
    # psycopg has SQLSTATE; sqlite3 has only a text for SQLITE_BUSY
    state = getattr(error.orig, "sqlstate", None)
    return state in _RETRYABLE_STATES or "database is locked" in str(error.orig)


def get_for_update(table: type[Row], key: object) -> Row:
    """The row of this primary key, read again and locked until the transaction ends.

    Raises NotFound when there is none.
    """
    row = find_for_update(table, key)
    if row is None:
        raise NotFound(kind=table.__tablename__, id=key)
    return row


def find_for_update(table: type[Row], key: object) -> Row | None:
    """Like `get_for_update`, but None when there is no such row."""
    mapper: Mapper[Row] = inspect(table)
    # not Session.get, which with a lock raises StaleDataError for a row with a version counter that
    # has changed since this session read it
    statement = select(table).where(mapper.primary_key[0] == key).with_for_update()
    return session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def compare_and_set(
    table: type[Row], key: object, *, when: Mapping[str, object], to: Mapping[str, object]
) -> Row | None:
    """Set columns of a row if others still have expected values. The row, or None if they do not.

    `when` maps column names to one value, or to a tuple of allowed values; `to` maps them to the
    new ones. One UPDATE with both as its condition, so that two transactions cannot both succeed.
    """
    mapper: Mapper[Row] = inspect(table)
    conditions = [mapper.primary_key[0] == key]
    for name, expected in when.items():
        column = getattr(table, name)
        conditions.append(
            column.in_(expected) if isinstance(expected, tuple) else column == expected
        )
    # RETURNING tells whether a row matched and gives its new values,
    # in one round trip on both engines
    statement = update(table).where(*conditions).values(**to).returning(table)
    # populate_existing: a row that is already in the session gets the new values, too
    return session.scalars(
        statement, execution_options={"populate_existing": True, "synchronize_session": False}
    ).one_or_none()


def dialect() -> str:
    """The engine in use: `sqlite` or `postgresql`."""
    return session.get_bind().dialect.name


def upsert(table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT with `on_conflict_do_update` and `on_conflict_do_nothing`, for the engine in use.

    SQLAlchemy has these methods per dialect only.
    """
    return postgresql.insert(table) if dialect() == "postgresql" else sqlite.insert(table)
