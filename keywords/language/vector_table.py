"""Vectors in little memory: a table that finds the rows closest to a vector.

A unit vector is kept as one byte a dimension and one factor a row, a quarter of its size as
float32. A dot product is then off by less than 0.01, and reading the table, which is what a
search through 20,000 rows costs, takes a third of the time.

Importing this module imports numpy; `meaning` does so only where there is an encoder.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_EMPTY = -2.0  # no product of unit vectors
_BYTE = 127  # the largest number of one signed byte
# Rows that are compared in one step; as float32 they fit in the second cache of a core.
_ROWS_AT_ONCE = 256


class VectorTable:
    """A fixed number of rows, each empty until it is filled.

    One thread may fill it while others search: a row counts only once it is whole.
    """

    def __init__(self, rows: int, dimensions: int) -> None:
        """An empty table."""
        self._bytes = np.zeros((rows, dimensions), dtype=np.int8)
        self._factors = np.zeros(rows, dtype=np.float32)

    def fill(self, rows: Sequence[int], vectors: Vectors) -> None:
        """Put unit vectors, one for each row, into rows."""
        largest = np.maximum(np.abs(vectors).max(axis=1), np.finfo(np.float32).tiny)
        self._bytes[rows] = np.rint(vectors * (_BYTE / largest)[:, None])
        # last: a row without a factor is empty for whoever searches meanwhile
        self._factors[rows] = largest / _BYTE

    def copy(self, source: "VectorTable", pairs: Iterable[tuple[int, int]]) -> None:
        """Copy rows of another table of equal dimensions, given as (row there, row here)."""
        for there, here in pairs:
            self._bytes[here] = source._bytes[there]
            self._factors[here] = source._factors[there]

    def empty_rows(self) -> list[int]:
        """The rows that are still empty."""
        rows: list[int] = np.flatnonzero(self._factors == 0).tolist()
        return rows

    def nearest(self, vector: Vectors, count: int, *, also: Sequence[int] = ()) -> dict[int, float]:
        """The dot product of a unit vector with its `count` closest rows, and with rows in `also`.

        By row; rows that are still empty are left out.
        """
        found = self._similarities(vector)
        rows = np.arange(len(found))
        if count < len(found):
            closest = np.argpartition(found, -count)[-count:]
            rows = np.union1d(closest, np.asarray(also, dtype=np.intp))
        pairs = zip(rows.tolist(), found[rows].tolist(), strict=True)
        return {row: product for row, product in pairs if product > _EMPTY}

    def _similarities(self, vector: Vectors) -> Vectors:
        found = np.empty(len(self._factors), dtype=np.float32)
        for start in range(0, len(found), _ROWS_AT_ONCE):
            stop = start + _ROWS_AT_ONCE
            found[start:stop] = self._bytes[start:stop].astype(np.float32) @ vector
        found *= self._factors
        found[self._factors == 0] = _EMPTY
        return found


def unit_rows(vectors: Vectors) -> Vectors:
    """Each row at length 1; a row of zeros stays."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    scaled: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled.astype(np.float32)
