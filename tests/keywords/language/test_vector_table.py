"""The table: little memory, the right rows, and nothing from rows that are still empty."""

import numpy as np
import pytest

from keywords.language.vector_table import Vectors, VectorTable, unit_rows

ROWS, DIMENSIONS = 600, 64


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    made = np.random.default_rng(7).standard_normal((ROWS, DIMENSIONS))
    return unit_rows(made.astype(np.float32))


@pytest.fixture
def table(vectors: Vectors) -> VectorTable:
    table = VectorTable(ROWS, DIMENSIONS)
    table.fill(range(ROWS), vectors)
    return table


def test_products_are_nearly_those_of_the_vectors_themselves(
    table: VectorTable, vectors: Vectors
) -> None:
    found = table.nearest(vectors[0], ROWS)
    assert [found[row] for row in range(ROWS)] == pytest.approx(vectors @ vectors[0], abs=0.01)


def test_the_closest_rows_are_found_and_those_asked_for(
    table: VectorTable, vectors: Vectors
) -> None:
    order = np.argsort(-(vectors @ vectors[3])).tolist()
    assert {*order[:5]} <= {*table.nearest(vectors[3], 20)}
    assert {*table.nearest(vectors[3], 1, also=[order[-1]])} == {3, order[-1]}


def test_empty_rows_are_told_and_never_found(vectors: Vectors) -> None:
    table = VectorTable(3, DIMENSIONS)
    table.fill([1], vectors[:1])
    assert table.empty_rows() == [0, 2]
    assert list(table.nearest(vectors[0], 3)) == [1]
    assert list(table.nearest(vectors[0], 1, also=[0, 1])) == [1]
    assert VectorTable(0, DIMENSIONS).nearest(vectors[0], 1) == {}


def test_rows_are_copied_from_another_table(table: VectorTable, vectors: Vectors) -> None:
    other = VectorTable(2, DIMENSIONS)
    other.copy(table, [(5, 1)])
    assert other.empty_rows() == [0]
    assert other.nearest(vectors[5], 2)[1] == pytest.approx(1, abs=0.01)


def test_a_row_of_zeros_has_no_direction() -> None:
    assert unit_rows(np.zeros((1, 3), dtype=np.float32)).tolist() == [[0, 0, 0]]
