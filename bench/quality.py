"""Keyword quality: how often the demo rules give the right answer.

    python -m bench.quality [--json FILE] [--wrong] [FILE ...]

Each line of a file is one labelled message: text, department (the account it was written to),
intent (the rule that should answer, or null), and where known also, matrix_intent, kind, style.
Messages to the head account are matched against all rules, others against their department's.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, the project is not on the path

from bench.common.json_object import JsonObject  # noqa: E402 - after the path is set
from keywords.matching.ruleset import RuleSet  # noqa: E402 - after the path is set
from keywords.rules import spec  # noqa: E402 - after the path is set
from keywords.rules.default_replies import DefaultReplies  # noqa: E402 - after the path is set
from keywords.rules.inheritance import AccountPosition  # noqa: E402 - after the path is set
from keywords.rules.values import MatchInput  # noqa: E402 - after the path is set

RULES = ROOT / "config/demo/keywords.yaml"
MESSAGES = ROOT / "bench/data/citizen-messages.jsonl"
# a Tuesday at eleven, so that rules limited to office hours are active
NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
HEAD = "release"

# shares from the sample data's description; an emergency must never be missed
TARGETS = {"hit": 0.92, "wrong": 0.02, "false_fire": 0.03, "emergency": 1.0}


@dataclass
class Demo:
    """The demo's rule set, and the account id of each department."""

    book: RuleSet
    accounts: dict[str, int]

    @classmethod
    def load(cls, path: Path = RULES) -> "Demo":
        """Compile the rules of a file for one account per department."""
        document = yaml.safe_load(path.read_text("utf-8"))
        listed = spec.parse_rules(document)
        names = sorted({rule_spec.department for rule_spec in listed} | {HEAD})
        accounts = {name: number for number, name in enumerate(names, 1)}
        rules = [
            rule_spec.rule(department_id=accounts[rule_spec.department]) for rule_spec in listed
        ]
        # the own department first, then those below it
        everyone = (accounts[HEAD], *(key for name, key in accounts.items() if name != HEAD))
        reaches = [
            AccountPosition(
                number, own_and_below=everyone if name == HEAD else (number,), ancestors=()
            )
            for name, number in accounts.items()
        ]
        words = tuple(document["emergency"]["keywords"])
        return cls(
            RuleSet().with_rules(rules, reaches, DefaultReplies(emergency_words=words)), accounts
        )


def classify(demo: Demo, message: JsonObject) -> JsonObject:
    """One message with its result: rule, emergency, suggestions."""
    account, text = demo.accounts[message["department"]], message["text"]
    # in the order of the callback's answerers: emergency words come before rules, suggestions after
    alarm = demo.book.find_emergency(text)
    rule = None if alarm else demo.book.match(account, MatchInput(text), now=NOW)
    suggested = () if alarm or rule else demo.book.suggest(account, text, now=NOW)
    got = rule.slug if rule else None
    # some messages have more than one right answer
    wanted = [message["intent"], *message.get("also", ())]
    if message["intent"] is None:
        outcome = "false_fire" if got else "quiet"
    else:
        outcome = "hit" if got in wanted else "wrong" if got else "missed"
    return {
        **message,
        "got": got,
        "outcome": outcome,
        "alarm": alarm,
        "suggested": [each.slug for each in suggested],
    }


def compute_metrics(judged: Iterable[JsonObject]) -> JsonObject:
    """The measures of the sample data's README over a set of classified messages."""
    rows = list(judged)
    outcomes = Counter(row["outcome"] for row in rows)
    asked = [row for row in rows if row["intent"] is not None]
    unasked = [row for row in rows if row["intent"] is None]
    dangers = [row for row in rows if row.get("kind") == "emergency"]
    misrouted = [row for row in rows if row.get("kind") == "misroute"]
    near = [row for row in asked if row["outcome"] == "missed"]
    return {
        "messages": len(rows),
        "hit": _part(outcomes["hit"], asked),
        "wrong": _part(outcomes["wrong"], asked),
        "missed": _part(outcomes["missed"], asked),
        "false_fire": _part(outcomes["false_fire"], unasked),
        "emergency": _part(sum(bool(row["alarm"]) for row in dangers), dangers),
        "false_alarms": sum(bool(row["alarm"]) for row in rows)
        - sum(bool(row["alarm"]) for row in dangers),
        "transfer": _part(
            sum(row["matrix_intent"] in row["suggested"] for row in misrouted), misrouted
        ),
        "missed_but_suggested": _part(sum(row["intent"] in row["suggested"] for row in near), near),
        "quiet_with_suggestion": _part(
            sum(bool(row["suggested"]) for row in unasked if row not in misrouted),
            [row for row in unasked if row not in misrouted],
        ),
    }


def report(path: Path, demo: Demo) -> JsonObject:
    """All measures of one file: overall, by style, by kind, and the wrong messages."""
    lines = path.read_text("utf-8").splitlines()
    rows = [classify(demo, json.loads(line)) for line in lines]
    groups: dict[str, dict[str, list[JsonObject]]] = {
        "style": defaultdict(list),
        "kind": defaultdict(list),
    }
    for row in rows:
        for name, grouped in groups.items():
            if name in row:
                # a style and the same style with noise are one group
                grouped[row[name].replace("+noise", "")].append(row)
    return {
        "file": path.name,
        "overall": compute_metrics(rows),
        **{
            f"by_{name}": {key: compute_metrics(grouped[key]) for key in sorted(grouped)}
            for name, grouped in groups.items()
        },
        "wrong": [
            row
            for row in rows
            if row["outcome"] in ("wrong", "missed", "false_fire")
            or bool(row["alarm"]) != (row.get("kind") == "emergency")
        ],
    }


def print_errors(found: JsonObject, *, wrong: bool) -> None:
    """Print one report as tables."""
    print(f"\n{found['file']}: {found['overall']['messages']} messages")
    for name, value in found["overall"].items():
        target = TARGETS.get(name)
        aim = f"   target {target:.0%}" if target is not None else ""
        print(f"  {name:<22}{_number(value):>8}{aim}")
    for group in ("by_style", "by_kind"):
        if not found[group]:
            continue
        columns = ("messages", "hit", "wrong", "missed", "false_fire", "transfer")
        print(f"\n  {group[3:]:<14}" + "".join(f"{name:>12}" for name in columns))
        for key, values in found[group].items():
            print(f"  {key:<14}" + "".join(f"{_number(values[name]):>12}" for name in columns))
    for row in found["wrong"] if wrong else ():
        print(f"  {row['outcome']:<10} {row['department']:<9} wanted {row['intent']}", end="")
        print(
            f" got {row['got']} alarm {row['alarm']} suggested {row['suggested']} {row['text']!r}"
        )


def _part(count: int, rows: list[JsonObject]) -> float | None:
    return round(count / len(rows), 4) if rows else None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if isinstance(value, float) else str(value)


def main() -> None:
    """Measure the files named, or the labelled messages."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="*", type=Path, default=[MESSAGES])
    parser.add_argument("--json", default="", help="also write the figures to this file")
    parser.add_argument("--wrong", action="store_true", help="list what went wrong")
    chosen = parser.parse_args()
    demo = Demo.load()
    found = {path.name: report(path, demo) for path in chosen.files}
    for figures in found.values():
        print_errors(figures, wrong=chosen.wrong)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
