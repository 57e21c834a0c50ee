"""What a peer is told: accounts, rules in order of priority, and what to say otherwise."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """One official account."""

    appid: str
    original_id: str
    token: str
    aes_key: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`kind` is exact, contains, prefix or regex."""

    kind: str
    pattern: str
    reply: str


@dataclass(frozen=True, slots=True)
class Bot:
    """The first rule that fits answers."""

    accounts: list[Account]
    rules: list[Rule]
    fallback: str


def load_config() -> Bot:
    """The bot of the file that BENCH_BOT names."""
    said = json.loads(Path(os.environ["BENCH_BOT"]).read_text(encoding="utf-8"))
    return Bot(
        accounts=[Account(**account) for account in said["accounts"]],
        rules=[Rule(**rule) for rule in said["rules"]],
        fallback=said["fallback"],
    )
