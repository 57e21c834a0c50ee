"""The demo's rules on messages that people might write, and the promise not to quote them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import quality
from bench.quality import Demo
from keywords.language.normalize import fold, normalize

HERE = Path(__file__).parent
WORDS = HERE.parents[1] / "keywords/language/lexicons"
FILES = [quality.MESSAGES, *sorted((HERE / "data").glob("*.jsonl"))]
# numbers people dial are natural keys
NATURAL = {"12345", "12315"}
LONGEST_KEY = 4
# of messages that rules were written by, more is asked than of those nobody has seen
LEAST_RIGHT = 0.92


@cache
def report(path: Path) -> dict[str, Any]:
    """The measures of one file under the demo's rules."""
    found: dict[str, Any] = quality.report(path, Demo.load())["overall"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_demo_answers_well_enough(path: Path) -> None:
    found = report(path)
    assert found["right"] >= LEAST_RIGHT
    assert found["wrong"] <= quality.TARGETS["wrong"]
    assert found["false"] <= quality.TARGETS["false"]


def test_every_labelled_emergency_is_detected_and_nearly_nothing_else() -> None:
    found = report(quality.MESSAGES)
    assert found["emergency"] == 1.0
    assert found["false_alarms"] <= 3


def test_who_asked_the_wrong_department_is_pointed_to_the_right_one() -> None:
    assert report(quality.MESSAGES)["transfer"] >= 0.9


def test_every_rule_has_three_paraphrases_written_before_it_was_tuned() -> None:
    lines = (HERE / "data/paraphrases_2026-11-24_p.jsonl").read_text("utf-8").splitlines()
    intents = [json.loads(line)["intent"] for line in lines]
    codes = {rule["id"] for rule in yaml.safe_load(quality.RULES.read_text("utf-8"))["rules"]}
    assert [code for code in codes if intents.count(code) < 3] == []


def test_no_rule_and_no_word_list_quotes_a_whole_test_message() -> None:
    messages = set()
    for path in FILES:
        for line in path.read_text("utf-8").splitlines():
            normal = normalize(json.loads(line)["text"])
            messages |= {normal.text, normal.core, normal.standard}
    listed = {fold(part) for text in _texts() for part in re.split(r"[\s|]+", text)}
    assert {word for word in listed & messages if len(word) > LONGEST_KEY} <= NATURAL


def _texts() -> list[str]:
    """Everything the demo's rules listen for and every word of the word lists."""
    found: list[str] = []
    for rule in yaml.safe_load(quality.RULES.read_text("utf-8"))["rules"]:
        for field in ("exact", "keywords", "together", "patterns", "with", "without"):
            found += rule.get(field, ())
    for path in WORDS.glob("*.yaml"):
        _collect(yaml.safe_load(path.read_text("utf-8")), found)
    return [str(text) for text in found]


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            found.append(str(name))
            _collect(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, found)
    else:
        found.append(str(value))
