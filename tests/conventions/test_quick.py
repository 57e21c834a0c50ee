"""The inner loop chooses the tests that a change may break."""

from pathlib import Path

from tools import quick


def names(*changed: str) -> list[str]:
    return [str(path) for path in quick.chosen(Path(name) for name in changed)]


def test_a_test_chooses_itself() -> None:
    assert names("tests/conventions/test_quick.py")[:1] == ["tests/conventions/test_quick.py"]


def test_a_module_chooses_the_tests_at_its_place_first_and_those_that_import_it() -> None:
    found = names("tools/quick.py")
    assert "tests/conventions/test_quick.py" in found
    assert names("config/security/masking.py")[0] == "tests/config/security/test_masking.py"


def test_a_helper_of_tests_chooses_those_that_import_it() -> None:
    assert "tests/app/console/test_routes.py" in names("tests/app/console/junk.py")


def test_a_document_chooses_nothing() -> None:
    assert names("README.md") == []


def test_whatever_is_chosen_is_there() -> None:
    assert [name for name in names("app/web/unit_of_work.py") if not Path(name).exists()] == []
