"""Scripts: generated rules, and generated texts with the reply that each should get.

Rules are in order, the first that matches wins. Every text matches one rule or none, so that
servers with another order of precedence must give the same reply.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import accumulate
from typing import TypeVar

from bench.load.protocol import AnyText, Expected

T = TypeVar("T")


class Kind(StrEnum):
    """How the pattern of a rule is compared with a text."""

    EXACT = "exact"
    CONTAINS = "contains"
    PREFIX = "prefix"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class Rule:
    """One keyword and its reply."""

    kind: Kind
    pattern: str
    reply: str

    def as_json(self) -> dict[str, str]:
        """The form that peers read from a file."""
        return asdict(self)

    def fits(self, text: str) -> bool:
        """Whether the rule answers a text."""
        match self.kind:
            case Kind.EXACT:
                return text == self.pattern
            case Kind.CONTAINS:
                return self.pattern in text
            case Kind.PREFIX:
                return text.startswith(self.pattern)
            case Kind.REGEX:
                return re.search(self.pattern, text) is not None


@dataclass(frozen=True, slots=True)
class Script:
    """A text and the reply that should come."""

    text: str
    reply: Expected


_SHARES = {Kind.EXACT: 50, Kind.CONTAINS: 35, Kind.PREFIX: 10, Kind.REGEX: 5}
# texts that match nothing are the slow case for bots that try their rules in turn
_ASKED = {Kind.EXACT: 30, Kind.CONTAINS: 25, Kind.PREFIX: 10, Kind.REGEX: 5, None: 30}
# the ending of a pattern, and a text that it matches
_ENDINGS = {r"\d{1,4}": "12", r".{0,4}吗": "可以吗", r"(号|次|人)": "号", r"[一二三四五]期": "三期"}
# plausible lengths of keywords, with their weights
_LENGTHS = {2: 8, 3: 15, 4: 25, 5: 15, 6: 12, 7: 8, 8: 7, 9: 4, 10: 3, 11: 2, 12: 1}


def _common_characters() -> list[str]:
    """The 3,755 characters of level 1 of GB 2312, shuffled by a fixed seed."""
    rows = [
        bytes((high, low)).decode("gb2312", "ignore")
        for high in range(0xB0, 0xD8)
        for low in range(0xA1, 0xFF)
    ]
    characters = [character for character in rows if character]
    random.Random(7).shuffle(characters)
    return characters


_CHARACTERS = _common_characters()
# roughly the distribution of Chinese character frequencies
_WEIGHTS = list(accumulate(1 / (place + 20) ** 0.9 for place in range(len(_CHARACTERS))))


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(_CHARACTERS, cum_weights=_WEIGHTS, k=length))


def make_rules(count: int, seed: int = 1) -> list[Rule]:
    """Rules in order of priority; half of them exact, a third contains, some of the others."""
    rng = random.Random(seed * 1_000_003 + count)
    rules: list[Rule] = []
    words: set[str] = set()
    while len(rules) < count:
        word = _word(rng, _weighted_choice(rng, _LENGTHS))
        if word in words:
            continue
        words.add(word)
        kind = _weighted_choice(rng, _SHARES)
        pattern = word + rng.choice(list(_ENDINGS)) if kind is Kind.REGEX else word
        rules.append(Rule(kind, pattern, f"回复{len(rules) + 1}：{word[:4]}已收到，谢谢。"))
    return rules


def make_scripts(rules: list[Rule], count: int, seed: int = 2) -> list[Script]:
    """Texts for the rules: 70 % match exactly one of them, the others none.

    For a text without a rule any text is accepted as reply.
    """
    rng = random.Random(seed)
    scripts: list[Script] = []
    for text in _texts(rules, rng):
        # texts that fit two rules are left out: the servers' orders of precedence differ
        fitting = [rule for rule in rules if rule.fits(text)]
        if len(fitting) < 2:
            scripts.append(Script(text, fitting[0].reply if fitting else AnyText()))
        if len(scripts) == count:
            break
    return scripts


def _texts(rules: Iterable[Rule], rng: random.Random) -> Iterator[str]:
    by_kind: dict[Kind | None, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_kind[rule.kind].append(rule)
    while True:
        kind = _weighted_choice(rng, _ASKED)
        if by_kind[kind]:
            yield _text(rng.choice(by_kind[kind]), rng)
        elif kind is None:
            yield _random_text(rng, 4, 30)


def _text(rule: Rule, rng: random.Random) -> str:
    match rule.kind:
        case Kind.EXACT:
            return rule.pattern
        case Kind.CONTAINS:
            return _random_text(rng, 2, 14) + rule.pattern + _random_text(rng, 2, 14)
        case Kind.PREFIX:
            return rule.pattern + _random_text(rng, 3, 20)
        case Kind.REGEX:
            return _random_text(rng, 0, 8) + _example(rule.pattern) + _random_text(rng, 0, 8)


def _example(pattern: str) -> str:
    ending = next(ending for ending in _ENDINGS if pattern.endswith(ending))
    return pattern.removesuffix(ending) + _ENDINGS[ending]


def _random_text(rng: random.Random, least: int, most: int) -> str:
    return _word(rng, rng.randint(least, most))


def _weighted_choice(rng: random.Random, shares: dict[T, int]) -> T:
    return rng.choices(list(shares), list(shares.values()))[0]
