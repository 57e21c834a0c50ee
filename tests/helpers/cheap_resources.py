"""What is expensive in production and cheap in tests: hashing, the collector, compiling SQL.

A password hash takes a fifth of a second by design, freezing the garbage collector after a
snapshot visits all objects of the process, and each test has an engine of its own, which would
compile each statement anew. Subprocesses (`processes`) run as in production.
"""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from app import snapshots
from config import database
from matrix.staff import passwords


@pytest.fixture(scope="session", autouse=True)
def production_hasher() -> Iterator[Callable[[], PasswordHasher]]:
    """Hash passwords with minimal parameters. Yields the function that makes the real hasher."""
    kept = passwords._hasher
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, kept.__name__, lambda: cheap)
        yield kept


@pytest.fixture(scope="session", autouse=True)
def production_collector() -> Iterator[Callable[[], None]]:
    """Do not freeze the collector after a snapshot. Yields the function that really does."""
    kept = snapshots._freeze_garbage_collector
    gc.collect()
    gc.freeze()  # modules and collected tests live as long as the run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, kept.__name__, lambda: None)
        yield kept


@pytest.fixture(scope="session", autouse=True)
def shared_compiled_statements() -> Iterator[None]:
    """Let all engines of one kind use the same compiled statements (a third of a page's time)."""
    create, first_of_kind = database.create_engine, {}

    def create_sharing(*args: Any, **options: Any) -> Engine:
        made = create(*args, **options)
        first = first_of_kind.setdefault(made.dialect.name, made)
        # the dialect is part of the cache's keys
        made.dialect, made._compiled_cache = first.dialect, first._compiled_cache
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", create_sharing)
        yield
