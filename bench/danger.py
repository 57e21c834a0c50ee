"""Danger: how much is missed and what is wrongly heard, by tier, shown and held back apart.

    python -m bench.danger [--json FILE] [--wrong]

`near` speaks of danger without being in it (films, drills, papers, figures of speech); `ordinary`
does not speak of it. What is held back is only counted.
"""

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path

from bench.common.held_back import is_held_back
from bench.common.json_object import JsonObject
from bench.danger_data import Labelled, load_labelled
from keywords.language.normalize import normalize
from keywords.matching.emergencies import Danger, emergency_detector

_GROUPS = ("certain", "possible", "near", "ordinary")


def group_of(message: Labelled) -> str:
    """The group a message is counted in."""
    if message.tier:
        return "certain" if message.tier == 2 else "possible"
    return "ordinary" if message.is_ordinary else "near"


def measure(messages: Iterable[Labelled]) -> JsonObject:
    """By group: messages, shares heard at all and as certain, and shares of the right kind."""
    judged: dict[str, list[tuple[Labelled, Danger | None]]] = {name: [] for name in _GROUPS}
    detector = emergency_detector(frozenset())
    for message in messages:
        judged[group_of(message)].append((message, detector.find(normalize(message.text))))
    dangers = [*judged["certain"], *judged["possible"]]
    heard = [(message, found) for message, found in dangers if found and message.kind]
    return {
        **{name: _shares(rows) for name, rows in judged.items()},
        "danger": _shares(dangers),
        "right_kind": _share([found.kind == message.kind for message, found in heard]),
    }


def mistakes(messages: Iterable[Labelled]) -> Iterable[str]:
    """A line for each danger that is missed and for what is wrongly heard."""
    detector = emergency_detector(frozenset())
    for message in messages:
        found = detector.find(normalize(message.text))
        if bool(found) != bool(message.tier):
            reason = f"{found.tier} {found.kind.label} {found.reason}" if found else "missed"
            yield f"{group_of(message):<9} {reason}: {message.text}"


def microseconds(messages: list[Labelled]) -> float:
    """The time of one decision, on average over messages that each come once."""
    detector = emergency_detector(frozenset())
    normals = [normalize(message.text) for message in messages]
    began = time.perf_counter()
    for normal in normals:
        detector.find(normal)
    return (time.perf_counter() - began) / len(normals) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--json", default="", help="also write the figures to this file")
    parser.add_argument(
        "--wrong", action="store_true", help="list what went wrong, as far as shown"
    )
    chosen = parser.parse_args()
    labelled = load_labelled()
    shown = [message for message in labelled if not is_held_back(message.text)]
    parts = {"shown": shown, "held back": [m for m in labelled if is_held_back(m.text)]}
    figures: JsonObject = {name: measure(messages) for name, messages in parts.items()}
    for name, found in figures.items():
        _print(name, found)
    ordinary = [message for message in shown if message.is_ordinary]
    figures["microseconds"] = microseconds(ordinary)
    print(f"\nan ordinary message takes {figures['microseconds']:.0f} µs")
    for line in mistakes(shown) if chosen.wrong else ():
        print(line)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(figures, ensure_ascii=False), encoding="utf-8")


def _shares(rows: list[tuple[Labelled, Danger | None]]) -> JsonObject:
    return {
        "messages": len(rows),
        "heard": _share([found is not None for _, found in rows]),
        "certain": _share([found is not None and found.is_certain for _, found in rows]),
    }


def _share(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _print(name: str, found: JsonObject) -> None:
    print(f"\n{name:<12} messages    heard  certain")
    for group in (*_GROUPS, "danger"):
        row = found[group]
        print(f"  {group:<10} {row['messages']:>8} {row['heard']:>8.1%} {row['certain']:>8.1%}")
    print(f"  right kind of what is heard {found['right_kind']:.1%}")


if __name__ == "__main__":
    main()
