"""Once: threads that need a thing at the same moment get the same one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from config import database
from config.database import session, transaction
from config.lazy import Lazy


def test_concurrent_threads_share_one_value() -> None:
    together, made = threading.Barrier(8), []

    @Lazy
    def thing() -> object:
        """A thing that takes its time."""
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    def need(_: int) -> object:
        together.wait()
        return thing()

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(need, range(8)))
    assert given == made * 8
    assert len(made) == 1
    assert thing.__doc__ == "A thing that takes its time."


def test_a_reset_value_is_created_again() -> None:
    thing = Lazy(object)
    first = thing()
    assert thing.reset() is first
    assert thing.reset() is None
    assert thing() is not first


@pytest.mark.usefixtures("own_database")
def test_a_process_has_one_pool_of_connections() -> None:
    # the fixture has used none yet: these threads are the first
    together, engines = threading.Barrier(8), []

    def work(_: int) -> None:
        together.wait()
        with transaction():
            session.scalar(select(1))
            engines.append(database.engine())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(set(map(id, engines))) == 1
