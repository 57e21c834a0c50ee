"""The database: one session per thread, transactions at the edges, compare-and-set in between.

    edge: transaction() / reading() / retrying(work)
            └── deeds use `session`; they never commit

SQLite runs in WAL mode and every writing transaction starts with BEGIN IMMEDIATE, so a lock is
never upgraded half-way. PostgreSQL gets statement, lock and idle timeouts. Instants are aware
UTC on both.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
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
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapper, Session, scoped_session, sessionmaker
from sqlalchemy.types import TypeDecorator

from config import settings
from config.lazy import Lazy

T = TypeVar("T")
Row = TypeVar("Row", bound="Base")

# serialization failure, deadlock, lock not available
_RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03"})
_MAX_ATTEMPTS = 3


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware UTC in the program, on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; SQLite stores UTC without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored instant must know its zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# SQLite numbers rows by itself only in a column called INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Every table of every room."""

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
        dict[str, Any]: JSON(none_as_null=True),
        dict[str, object]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        list[dict[str, str]]: JSON(none_as_null=True),
        list[int]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=True,
            length=24,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }


class _Session(Session):
    """A session that finds the process's engine when it is first used, after any fork."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        return self.bind if self.bind is not None else engine()


session = scoped_session(sessionmaker(class_=_Session, expire_on_commit=False))


@Lazy
def engine() -> Engine:
    """The engine of this process; made at first use, so a forked worker gets its own."""
    current = settings.get()
    if current.effective_database_url.startswith("sqlite"):
        return _sqlite_engine(current)
    timeouts = {
        "statement_timeout": current.statement_timeout,
        "lock_timeout": 4000,
        "idle_in_transaction_session_timeout": 30000,
    }
    return create_engine(
        current.effective_database_url,
        pool_size=current.database_pool,
        max_overflow=current.database_pool,
        pool_timeout=3,
        pool_pre_ping=True,
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in timeouts.items()),
            "connect_timeout": 3,
        },
    )


def _sqlite_engine(current: settings.Settings) -> Engine:
    instance = create_engine(
        current.effective_database_url,
        pool_size=current.database_pool,
        max_overflow=current.database_pool,
        pool_timeout=10,
        # the driver must not open transactions of its own, we say BEGIN ourselves
        connect_args={"timeout": 10, "isolation_level": None},
    )

    @event.listens_for(instance, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA busy_timeout=10000; PRAGMA foreign_keys=ON;"
            f"PRAGMA synchronous={current.sqlite_synchronous};"
            # hot pages are written back once in a while, not after every few hundred messages
            "PRAGMA wal_autocheckpoint=8000; PRAGMA cache_size=-32000;"
        )

    @event.listens_for(instance, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("is_read_only")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return instance


def reset() -> None:
    """Close all connections and find the database anew at next use (a test moved it)."""
    session.remove()
    instance = engine.reset()
    if instance is not None:
        instance.dispose()


_unit_is_open: ContextVar[bool] = ContextVar("is_open", default=False)


@contextmanager
def _unit_of_work() -> Iterator[None]:
    """Marks a unit of work as open. Raises RuntimeError inside another one.

    Units share the thread's session: the end of the inner one would end the outer one too.
    """
    if _unit_is_open.get():
        raise RuntimeError("a unit of work is open already; only edges may open one")
    token = _unit_is_open.set(True)
    try:
        yield
    finally:
        _unit_is_open.reset(token)


@contextmanager
def transaction() -> Iterator[None]:
    """A unit of work: all of it is kept, or none. Edges only."""
    with _unit_of_work():
        try:
            yield
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.remove()


@contextmanager
def read_only() -> Iterator[None]:
    """A unit of work that changes nothing; on SQLite it never waits for a writer.

    Rows that were read stay readable afterwards, as values.
    """
    with _unit_of_work():
        try:
            session.connection(execution_options={"is_read_only": True})
            yield
        finally:
            session.expunge_all()
            session.rollback()
            session.remove()


def run_in_transaction(work: Callable[[], T]) -> T:
    """Run `work` in a transaction; again, a little later, when the database lost a race.

    `work` must bear running twice: nothing outside the database may happen in it.
    """
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            with transaction():
                return work()
        except DBAPIError as error:
            if attempt == _MAX_ATTEMPTS or not _is_retryable(error):
                raise
            # another transaction needs a moment to finish; chance keeps two losers apart
            time.sleep(random.uniform(0.01, 0.05) * attempt)
    raise AssertionError("unreachable")


def _is_retryable(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state in _RETRYABLE_STATES or "database is locked" in str(error.orig)


def get_for_update(table: type[Row], key: object) -> Row:
    """Fetch a row as it is now and hold it until the transaction ends.

    Raises sqlalchemy.exc.NoResultFound when there is none.
    """
    return session.get_one(table, key, with_for_update=True, populate_existing=True)


def compare_and_set(
    table: type[Row], key: object, *, when: Mapping[str, object], to: Mapping[str, object]
) -> Row | None:
    """Compare and set: move the row to new values if it still has the expected ones.

    `when` maps columns to a value, or to a tuple of values any of which will do. Returns the
    row as it is now, or None when somebody else was first.
    """
    mapper: Mapper[Row] = inspect(table)
    conditions = [mapper.primary_key[0] == key]
    for name, expected in when.items():
        column = getattr(table, name)
        conditions.append(
            column.in_(expected) if isinstance(expected, tuple) else column == expected
        )
    statement = update(table).where(*conditions).values(**to).returning(table)
    return session.scalars(
        statement, execution_options={"populate_existing": True, "synchronize_session": False}
    ).one_or_none()


def dialect() -> str:
    """`sqlite` or `postgresql`."""
    return session.get_bind().dialect.name


def upsert(table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the words of the engine in use."""
    return postgresql.insert(table) if dialect() == "postgresql" else sqlite.insert(table)
