"""What several threads want at the same time is done in one go, and each hears its own outcome."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from matrix.inbox.group_commit import GroupCommit

Submit = Callable[[int], Future[Any]]


class SlowBatch:
    """Work that waits to be let go, and remembers what was done in one go."""

    def __init__(self) -> None:
        self.gone: list[list[int]] = []
        self.has_begun = threading.Event()
        self.may_go = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[object]:
        """Double what is positive; an error for what is negative; break at zero."""
        self.gone.append(list(items))
        self.has_begun.set()
        assert self.may_go.wait(10)
        return [2 * item if 1 / item > 0 else ValueError(item) for item in items]


@pytest.fixture
def slow_batch() -> SlowBatch:
    return SlowBatch()


@pytest.fixture
def submit(slow_batch: SlowBatch) -> Iterator[Submit]:
    """Ask for an item in a thread of its own; returns when it is being done or in the queue."""
    together = GroupCommit(slow_batch)
    with ThreadPoolExecutor(8) as pool:

        def begin(item: int) -> Future[Any]:
            is_first, waiting = not slow_batch.has_begun.is_set(), len(together._queue)
            asked = pool.submit(together.submit, item)
            assert slow_batch.has_begun.wait(10)
            while (
                len(together._queue) == waiting and not is_first and not slow_batch.may_go.is_set()
            ):
                threading.Event().wait(0.005)
            return asked

        yield begin
        slow_batch.may_go.set()


def test_writers_that_wait_at_the_same_time_share_a_commit(
    slow_batch: SlowBatch, submit: Submit
) -> None:
    asked = [submit(item) for item in (1, 2, 3, 4)]
    assert not any(one.done() for one in asked)
    slow_batch.may_go.set()

    assert [one.result(10) for one in asked] == [2, 4, 6, 8]
    assert slow_batch.gone == [[1], [2, 3, 4]]


def test_an_error_is_raised_where_it_belongs(slow_batch: SlowBatch, submit: Submit) -> None:
    asked = [submit(item) for item in (1, 2, -3, 4)]
    slow_batch.may_go.set()

    assert isinstance(asked[2].exception(10), ValueError)
    assert [asked[at].result(10) for at in (0, 1, 3)] == [2, 4, 8]


def test_no_writer_waits_for_ever_when_the_commit_fails(
    slow_batch: SlowBatch, submit: Submit
) -> None:
    asked = [submit(item) for item in (1, 2, 0, 4)]
    slow_batch.may_go.set()

    assert asked[0].result(10) == 2
    assert all(isinstance(one.exception(10), ZeroDivisionError) for one in asked[1:])
    assert submit(5).result(10) == 10
