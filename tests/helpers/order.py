"""The order of tests: long ones first, so that no process is alone with one at the end.

xdist's worksteal gives each process a stretch of the list and lets who is done take from the end
of another's. So each stretch begins with its share of the long tests.
"""

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the list into order; alike in all processes."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if _is_long(item)]
    short = [item for item in items if not _is_long(item)]
    items[:] = [
        item
        for number in range(workers)
        for item in (
            *long[number::workers],
            *short[number * len(short) // workers : (number + 1) * len(short) // workers],
        )
    ]


def _is_long(item: pytest.Item) -> bool:
    """Whether it starts processes, or has asked for more time than others get."""
    starts = "processes" in getattr(item, "fixturenames", ())
    return starts or any(item.get_closest_marker(name) for name in ("processes", "timeout"))
