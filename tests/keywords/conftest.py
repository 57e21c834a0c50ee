"""Departments for tests of stored rules."""

from collections.abc import Callable

import pytest

from matrix import departments
from tests.fixtures import NOW


@pytest.fixture
def make_department(rolled_back: None) -> Callable[[str], int]:
    """Found a department by code. Gives its number."""

    def make(code: str) -> int:
        return departments.add(code=code, name=f"{code}局", kind="政府部门", now=NOW).id

    return make
