"""The labelled messages about danger, and the split that nobody looks at while working.

Of what `bench.common.held_back` holds back, nothing is printed or trained on.
"""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

DATA = Path(__file__).with_name("data")
_TIERS = {"certain": 2, "possible": 1, None: 0}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message: tier 2 certain, 1 possible, 0 none; `is_ordinary` does not speak of danger."""

    text: str
    tier: int
    kind: str | None
    is_ordinary: bool


def load_labelled() -> list[Labelled]:
    """The messages of others: about danger, and ordinary ones that citizens wrote."""
    dangers = [_labelled(row, is_ordinary=False) for row in _read("danger-messages.jsonl")]
    rest = (*_read("everyday-messages.jsonl"), *_read("citizen-messages.jsonl"))
    ordinary = [_labelled(row, is_ordinary=True) for row in rest if row["kind"] != "emergency"]
    return [*dangers, *ordinary]


def load_training() -> list[Labelled]:
    """Messages written for training, none of which measures anything."""
    return [
        _labelled(row, is_ordinary=row["kind"] == "ordinary")
        for row in _read("danger-training.jsonl")
    ]


def make_messages() -> list[Labelled]:
    """Messages made of the statements and frames of `danger-templates.yaml`, always the same."""
    chance = random.Random(2)
    data = yaml.safe_load((DATA / "danger-templates.yaml").read_text("utf-8"))
    statements = [(kind, said) for kind, listed in data["statements"].items() for said in listed]
    made = []
    for name, count in data["count"].items():
        tier = _TIERS[None if name == "near" else name]
        for _ in range(count):
            kind, said = chance.choice(statements)
            parts = {part: chance.choice(listed) for part, listed in data["parts"].items()}
            text = chance.choice(data["frames"][name]).format(s=said, **parts)
            made.append(Labelled(text, tier, kind if tier else None, is_ordinary=False))
    return made


def _read(name: str) -> Iterable[dict[str, str]]:
    return map(json.loads, (DATA / name).read_text("utf-8").splitlines())


def _labelled(row: dict[str, str], *, is_ordinary: bool) -> Labelled:
    return Labelled(row["text"], _TIERS[row.get("emergency")], row.get("danger"), is_ordinary)
