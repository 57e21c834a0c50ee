"""The map of the security checks: none is forgotten, and what it names is there."""

import ast
from collections import Counter
from typing import Any

import pytest
import yaml

from tests.helpers.source_tree import ROOT, format_findings

PLACE = "docs/security/asvs.yaml"
STATES = {"met", "part", "later", "not applicable"}
# the checks, each with the requirements of ASVS 5.0.0 that it stands for
CHECKS = {
    1: "6.2.1 6.2.4 6.2.5 6.2.9",
    2: "11.4.2",
    3: "6.3.3 6.5.1 6.5.5",
    4: "6.3.1 6.3.8",
    5: "6.3.2 13.2.3",
    6: "6.4.1 6.4.3",
    7: "6.4.6",
    8: "7.2.4",
    9: "7.3.1 7.3.2 7.4.2",
    10: "7.4.1 14.3",
    11: "7.4.5 7.5.2",
    12: "7.5.1 7.5.3",
    13: "3.3.1 3.3.2 3.3.3 3.3.4",
    14: "3.5.1 3.5.3",
    15: "3.4.3 3.4.6",
    16: "3.4.1 3.4.4 3.4.5 3.4.8",
    17: "3.7.2",
    18: "4.1.3",
    19: "4.4.2 8.3.1",
    20: "8.2.1 8.3.1",
    21: "8.2.2 8.4.1",
    22: "8.2.3",
    23: "8.3.2",
    24: "2.3.5",
    25: "2.3.1",
    26: "2.3.3 2.3.4 15.4.2",
    27: "2.4.1",
    28: "6.6.3 11.5.1",
    29: "14.2.1 16.2",
    30: "14.2.6 16.3",
    31: "5.2.1 5.2.2 5.2.6 5.3.2 5.4.2 14.2.8",
    32: "1.2.4",
    33: "1.3.1",
    34: "1.2.10",
    35: "1.3.6",
    36: "1.5.1 4.1",
    37: "13.3.1 11",
    38: "16.2.1 16.2.2 16.3.1 16.3.2 16.3.3 16.4.1 16.4.2 16.4.3",
    39: "13.4.2 13.4.5 16.5.1 16.5.2 16.5.3 16.5.4",
    40: "15 12.2.1 14.2.7",
}
# what the second issue must hold: anything but `later`
OF_THE_CONSOLE = {*range(1, 26), *range(29, 35), *range(37, 40)} - {19}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Row:
    read: Row = yaml.safe_load((ROOT / PLACE).read_text(encoding="utf-8"))
    return read


def rows(document: Row) -> list[tuple[str, Row]]:
    """Each check, and each requirement that speaks for itself, with where it stands."""
    found = []
    for number, check in document["checks"].items():
        found.append((f"check {number}", check))
        for key, said in check["asvs"].items():
            if isinstance(said, dict):
                found.append((f"check {number}, {key}", {**check, **said}))
    return found


def test_every_check_and_every_requirement_has_a_row(document: Row) -> None:
    written = {
        number: {str(key) for key in check["asvs"]} for number, check in document["checks"].items()
    }
    wanted = {number: set(ids.split()) for number, ids in CHECKS.items()}
    missing = [
        f"check {number}: {' '.join(sorted(ids ^ written.get(number, set())))}"
        for number, ids in wanted.items()
        if ids != written.get(number)
    ]
    assert not missing, f"{PLACE} lacks, or has too many of:" + format_findings(missing)
    assert written.keys() == wanted.keys()


def test_every_row_says_its_rule_its_state_and_what_holds_it(document: Row) -> None:
    wrong = []
    for place, row in rows(document):
        state, note = row.get("state"), row.get("note")
        if not row.get("rule") or state not in STATES:
            wrong.append(f"{place}: rule or state")
        if state in ("met", "part") and not row.get("tests"):
            wrong.append(f"{place}: {state} without a test")
        if state != "met" and not note:
            wrong.append(f"{place}: {state} without a note")
    assert not wrong, format_findings(wrong)


def test_nothing_of_the_console_is_left_for_later(document: Row) -> None:
    later = [number for number in OF_THE_CONSOLE if document["checks"][number]["state"] == "later"]
    assert not later


def test_every_test_that_is_named_is_there(document: Row) -> None:
    lost = [
        f"{place}: {name}"
        for place, row in rows(document)
        for name in row["tests"]
        if not _is_there(name)
    ]
    assert not lost, format_findings(lost)


def _is_there(name: str) -> bool:
    path, _, function = name.partition("::")
    file = ROOT / path
    if not file.is_file():
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)


def test_the_counts_are_those_of_the_checks(document: Row) -> None:
    counted = Counter(check["state"] for check in document["checks"].values())
    assert document["counts"] == {state: counted[state] for state in document["counts"]}
    assert set(document["counts"]) == STATES
