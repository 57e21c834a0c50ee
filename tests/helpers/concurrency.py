"""Several people at once, each with a database session of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

PEOPLE = 4


def run_concurrently(deed: Callable[[int], object]) -> list[object]:
    """Run `deed` for the numbers 0 to 3 at the same moment, each in a thread.

    Returns what each of them got, or the class of the error that stopped them.
    """
    start = Barrier(PEOPLE)

    def one(number: int) -> object:
        start.wait()
        try:
            return deed(number)
        except Exception as error:
            return type(error)

    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(one, range(PEOPLE)))
