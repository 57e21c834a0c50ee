"""Makes two expensive mechanisms cheap, except in the tests that are about them.

A password hash takes a fifth of a second by design, and freezing the garbage collector when a
snapshot is built visits all objects of the process. Those of `processes` are as in production.
"""

import gc
from collections.abc import Callable, Iterator

import pytest
from argon2 import PasswordHasher

from app import snapshots
from matrix.staff import passwords


@pytest.fixture(scope="session", autouse=True)
def production_hasher() -> Iterator[Callable[[], PasswordHasher]]:
    """Hash with the least work. Gives what makes the hasher of production."""
    kept = passwords._hasher
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, kept.__name__, lambda: cheap)
        yield kept


@pytest.fixture(scope="session", autouse=True)
def production_collector() -> Iterator[Callable[[], None]]:
    """Leave the collector alone when a snapshot is built. Gives what production does then."""
    kept = snapshots._freeze_garbage_collector
    gc.collect()
    gc.freeze()  # modules and collected tests live as long as the run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, kept.__name__, lambda: None)
        yield kept
