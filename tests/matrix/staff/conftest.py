"""A small city and its people, for the tests of staff."""

import pytest

from config.permissions import Principal
from matrix.departments import Department
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from tests.helpers import NOW
from tests.matrix.conftest import MakeDepartment
from tests.matrix.staff._people import Hire, member


@pytest.fixture
def city(make_department: MakeDepartment) -> dict[str, Department]:
    """release ── police ── station; hrss beside them."""
    release = make_department("release")
    police = make_department("police", below=release)
    return {
        "release": release,
        "police": police,
        "station": make_department("station", below=police),
        "hrss": make_department("hrss", below=release),
    }


@pytest.fixture
def hire(city: dict[str, Department]) -> Hire:
    """Enter a person with roles; each as (role, code of a department or None)."""
    count = iter(range(100))

    def one(home: str | None, *roles: tuple[Role, str | None]) -> Staff:
        number = next(count)
        person = members.create(
            sign_in_name=f"person{number}",
            name=f"人员{number}",
            department_id=city[home].id if home else None,
            now=NOW,
        )
        for role, code in roles:
            wish = GrantSpec(role=role, department_id=city[code].id if code else None)
            grants.create(person.id, wish, by=None, now=NOW)
        return person

    return one


@pytest.fixture
def admin(hire: Hire) -> Principal:
    """The administrator of the police."""
    return member(hire("police", (Role.DEPARTMENT_ADMIN, "police")))


@pytest.fixture
def root(hire: Hire) -> Principal:
    """The administrator of the city."""
    return member(hire(None, (Role.MATRIX_ADMIN, None)))
