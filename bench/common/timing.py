"""Timing of work done by other processes: request it, and wait until it is done."""

import json
import signal
import threading
import time
from collections.abc import Callable
from statistics import median

_ALONE = 50
_PATIENCE = 300.0  # seconds
# rare enough that asking does not slow down those who work
_POLL = 0.02
# often, because a single job takes a few milliseconds; nothing else runs then
_POLL_ALONE = 0.0005


def measure_jobs(
    enqueue: Callable[[], object], count_done: Callable[[], int], *, count: int
) -> None:
    """Enqueue jobs and print times as JSON.

    `alone_ms` is the median time from enqueueing a single job, with nothing else to do, until it
    is done. Then `count` jobs are enqueued as fast as possible: `asked_per_s` counts until the
    last was enqueued, `done_per_s` until the last was done.
    """
    # before the many: with a backlog a single job would wait for it
    alone = [_measure_single(enqueue, count_done) for _ in range(_ALONE)]
    finished = count_done() + count
    began = time.perf_counter()
    for _ in range(count):
        enqueue()
    asked = time.perf_counter() - began
    _wait_until(lambda: count_done() >= finished, _POLL)
    took = time.perf_counter() - began
    figures = {
        "alone_ms": median(alone) * 1000,
        "asked_per_s": count / asked,
        "done_per_s": count / took,
    }
    print(json.dumps(figures))


def wait_for_stop() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


def _measure_single(enqueue: Callable[[], object], count_done: Callable[[], int]) -> float:
    before = count_done()
    began = time.perf_counter()
    enqueue()
    _wait_until(lambda: count_done() > before, _POLL_ALONE)
    return time.perf_counter() - began


def _wait_until(condition: Callable[[], bool], pause: float) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the work was not done in time")
        time.sleep(pause)
