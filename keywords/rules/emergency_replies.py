"""The emergency prompts by topic: the built-in texts, and which topic a kind of danger belongs to.

The built-in texts are data (`emergency_replies.yaml`); a city writes its own on the page of default
replies (`default_replies.set_emergency_texts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class EmergencyTopic:
    """A prompt: its name in keys and files, its Chinese label, and its built-in text."""

    name: str
    label: str
    text: str


@cache
def topics() -> Mapping[str, EmergencyTopic]:
    """All topics by name, in the order of the file."""
    return {
        entry["topic"]: EmergencyTopic(entry["topic"], entry["label"], entry["text"])
        for entry in _entries()
    }


@cache
def topic_of_kind() -> Mapping[str, str]:
    """The name of the topic of each kind of danger that has one."""
    return {kind: entry["topic"] for entry in _entries() for kind in entry["kinds"]}


@cache
def _entries() -> list[dict[str, Any]]:
    path = Path(__file__).with_suffix(".yaml")
    loaded: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    return loaded
