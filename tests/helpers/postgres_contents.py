"""What a PostgreSQL database holds, kept in memory and brought back: quicker than a new copy."""

from typing import Any

import psycopg
from psycopg import sql

_SHAPE = """
    SELECT 'column', table_name::text, column_name::text, data_type::text
        FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', tablename::text, indexname::text, indexdef
        FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, tgname::text,
        tgenabled::text || pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1, 2, 3, 4
"""


class Contents:
    """All rows and the state of all sequences of a PostgreSQL database, to be brought back."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._shape = _shape(connection)
        self._rows = {name: _copied(connection, name) for name in _filled(connection, self._shape)}
        self._sequences = _sequences(connection)

    def restore(self, connection: psycopg.Connection[Any]) -> bool:
        """Bring the rows back. False when they no longer fit."""
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if _shape(connection) != self._shape:
            return False
        with connection.transaction():
            # neither foreign keys nor our own triggers: the rows were sound when they were read
            connection.execute("SET LOCAL session_replication_role = replica")
            for name in _filled(connection, self._shape):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name, rows in self._rows.items():
                statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
                with connection.cursor().copy(statement) as copy:
                    copy.write(rows)
            for name, last in self._sequences:
                connection.execute(
                    "SELECT setval(%s::regclass, %s, %s)",
                    (f'"{name}"', last or 1, last is not None),
                )
        return True


def _shape(connection: psycopg.Connection[Any]) -> list[tuple[str, ...]]:
    """Every column, check, key, index and trigger: what a test may have changed on purpose."""
    return connection.execute(_SHAPE).fetchall()


def _filled(connection: psycopg.Connection[Any], shape: list[tuple[str, ...]]) -> list[str]:
    """The tables that hold a row."""
    names = sorted({table for kind, table, *_ in shape if kind == "column"})
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name))
        for name in names
    )
    return [name for (name,) in connection.execute(asked)]


def _copied(connection: psycopg.Connection[Any], name: str) -> bytes:
    statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))
    with connection.cursor().copy(statement) as copy:
        return b"".join(bytes(part) for part in copy)


def _sequences(connection: psycopg.Connection[Any]) -> list[tuple[str, int | None]]:
    return connection.execute(
        "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
    ).fetchall()
