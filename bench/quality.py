"""Keyword quality: how often the demo rules give the right answer.

    python -m bench.quality [--split train|held-back] [--wrong] [--json FILE] [FILE ...]

Each line of a file is one labelled message: text, department (the account it was written to),
intent (the rule that should answer, or null), and where known also (other right answers),
matrix_intent, kind, style. Messages to the head account are matched against all rules, others
against their department's.

About 30 % of the messages are held back, by a fixed hash of the text: who changes rules or
words looks at the others only, and both parts are reported apart. `SENTENCE_ENCODER=off` measures
without the encoder.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, the project is not on the path

from bench.common.held_back import is_held_back  # noqa: E402 - after the path is set
from bench.common.json_object import JsonObject  # noqa: E402 - after the path is set
from keywords.matching.ruleset import RuleSet  # noqa: E402 - after the path is set
from keywords.rules import spec  # noqa: E402 - after the path is set
from keywords.rules.default_replies import DefaultReplies  # noqa: E402 - after the path is set
from keywords.rules.inheritance import AccountPosition  # noqa: E402 - after the path is set
from keywords.rules.values import MatchInput  # noqa: E402 - after the path is set

RULES = ROOT / "config/demo/keywords.yaml"
DEPARTMENTS = ROOT / "config/demo/departments.yaml"
MESSAGES = ROOT / "bench/data/citizen-messages.jsonl"
FILES = (
    MESSAGES,
    ROOT / "bench/data/everyday-messages.jsonl",
    ROOT / "bench/data/two-questions.jsonl",
)
# a Tuesday at eleven, so that rules limited to office hours are active
NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
HEAD = "release"
SPLITS = ("train", "held-back")
# rules and words were written with every message of these in view
TRAINING_FILES = frozenset({MESSAGES.name})

# an emergency must never be missed
TARGETS = {
    "right": 0.90,
    "right_among_three": 0.95,
    "wrong": 0.02,
    "false": 0.03,
    "emergency": 1.0,
}
_COLUMNS = ("messages", "right", "right_among_three", "wrong", "false", "transfer", "suggested")


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
        places = yaml.safe_load(DEPARTMENTS.read_text("utf-8"))
        names = sorted(
            {rule_spec.department for rule_spec in listed}
            | {place["id"] for place in (*places["departments"], *places["towns"])}
        )
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
        book = RuleSet().with_rules(rules, reaches, DefaultReplies(emergency_words=words))
        book.update_meanings(seconds=inf)
        return cls(book, accounts)


def split_of(path: Path, text: str) -> str:
    """The part a message belongs to, `train` or `held-back`."""
    return SPLITS[is_held_back(text) and path.name not in TRAINING_FILES]


def read_messages(path: Path, split: str | None = None) -> list[JsonObject]:
    """The labelled messages of a file, of both parts or of one."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row for row in rows if split in (None, split_of(path, row["text"]))]


def right_rules(message: JsonObject) -> set[str]:
    """The slugs of the rules that answer a message rightly; some have more than one."""
    return {slug for slug in (message["intent"], *message.get("also", ())) if slug}


def classify(demo: Demo, message: JsonObject) -> JsonObject:
    """One message with its result: rule, emergency, suggestions."""
    account, text = demo.accounts[message["department"]], message["text"]
    # in the order of the callback's answerers: emergency words come before rules, suggestions after
    danger = demo.book.find_danger(text)
    alarm = danger.reason if danger and danger.is_certain else None
    rule = None if alarm else demo.book.match(account, MatchInput(text), now=NOW)
    suggested = () if alarm or rule else demo.book.suggest(account, text, now=NOW)
    got = rule.slug if rule else None
    if message["intent"] is None:
        # of a danger that is possible the rule's answer stays, with a line of numbers behind it
        is_heard = danger is not None and message.get("kind") == "emergency"
        outcome = "false" if got and not is_heard else "quiet"
    else:
        outcome = "right" if got in right_rules(message) else "wrong" if got else "missed"
    return {
        **message,
        "got": got,
        "outcome": outcome,
        "alarm": alarm,
        "suggested": [each.slug for each in suggested],
    }


def compute_metrics(judged: Iterable[JsonObject]) -> JsonObject:
    """The measures over a set of classified messages, as shares of those they speak of."""
    rows = list(judged)
    outcomes = Counter(row["outcome"] for row in rows)
    asked = [row for row in rows if row["intent"] is not None]
    unasked = [row for row in rows if row["intent"] is None]
    dangers = [row for row in rows if row.get("kind") == "emergency"]
    # another department's rule would be right
    misrouted = [row for row in unasked if row.get("kind") == "misroute"]
    unanswerable = [row for row in unasked if row not in misrouted]
    offered = sum(bool(right_rules(row) & {*row["suggested"]}) for row in asked)
    return {
        "messages": len(rows),
        "right": _part(outcomes["right"], asked),
        "right_among_three": _part(outcomes["right"] + offered, asked),
        "wrong": _part(outcomes["wrong"], asked),
        "missed": _part(outcomes["missed"], asked),
        "false": _part(outcomes["false"], unasked),
        "transfer": _part(
            sum(row["matrix_intent"] in row["suggested"] for row in misrouted), misrouted
        ),
        # of what no rule of the city answers; the fewer the better
        "suggested": _part(sum(bool(row["suggested"]) for row in unanswerable), unanswerable),
        "emergency": _part(sum(bool(row["alarm"]) for row in dangers), dangers),
        "false_alarms": sum(bool(row["alarm"]) for row in rows)
        - sum(bool(row["alarm"]) for row in dangers),
    }


def report(path: Path, demo: Demo, split: str | None = None) -> JsonObject:
    """All measures of one file: overall, by style, by kind, and the wrong messages."""
    rows = [classify(demo, message) for message in read_messages(path, split)]
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
        "split": split,
        "overall": compute_metrics(rows),
        **{
            f"by_{name}": {key: compute_metrics(grouped[key]) for key in sorted(grouped)}
            for name, grouped in groups.items()
        },
        "wrong": [
            row
            for row in rows
            if row["outcome"] in ("wrong", "missed", "false")
            or bool(row["alarm"]) != (row.get("kind") == "emergency")
        ],
    }


def print_report(found: JsonObject, *, wrong: bool) -> None:
    """Print one report as tables."""
    print(f"\n{found['file']}, {found['split']}: {found['overall']['messages']} messages")
    for name, value in found["overall"].items():
        target = TARGETS.get(name)
        aim = f"   target {target:.0%}" if target is not None else ""
        print(f"  {name:<22}{_number(value):>8}{aim}")
    for group in ("by_style", "by_kind"):
        if not found[group]:
            continue
        print(f"\n  {group[3:]:<20}" + "".join(f"{name:>18}" for name in _COLUMNS))
        for key, values in found[group].items():
            print(f"  {key:<20}" + "".join(f"{_number(values[name]):>18}" for name in _COLUMNS))
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
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--split", choices=SPLITS, help="only this part, else both, apart")
    parser.add_argument("--json", default="", help="also write the figures to this file")
    parser.add_argument("--wrong", action="store_true", help="list what went wrong in training")
    chosen = parser.parse_args()
    demo = Demo.load()
    found = {
        path.name: {
            split: figures
            for split in ([chosen.split] if chosen.split else SPLITS)
            if (figures := report(path, demo, split))["overall"]["messages"]
        }
        for path in chosen.files
    }
    for parts in found.values():
        for split, figures in parts.items():
            # seen once, a message of the held-back part proves nothing any more
            print_report(figures, wrong=chosen.wrong and split == "train")
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
