"""Once: threads that need a thing at the same moment get the same one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from config import database
from config.database import session, transaction
from config.once import Once


def test_threads_that_come_at_once_share_what_is_made() -> None:
    together, made = threading.Barrier(8), []

    @Once
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


def test_what_is_given_up_is_made_anew() -> None:
    thing = Once(object)
    first = thing()
    assert thing.forget() is first
    assert thing.forget() is None
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
