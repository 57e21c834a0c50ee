"""A read is read-only for the engine too: who opens a page by GET cannot change anything."""

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from config import cache_versions
from config.cache_versions import CacheVersion
from config.database import read_only, session, transaction
from matrix.inbox import fast_store

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO cache_versions (name, number) VALUES ('rules', 1)",
        "UPDATE cache_versions SET number = 2",
        "DELETE FROM cache_versions",
        "CREATE TABLE added (id INTEGER)",
    ],
)
def test_the_engine_refuses_to_write_in_a_read(statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"read-only|readonly"), read_only():
        session.execute(text(statement))


def test_a_connection_that_has_read_writes_again_and_the_other_way_round() -> None:
    for number in (1, 2, 3):
        with transaction():
            cache_versions.invalidate("rules")
        with read_only():
            assert cache_versions.current() == {"rules": number}
        with pytest.raises(DBAPIError), read_only():
            cache_versions.invalidate("rules")


def test_a_direct_connection_writes_after_its_pool_has_only_read() -> None:
    with read_only():
        assert cache_versions.current() == {}
    adding = fast_store.CompiledStatement(
        insert(CacheVersion).values(name="rules", number=1).returning(CacheVersion)
    )
    fast_store.execute_unit({}, lambda execute: execute(adding))
    with read_only():
        assert cache_versions.current() == {"rules": 1}
