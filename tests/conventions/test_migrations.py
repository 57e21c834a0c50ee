"""Migrations: numbered, on their own feet, and leading to the tables we declare."""

import ast
import re
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from app import migrate, models
from config import database
from tests.helpers.databases import Server, use_database
from tests.helpers.source_tree import OWN_PACKAGES, ROOT, Source, format_findings, read_sources

VERSIONS = ROOT / "app" / "migrations" / "versions"
MIGRATIONS = tuple(
    source
    for source in read_sources("app")
    if source.path.is_relative_to(VERSIONS.relative_to(ROOT))
)


def _assigned(source: Source, name: str) -> object:
    for node in source.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if ast.unparse(targets[0]) == name and node.value is not None:
                return ast.literal_eval(node.value)
    raise AssertionError(f"{source.path} does not say its {name}")


def test_migrations_are_numbered_without_a_gap_and_say_so() -> None:
    names = [source.path.stem for source in MIGRATIONS]
    numbers = [f"{number:04d}" for number in range(1, len(names) + 1)]

    assert [name[:4] for name in names] == numbers
    assert all(re.fullmatch(r"\d{4}(_[a-z0-9]+)+", name) for name in names)
    assert [_assigned(source, "revision") for source in MIGRATIONS] == numbers
    assert [_assigned(source, "down_revision") for source in MIGRATIONS] == [None, *numbers[:-1]]


def test_a_migration_imports_nothing_of_ours() -> None:
    # what the code is today must not change what a migration did a year ago
    ours = [
        f"{source.location(statement)} imports {name}"
        for source in MIGRATIONS
        for name, statement in source.imports()
        if name.partition(".")[0] in OWN_PACKAGES
    ]
    assert not ours, format_findings(ours)


def test_every_module_with_a_table_is_listed_in_app_tables() -> None:
    declared = {
        source.module
        for source in read_sources(*OWN_PACKAGES)
        if source.top_package != "simulator"
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__tablename__"
    }
    assert declared == {room.__name__ for room in models.TABLE_MODULES}


@pytest.fixture
def migrated(database_server: Server) -> Iterator[None]:
    """A database that nothing but the migrations have built."""
    before = use_database(database_server.make("migrated"))
    migrate.upgrade()
    yield
    use_database(before)
    database_server.drop("migrated")


@pytest.mark.usefixtures("migrated")
def test_migrations_lead_to_the_tables_we_declare() -> None:
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, models.metadata)
    assert not differences, format_findings(differences)


@pytest.mark.usefixtures("migrated")
def test_migrations_check_the_values_we_declare(database_server: Server) -> None:
    # alembic does not compare checks, and an enum is one
    built = _checks()
    before = use_database(database_server.make("declared"))
    models.metadata.create_all(database.engine())
    declared = _checks()
    use_database(before)
    database_server.drop("declared")

    assert built == declared
    assert any("waiting" in check for _, _, check in declared), "a job's states are checked"


@pytest.mark.usefixtures("migrated")
def test_migrations_go_down_to_nothing_and_up_again() -> None:
    top = _table_names()
    migrate.downgrade("base")
    bottom = _table_names()
    migrate.upgrade()

    assert bottom == {"alembic_version"}
    assert _table_names() == top
    assert migrate.current_revision() == migrate.head_revision()


def _table_names() -> set[str]:
    return set(inspect(database.engine()).get_table_names())


def _checks() -> set[tuple[str, str | None, str]]:
    seen = inspect(database.engine())
    return {
        (table, check["name"], check["sqltext"])
        for table in seen.get_table_names()
        for check in seen.get_check_constraints(table)
    }
