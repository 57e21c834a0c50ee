"""Fast password hashing and no garbage collector work in tests, except in tests about these two.

A password hash takes a fifth of a second by design, and freezing the garbage collector after a
snapshot was built visits all objects of the process. Subprocesses (`processes`) run as in
production.
"""

import gc
from collections.abc import Callable, Iterator

import pytest
from argon2 import PasswordHasher

from app import snapshots
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
